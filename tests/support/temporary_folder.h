// A folder for one test's files, gone with the object.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace voxgrad::test {

class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  const std::string& path() const { return path_; }
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }

  /// Names of everything in the folder, hidden files too, sorted.
  std::vector<std::string> list() const;

 private:
  std::string path_;
};

/// Writes a file by the plainest means, so that tests of the library's own writing do not lean on
/// it.
void put_file(const std::string& path, std::span<const std::byte> bytes);
void put_file(const std::string& path, const std::string& text);

/// The bytes of a file; fails the test when there is none.
std::vector<std::byte> get_file(const std::string& path);

/// What `f` throws as text, "" when it throws nothing of type E.
template <typename E, typename F>
std::string message_of(F&& f) {
  try {
    f();
  } catch (const E& error) {
    return error.what();
  }
  return "";
}

}  // namespace voxgrad::test
