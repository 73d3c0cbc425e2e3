#include <voxgrad/ops/operand.h>

#include <algorithm>
#include <numeric>

#include <voxgrad/core/check.h>
#include <voxgrad/ops/strided_axes.h>

namespace voxgrad::ops {

namespace {

// Kernels read through the same struct as they write; only target() leads to writes.
void* address(const Tensor& x) { return const_cast<void*>(x.raw()); }

}  // namespace

Operand operand(const Tensor& x) { return {address(x), x.dtype(), x.shape(), x.strides()}; }

Operand operand(const Tensor& x, const Shape& shape) {
  const std::size_t missing = shape.size() - x.shape().size();
  Strides strides(shape.size(), 0);
  for (std::size_t i = missing; i < shape.size(); ++i) {
    if (x.shape()[i - missing] == shape[i]) strides[i] = x.strides()[i - missing];
  }
  return {address(x), x.dtype(), shape, std::move(strides)};
}

Operand target(Tensor& x) { return {x.mutable_raw(), x.dtype(), x.shape(), x.strides()}; }

Operand slice(Operand x, int axis, Index start, Index length, Index step) {
  const auto i = static_cast<std::size_t>(axis);
  if (length > 0) {
    x.data = x.as<std::byte>() + start * x.strides[i] * static_cast<Index>(size_of(x.dtype));
  }
  x.shape[i] = length;
  x.strides[i] *= step;
  return x;
}

void check_axis_count(std::size_t count) {
  VG_CHECK(count <= kMaxAxes, ShapeError,
           "tensors: kernels take at most {} axes that do not merge; got {}", kMaxAxes, count);
}

Tensor empty_in_order_of(const Tensor& x, const Shape& shape) {
  std::vector<std::size_t> axes(shape.size());
  std::iota(axes.begin(), axes.end(), std::size_t{0});
  std::stable_sort(axes.begin(), axes.end(),
                   [&](std::size_t a, std::size_t b) { return x.strides()[a] > x.strides()[b]; });
  element_count(shape);
  Strides strides(shape.size());
  Index stride = 1;
  for (auto axis = axes.rbegin(); axis != axes.rend(); ++axis) {
    strides[*axis] = stride;
    stride = checked_product(stride, std::max<Index>(shape[*axis], 1));
  }
  return Tensor::empty_strided(shape, std::move(strides), x.dtype(), x.device());
}

}  // namespace voxgrad::ops
