#include <voxgrad/io/png.h>

#include <png.h>

#include <tuple>

#include <voxgrad/core/check.h>
#include <voxgrad/io/file.h>

namespace voxgrad {
namespace {

constexpr std::uint64_t kMaxFileBytes = std::uint64_t{1} << 31;
constexpr std::uint64_t kMaxPixels = std::uint64_t{1} << 28;

// libpng's simplified interface: errors come back as a message in `image`, nothing jumps or prints.
struct Codec {
  Codec() { image.version = PNG_IMAGE_VERSION; }
  ~Codec() { png_image_free(&image); }
  Codec(const Codec&) = delete;
  Codec& operator=(const Codec&) = delete;

  void check(int ok, const char* op, const std::string& path) const {
    VG_CHECK(ok != 0, FileError, "{}: {}: {}", op, path, image.message);
  }

  png_image image = {};
};

}  // namespace

void write_png(const std::string& path, const Picture& picture) {
  const auto [width, height, channels, pixels] =
      std::tie(picture.width, picture.height, picture.channels, picture.pixels);
  VG_CHECK(width > 0 && height > 0 && (channels == 1 || channels == 3), ShapeError,
           "write_png: width and height must be positive and channels 1 or 3; got {} x {} with {} "
           "channels",
           width, height, channels);
  const std::uint64_t expected =
      std::uint64_t(width) * std::uint64_t(height) * std::uint64_t(channels);
  VG_CHECK(pixels.size() == expected && expected <= 3 * kMaxPixels, ShapeError,
           "write_png: {} x {} pixels with {} channels take {} bytes (at most {}); got {}", width,
           height, channels, expected, 3 * kMaxPixels, pixels.size());
  Codec codec;
  codec.image.width = static_cast<png_uint_32>(width);
  codec.image.height = static_cast<png_uint_32>(height);
  codec.image.format = channels == 1 ? PNG_FORMAT_GRAY : PNG_FORMAT_RGB;
  png_alloc_size_t bytes = PNG_IMAGE_PNG_SIZE_MAX(codec.image);
  std::vector<std::byte> encoded(bytes);
  codec.check(
      png_image_write_to_memory(&codec.image, encoded.data(), &bytes, 0, pixels.data(), 0, nullptr),
      "write_png", path);
  encoded.resize(bytes);
  write_file(path, encoded);
}

Picture read_png(const std::string& path) {
  const std::vector<std::byte> encoded = read_file(path, kMaxFileBytes);
  Codec codec;
  codec.check(png_image_begin_read_from_memory(&codec.image, encoded.data(), encoded.size()),
              "read_png", path);
  const std::uint64_t size = std::uint64_t{codec.image.width} * codec.image.height;
  VG_CHECK(size <= kMaxPixels, FileError, "read_png: {}: must have at most {} pixels; got {} x {}",
           path, kMaxPixels, codec.image.width, codec.image.height);
  // A byte of the file unpacks to at most 1032, each at most 8 pixels.
  constexpr std::uint64_t kMostPixelsPerByte = 8 * 1032;
  VG_CHECK(size / kMostPixelsPerByte <= encoded.size(), FileError,
           "read_png: {}: is cut off or damaged: {} bytes cannot hold its {} x {} pixels", path,
           encoded.size(), codec.image.width, codec.image.height);
  const bool color = (codec.image.format & PNG_FORMAT_FLAG_COLOR) != 0;
  codec.image.format = color ? PNG_FORMAT_RGB : PNG_FORMAT_GRAY;
  Picture picture;
  picture.width = static_cast<int>(codec.image.width);
  picture.height = static_cast<int>(codec.image.height);
  picture.channels = color ? 3 : 1;
  picture.pixels.resize(PNG_IMAGE_SIZE(codec.image));
  const png_color black = {};
  codec.check(png_image_finish_read(&codec.image, &black, picture.pixels.data(), 0, nullptr),
              "read_png", path);
  return picture;
}

}  // namespace voxgrad
