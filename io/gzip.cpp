#include <voxgrad/io/gzip.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

#include <voxgrad/core/check.h>

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

// A gzip file is members one after the other; zeros may follow them (padding of tapes and blocks).
GzipReader::GzipReader(std::string_view op, const std::string& path)
    : op_(op), path_(path), descriptor_(open_regular(path).descriptor), input_(kChunk) {
  constexpr int kGzipWindow = 15 + 16;
  rewind();
  VG_CHECK(inflateInit2(&stream_, kGzipWindow) == Z_OK, OutOfMemoryError,
           "{}: zlib could not get its memory", op);
}

GzipReader::~GzipReader() { inflateEnd(&stream_); }

// More bytes of the file into the empty rest_; false at the file's end.
bool GzipReader::fill() {
  std::size_t done = 0;
  while (done < input_.size()) {
    const ssize_t count = ::read(descriptor_.get(), input_.data() + done, input_.size() - done);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) fail(std::generic_category().message(errno));
    if (count == 0) break;
    done += static_cast<std::size_t>(count);
  }
  rest_ = std::span(input_).first(done);
  return done > 0;
}

// Between members: true when another one begins, false at the end of the data.
bool GzipReader::begin_member() {
  constexpr std::byte kFirstOfMember{0x1f};
  while (!rest_.empty() || fill()) {
    if (rest_.front() == kFirstOfMember) {
      inflateReset(&stream_);
      inside_ = true;
      return true;
    }
    const auto other = std::ranges::find_if(rest_, [](std::byte b) { return b != std::byte{0}; });
    rest_ = rest_.last(static_cast<std::size_t>(rest_.end() - other));
    if (!rest_.empty()) fail("is damaged: other bytes follow its gzip data");
  }
  return false;
}

std::size_t GzipReader::read_plain(std::span<std::byte> bytes) {
  if (rest_.empty() && !fill()) return 0;
  const std::size_t count = std::min(bytes.size(), rest_.size());
  std::ranges::copy(rest_.first(count), bytes.begin());
  rest_ = rest_.subspan(count);
  return count;
}

// Fills a part of `bytes`, which is not longer than kChunk; 0 only at the end of the data.
std::size_t GzipReader::inflate_some(std::span<std::byte> bytes) {
  stream_.next_out = reinterpret_cast<Bytef*>(bytes.data());
  stream_.avail_out = static_cast<unsigned>(bytes.size());
  while (stream_.avail_out == bytes.size()) {
    if (!inside_ && !begin_member()) return 0;
    if (rest_.empty() && !fill()) fail("is cut off: its gzip data ends too early");
    // zlib's interface predates const; it does not write here.
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(rest_.data()));
    stream_.avail_in = static_cast<unsigned>(rest_.size());
    const int status = inflate(&stream_, Z_NO_FLUSH);
    rest_ = rest_.last(stream_.avail_in);
    if (status == Z_MEM_ERROR) throw OutOfMemoryError(op_ + ": zlib could not get its memory");
    if (status != Z_OK && status != Z_STREAM_END && status != Z_BUF_ERROR) {
      fail("is damaged: its gzip data does not decompress or fails its checksum");
    }
    inside_ = status != Z_STREAM_END;
  }
  return bytes.size() - stream_.avail_out;
}

std::size_t GzipReader::read(std::span<std::byte> bytes) {
  std::size_t done = 0;
  while (done < bytes.size()) {
    const auto part = bytes.subspan(done, std::min(bytes.size() - done, kChunk));
    const std::size_t count = compressed_ ? inflate_some(part) : read_plain(part);
    if (count == 0) break;
    done += count;
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
  if (::lseek(descriptor_.get(), 0, SEEK_SET) != 0) fail("cannot be read twice");
  rest_ = {};
  fill();
  compressed_ = rest_.size() >= 2 && rest_[0] == std::byte{0x1f} && rest_[1] == std::byte{0x8b};
  inside_ = false;
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
