// Internal: reads a file that may or may not be gzip-compressed, and compresses.
#pragma once

#include <zlib.h>

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <voxgrad/io/descriptor.h>

namespace [[gnu::visibility("default")]] voxgrad {

/// The uncompressed bytes of a file, gzip or plain, in order. Every failure is a FileError that
/// begins with `op` and the path.
class GzipReader {
 public:
  GzipReader(std::string_view op, const std::string& path);
  ~GzipReader();
  GzipReader(const GzipReader&) = delete;
  GzipReader& operator=(const GzipReader&) = delete;

  /// Fills `bytes` as far as the file reaches and returns how many that were.
  /// @throws FileError when the compressed data is corrupt, cut off, or followed by other bytes
  /// than gzip data or zeros.
  std::size_t read(std::span<std::byte> bytes);

  /// Reads on to the end without storing anything and returns how many bytes there were. Only then
  /// gzip's checksum and length have been checked. @throws FileError as read does.
  std::uint64_t skip_to_end();

  /// Back to byte 0.
  void rewind();

  [[noreturn]] void fail(const std::string& why) const;

 private:
  bool fill();
  bool begin_member();
  std::size_t read_plain(std::span<std::byte> bytes);
  std::size_t inflate_some(std::span<std::byte> bytes);

  std::string op_;
  std::string path_;
  Descriptor descriptor_;
  bool compressed_ = false;
  bool inside_ = false;  // of a gzip member
  z_stream stream_ = {};
  std::vector<std::byte> input_;
  std::span<const std::byte> rest_;  // of input_: what was read from the file and not yet used
};

/// A gzip file of the parts one after the other, the same bytes at every call (no time stamp, no
/// name).
std::vector<std::byte> gzip_compress(std::initializer_list<std::span<const std::byte>> parts);

}  // namespace voxgrad
