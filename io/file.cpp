#include <voxgrad/io/file.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <filesystem>
#include <system_error>

#include <voxgrad/core/check.h>

namespace voxgrad {
namespace {

namespace fs = std::filesystem;

std::string reason(int error) { return std::generic_category().message(error); }

[[noreturn]] void fail(std::string_view op, const std::string& path, const std::string& why) {
  throw FileError(fmt::format("{}: {}: {}", op, path, why));
}

// Unique among the threads of this process and among processes.
std::string temporary_name(const fs::path& target) {
  static std::atomic<std::uint64_t> counter{0};
  const std::string name = fmt::format(".{}.{}-{}.tmp", target.filename().string().substr(0, 200),
                                       ::getpid(), counter.fetch_add(1));
  return (target.parent_path() / name).string();
}

// The folder entry too must reach the disk. Some file systems refuse to sync folders; the file
// itself is safe by then.
void sync_folder(const fs::path& file) {
  const fs::path folder = file.parent_path().empty() ? fs::path(".") : file.parent_path();
  const int descriptor = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return;
  ::fsync(descriptor);
  ::close(descriptor);
}

// Opens a regular file for reading and tells its size. O_NONBLOCK: a named pipe must not hang the
// open.
int open_regular(std::string_view op, const std::string& path, std::uint64_t& size) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor < 0) fail(op, path, reason(errno));
  struct stat status = {};
  if (::fstat(descriptor, &status) != 0 || !S_ISREG(status.st_mode)) {
    ::close(descriptor);
    fail(op, path, S_ISDIR(status.st_mode) ? "is a folder, not a file" : "is not a regular file");
  }
  size = static_cast<std::uint64_t>(status.st_size);
  return descriptor;
}

}  // namespace

AtomicFile::AtomicFile(const std::string& path) : target_(path) {
  if (path.empty()) fail("write", "(empty path)", "a file name is needed");
  std::error_code error;
  if (fs::is_symlink(path, error)) {
    const fs::path resolved = fs::weakly_canonical(path, error);
    if (error) fail("write", path, error.message());
    target_ = resolved.string();
  }
  struct stat status = {};
  const bool exists = ::stat(target_.c_str(), &status) == 0;
  if (exists && S_ISDIR(status.st_mode)) fail("write", path, "is a folder, not a file");
  if (exists && !S_ISREG(status.st_mode)) fail("write", path, "is not a regular file");
  temporary_ = temporary_name(target_);
  descriptor_ = ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  if (descriptor_ < 0) fail("write", path, reason(errno));
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

void AtomicFile::commit() {
  VG_CHECK(descriptor_ >= 0, FileError, "write: {}: already committed", target_);
  const bool synced = ::fsync(descriptor_) == 0 || errno == EINVAL;  // EINVAL: cannot be synced
  const int sync_error = errno;
  const bool closed = ::close(descriptor_) == 0;
  const int close_error = errno;
  descriptor_ = -1;
  if (!synced) fail("write", target_, reason(sync_error));
  if (!closed) fail("write", target_, reason(close_error));
  if (::rename(temporary_.c_str(), target_.c_str()) != 0) fail("write", target_, reason(errno));
  temporary_.clear();
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
  std::uint64_t size = 0;
  const int descriptor = open_regular("read", path, size);
  if (size > limit) {
    ::close(descriptor);
    fail("read", path, fmt::format("must have at most {} bytes; got {}", limit, size));
  }
  std::vector<std::byte> bytes(size);
  std::size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t count = ::read(descriptor, bytes.data() + done, bytes.size() - done);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) {
      const std::string why = count < 0 ? reason(errno) : "became shorter while it was read";
      ::close(descriptor);
      fail("read", path, why);
    }
    done += static_cast<std::size_t>(count);
  }
  ::close(descriptor);
  return bytes;
}

std::uint64_t file_size(const std::string& path) {
  std::uint64_t size = 0;
  ::close(open_regular("read", path, size));
  return size;
}

void make_writable_directory(const std::string& path) {
  if (path.empty()) fail("make folder", "(empty path)", "a folder name is needed");
  std::error_code error;
  fs::create_directories(path, error);
  if (error) fail("make folder", path, error.message());
  if (!fs::is_directory(path, error)) fail("make folder", path, "is a file, not a folder");
  const std::string probe = temporary_name(fs::path(path) / "probe");
  const int descriptor = ::open(probe.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  if (descriptor < 0) fail("make folder", path, "cannot be written in: " + reason(errno));
  ::close(descriptor);
  ::unlink(probe.c_str());
}

}  // namespace voxgrad
