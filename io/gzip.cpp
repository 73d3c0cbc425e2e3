#include <voxgrad/io/gzip.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

#include <voxgrad/core/check.h>
#include <voxgrad/io/file.h>

namespace voxgrad {
namespace {

constexpr std::size_t kChunk = std::size_t{1} << 17;

class Deflater {
 public:
  Deflater() {
    constexpr int kGzipWindow = 15 + 16;  // 32 KiB of history, with gzip's header and checksum
    VG_CHECK(deflateInit2(&stream_, 4, Z_DEFLATED, kGzipWindow, 8, Z_DEFAULT_STRATEGY) == Z_OK,
             OutOfMemoryError, "gzip: zlib could not get its memory");
  }
  ~Deflater() { deflateEnd(&stream_); }
  Deflater(const Deflater&) = delete;
  Deflater& operator=(const Deflater&) = delete;

  // Compresses at most kChunk bytes onto the end of `out`.
  void append(std::span<const std::byte> bytes, int flush, std::vector<std::byte>& out) {
    // zlib's interface predates const; it does not write here.
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(bytes.data()));
    stream_.avail_in = static_cast<unsigned>(bytes.size());
    do {
      stream_.next_out = reinterpret_cast<Bytef*>(chunk_.data());
      stream_.avail_out = static_cast<unsigned>(chunk_.size());
      deflate(&stream_, flush);
      const auto made = static_cast<std::ptrdiff_t>(chunk_.size() - stream_.avail_out);
      out.insert(out.end(), chunk_.begin(), chunk_.begin() + made);
    } while (stream_.avail_out == 0);
  }

 private:
  z_stream stream_ = {};
  std::vector<std::byte> chunk_ = std::vector<std::byte>(kChunk);
};

}  // namespace

GzipReader::GzipReader(std::string_view op, const std::string& path) : op_(op), path_(path) {
  file_size(path);  // a FileError unless it is a regular file: gzopen would wait on a named pipe
  errno = 0;
  file_ = gzopen(path.c_str(), "rb");
  if (file_ == nullptr) fail(errno != 0 ? std::generic_category().message(errno) : "zlib failed");
  gzbuffer(file_, 1 << 17);
}

GzipReader::~GzipReader() {
  if (file_ != nullptr) gzclose(file_);
}

std::size_t GzipReader::read(std::span<std::byte> bytes) {
  std::size_t done = 0;
  while (done < bytes.size()) {
    const std::size_t wanted = std::min(bytes.size() - done, kChunk);
    const int count = gzread(file_, bytes.data() + done, static_cast<unsigned>(wanted));
    int status = Z_OK;
    gzerror(file_, &status);
    // At the end of a plain file or of the last member zlib says OK; Z_BUF_ERROR is an end inside a
    // member.
    if (status == Z_BUF_ERROR) fail("is cut off: its gzip data ends too early");
    if (status == Z_ERRNO) fail(std::generic_category().message(errno));
    if (count < 0 || (status != Z_OK && status != Z_STREAM_END)) {
      fail("is damaged: its gzip data does not decompress or fails its checksum");
    }
    if (count == 0) break;
    done += static_cast<std::size_t>(count);
  }
  return done;
}

std::uint64_t GzipReader::skip_to_end() {
  std::vector<std::byte> chunk(kChunk);
  std::uint64_t total = 0;
  while (const std::size_t count = read(chunk)) total += count;
  return total;
}

void GzipReader::rewind() {
  if (gzrewind(file_) != 0) fail("cannot be read twice");
}

void GzipReader::fail(const std::string& why) const {
  throw FileError(fmt::format("{}: {}: {}", op_, path_, why));
}

std::vector<std::byte> gzip_compress(std::initializer_list<std::span<const std::byte>> parts) {
  Deflater deflater;
  std::vector<std::byte> result;
  for (std::span<const std::byte> part : parts) {
    while (!part.empty()) {
      const std::size_t taken = std::min(part.size(), kChunk);
      deflater.append(part.first(taken), Z_NO_FLUSH, result);
      part = part.subspan(taken);
    }
  }
  deflater.append({}, Z_FINISH, result);
  return result;
}

}  // namespace voxgrad
