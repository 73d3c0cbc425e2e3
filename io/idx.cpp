#include <voxgrad/io/idx.h>

#include <array>

#include <voxgrad/core/check.h>
#include <voxgrad/io/gzip.h>

namespace voxgrad {
namespace {

constexpr int kUnsignedByte = 0x08;
constexpr int kMaxAxes = 8;

// The file: 0, 0, element type, number of axes; each size as 4 bytes, high byte first; the
// elements.
Shape read_shape(GzipReader& file) {
  std::array<std::byte, 4> word = {};
  if (file.read(word) < word.size()) file.fail("is shorter than an IDX header");
  const int type = std::to_integer<int>(word[2]);
  const int axes = std::to_integer<int>(word[3]);
  if (word[0] != std::byte{0} || word[1] != std::byte{0}) file.fail("is no IDX file");
  if (type != kUnsignedByte) {
    file.fail(fmt::format("must hold unsigned bytes (type 0x08); got type 0x{:02x}", type));
  }
  if (axes < 1 || axes > kMaxAxes)
    file.fail(fmt::format("must have 1 to {} axes; got {}", kMaxAxes, axes));
  Shape shape;
  for (int axis = 0; axis < axes; ++axis) {
    if (file.read(word) < word.size()) file.fail("is shorter than its IDX header");
    Index size = 0;
    for (const std::byte b : word) size = size * 256 + std::to_integer<Index>(b);
    shape.push_back(size);
  }
  return shape;
}

}  // namespace

Tensor read_idx(const std::string& path) {
  GzipReader file("read_idx", path);
  const Shape shape = read_shape(file);
  Index count = 0;
  try {
    count = element_count(shape);
  } catch (const ShapeError&) {
    file.fail(fmt::format("has impossible sizes; got {}", to_string(shape)));
  }
  const std::uint64_t held = file.skip_to_end();
  if (held != static_cast<std::uint64_t>(count)) {
    file.fail(fmt::format("must hold the {} bytes of its sizes {}; got {}", count, to_string(shape),
                          held));
  }
  Tensor tensor = Tensor::empty(shape, DType::uint8);
  file.rewind();
  read_shape(file);
  const std::span elements(tensor.mutable_data<std::uint8_t>(), static_cast<std::size_t>(count));
  if (file.read(std::as_writable_bytes(elements)) < elements.size()) {
    file.fail("became shorter while it was read");
  }
  return tensor;
}

}  // namespace voxgrad
