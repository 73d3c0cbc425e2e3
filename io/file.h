// Whole files: written atomically, read with a limit. Every failure is a FileError that names the
// path and the reason.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace [[gnu::visibility("default")]] voxgrad {

/// A file that appears whole or not at all. Bytes go to a temporary file in the target's folder;
/// commit() syncs it and puts it in the target's place. Destroyed without commit(), it removes the
/// temporary file and the target stays as it was. Where the file system can, the temporary file has
/// no name, so that nothing stays behind either when the process is killed.
class AtomicFile {
 public:
  /// Follows symbolic links; an existing target keeps its permissions.
  /// @throws FileError when the folder is missing or not writable, or the target is no regular
  /// file.
  explicit AtomicFile(const std::string& path);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  /// Appends. @throws FileError (a full disk, say).
  void write(std::span<const std::byte> bytes);
  void write(std::string_view text) { write(std::as_bytes(std::span(text))); }

  /// Puts the file in place; nothing may be written after. @throws FileError, and then the target
  /// stays as it was.
  void commit();

 private:
  void put_in_place(int descriptor);

  std::string target_;
  std::string temporary_;  // empty where it has no name
  int descriptor_ = -1;
};

/// Writes a whole file atomically. @throws FileError as AtomicFile does.
void write_file(const std::string& path, std::span<const std::byte> bytes);
void write_file(const std::string& path, std::string_view text);

/// The bytes of a regular file. @throws FileError when it is missing, unreadable or longer than
/// `limit` bytes.
std::vector<std::byte> read_file(const std::string& path, std::uint64_t limit);

/// Size of a regular file in bytes. @throws FileError when it is missing or something else.
std::uint64_t file_size(const std::string& path);

/// Creates the folder with its parents where missing and tries that a file can be made in it;
/// leaves no file behind.
/// @throws FileError with the reason.
void make_writable_directory(const std::string& path);

}  // namespace voxgrad
