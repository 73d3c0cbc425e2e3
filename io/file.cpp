#include <voxgrad/io/file.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <filesystem>
#include <system_error>
#include <utility>

#include <voxgrad/core/check.h>
#include <voxgrad/io/descriptor.h>

namespace voxgrad {
namespace {

namespace fs = std::filesystem;

std::string reason(int error) { return std::generic_category().message(error); }

[[noreturn]] void fail(std::string_view op, const std::string& path, const std::string& why) {
  throw FileError(fmt::format("{}: {}: {}", op, path, why));
}

// Unique among the threads of this process and among processes that run.
std::string temporary_name(const fs::path& target) {
  static std::atomic<std::uint64_t> counter{0};
  const std::string name = fmt::format(".{}.{}-{}.tmp", target.filename().string().substr(0, 200),
                                       ::getpid(), counter.fetch_add(1));
  return (target.parent_path() / name).string();
}

// Calls make(name) with new temporary names until one is not that of a file which a killed process
// of the same id left behind.
template <typename Make>
int with_temporary_name(const fs::path& target, std::string& name, Make make) {
  constexpr int kTries = 1000;
  int result = -1;
  for (int i = 0; i < kTries; ++i) {
    name = temporary_name(target);
    result = make(name.c_str());
    if (result >= 0 || errno != EEXIST) break;
  }
  return result;
}

int open_named(const fs::path& target, std::string& name) {
  return with_temporary_name(target, name, [](const char* path) {
    return ::open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  });
}

fs::path folder_of(const fs::path& file) {
  return file.parent_path().empty() ? fs::path(".") : file.parent_path();
}

// Where an open file can be reached to give it a name.
std::string link_to(int descriptor) { return fmt::format("/proc/self/fd/{}", descriptor); }

// A file without a name, which the system removes when the process ends, however it does; -1 where
// the file system has no such files.
int open_nameless(const fs::path& folder) {
  const int descriptor = ::open(folder.c_str(), O_TMPFILE | O_WRONLY | O_CLOEXEC, 0666);
  if (descriptor < 0 || ::access(link_to(descriptor).c_str(), F_OK) == 0) return descriptor;
  ::close(descriptor);
  return -1;
}

int give_name(int descriptor, const char* name) {
  return ::linkat(AT_FDCWD, link_to(descriptor).c_str(), AT_FDCWD, name, AT_SYMLINK_FOLLOW);
}

// What a chain of symbolic links leads to, be it there or not.
std::string resolved(const std::string& path) {
  constexpr int kMostLinks = 40;  // the system's own limit
  fs::path place = path;
  std::error_code error;
  for (int i = 0; i <= kMostLinks; ++i) {
    if (!fs::is_symlink(place, error)) return place.string();
    const fs::path next = fs::read_symlink(place, error);
    if (error) fail("write", path, error.message());
    place = place.parent_path() / next;
  }
  fail("write", path, reason(ELOOP));
}

// The folder entry too must reach the disk. Some file systems refuse to sync folders; the file
// itself is safe by then.
void sync_folder(const fs::path& file) {
  const Descriptor folder(::open(folder_of(file).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (folder) ::fsync(folder.get());
}

}  // namespace

OpenFile open_regular(const std::string& path) {
  Descriptor descriptor(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!descriptor) fail("read", path, reason(errno));
  struct stat status = {};
  if (::fstat(descriptor.get(), &status) != 0 || !S_ISREG(status.st_mode)) {
    fail("read", path,
         S_ISDIR(status.st_mode) ? "is a folder, not a file" : "is not a regular file");
  }
  return {std::move(descriptor), static_cast<std::uint64_t>(status.st_size)};
}

AtomicFile::AtomicFile(const std::string& path) {
  if (path.empty()) fail("write", "(empty path)", "a file name is needed");
  target_ = resolved(path);
  struct stat status = {};
  const bool exists = ::stat(target_.c_str(), &status) == 0;
  if (exists && S_ISDIR(status.st_mode)) fail("write", path, "is a folder, not a file");
  if (exists && !S_ISREG(status.st_mode)) fail("write", path, "is not a regular file");
  descriptor_ = open_nameless(folder_of(target_));
  if (descriptor_ < 0) {
    descriptor_ = open_named(target_, temporary_);
    if (descriptor_ < 0) {
      temporary_.clear();
      fail("write", path, reason(errno));
    }
  }
  if (exists) (void)!::fchmod(descriptor_, status.st_mode & 07777);
}

AtomicFile::~AtomicFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

void AtomicFile::write(std::span<const std::byte> bytes) {
  VG_CHECK(descriptor_ >= 0, FileError, "write: {}: nothing can be written after commit", target_);
  while (!bytes.empty()) {
    const ssize_t written = ::write(descriptor_, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) fail("write", target_, reason(errno));
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
}

// In one step where the temporary file or the target has no name yet; else the temporary file has
// one for the moment between two calls.
void AtomicFile::put_in_place(int descriptor) {
  if (temporary_.empty()) {
    if (give_name(descriptor, target_.c_str()) == 0) return;
    const auto give = [=](const char* name) { return give_name(descriptor, name); };
    std::string name;
    if (errno != EEXIST || with_temporary_name(target_, name, give) != 0)
      fail("write", target_, reason(errno));
    temporary_ = name;
  }
  if (::rename(temporary_.c_str(), target_.c_str()) != 0) fail("write", target_, reason(errno));
  temporary_.clear();
}

void AtomicFile::commit() {
  VG_CHECK(descriptor_ >= 0, FileError, "write: {}: already committed", target_);
  const Descriptor synced(std::exchange(descriptor_, -1));
  // EINVAL: cannot be synced. What was synced needs no look at what closing says.
  if (::fsync(synced.get()) != 0 && errno != EINVAL) fail("write", target_, reason(errno));
  put_in_place(synced.get());
  sync_folder(target_);
}

void write_file(const std::string& path, std::span<const std::byte> bytes) {
  AtomicFile file(path);
  file.write(bytes);
  file.commit();
}

void write_file(const std::string& path, std::string_view text) {
  write_file(path, std::as_bytes(std::span(text)));
}

std::vector<std::byte> read_file(const std::string& path, std::uint64_t limit) {
  const OpenFile file = open_regular(path);
  if (file.size > limit) {
    fail("read", path, fmt::format("must have at most {} bytes; got {}", limit, file.size));
  }
  std::vector<std::byte> bytes(file.size);
  std::size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t count = ::read(file.descriptor.get(), bytes.data() + done, bytes.size() - done);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) fail("read", path, reason(errno));
    if (count == 0) fail("read", path, "became shorter while it was read");
    done += static_cast<std::size_t>(count);
  }
  return bytes;
}

std::uint64_t file_size(const std::string& path) { return open_regular(path).size; }

void make_writable_directory(const std::string& path) {
  if (path.empty()) fail("make folder", "(empty path)", "a folder name is needed");
  std::error_code error;
  fs::create_directories(path, error);
  if (error) fail("make folder", path, error.message());
  if (!fs::is_directory(path, error)) fail("make folder", path, "is a file, not a folder");
  if (Descriptor(open_nameless(path))) return;
  std::string probe;
  if (!Descriptor(open_named(fs::path(path) / "probe", probe)))
    fail("make folder", path, "cannot be written in: " + reason(errno));
  ::unlink(probe.c_str());
}

}  // namespace voxgrad
