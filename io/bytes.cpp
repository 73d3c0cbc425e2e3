#include <voxgrad/io/bytes.h>

#include <cstring>

namespace voxgrad {
namespace {

// Copies the elements below one index of the axes before `axis`, depth first; returns where the
// next ones go.
std::byte* gather(std::byte* out, const std::byte* in, const Tensor& tensor, int axis) {
  const std::size_t width = size_of(tensor.dtype());
  if (axis == tensor.dim()) {
    std::memcpy(out, in, width);
    return out + width;
  }
  const Index step = tensor.stride(axis) * static_cast<Index>(width);
  const bool last = axis + 1 == tensor.dim();
  if (last && tensor.stride(axis) == 1) {
    const std::size_t row = static_cast<std::size_t>(tensor.size(axis)) * width;
    std::memcpy(out, in, row);
    return out + row;
  }
  for (Index i = 0; i < tensor.size(axis); ++i) out = gather(out, in + i * step, tensor, axis + 1);
  return out;
}

}  // namespace

std::vector<std::byte> logical_bytes(const Tensor& tensor) {
  const Index width = static_cast<Index>(size_of(tensor.dtype()));
  std::vector<std::byte> bytes(static_cast<std::size_t>(checked_product(tensor.numel(), width)));
  if (bytes.empty()) return bytes;
  const Tensor host = tensor.detach().to(Device{});
  gather(bytes.data(), static_cast<const std::byte*>(host.raw()), host, 0);
  return bytes;
}

}  // namespace voxgrad
