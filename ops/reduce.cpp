#include <voxgrad/ops/reduce.h>

#include <iterator>

namespace voxgrad::ops {

namespace {

constexpr std::string_view kNames[] = {"sum", "maximum", "minimum", "product"};
static_assert(std::size(kNames) == static_cast<std::size_t>(ReduceOp::product) + 1);

Shape kept_shape(const Shape& shape, const AxisMask& axes) {
  Shape result = shape;
  for (std::size_t i = 0; i < shape.size(); ++i) {
    if (axes[i]) result[i] = 1;
  }
  return result;
}

/// The plain tensor `x` without the axes of the mask, all of size 1.
Tensor without_axes(const Tensor& x, const AxisMask& axes) {
  Shape shape;
  for (std::size_t i = 0; i < axes.size(); ++i) {
    if (!axes[i]) shape.push_back(x.shape()[i]);
  }
  return x.alias(shape, contiguous_strides(shape), x.offset());
}

Tensor position(ReduceOp op, const Tensor& x, int axis, bool keepdim) {
  AxisMask axes(x.shape().size());
  axes[static_cast<std::size_t>(axis)] = true;
  Tensor out = Tensor::empty(kept_shape(x.shape(), axes), DType::int64, x.device());
  reduce_kernels(x.device()).position(op, operand(x), axis, target(out));
  return keepdim ? out : without_axes(out, axes);
}

}  // namespace

std::string_view name(ReduceOp op) { return kNames[static_cast<std::size_t>(op)]; }

const ReduceKernels& reduce_kernels(Device device) {
  return select_kernels(device, cpu::kReduce, cuda::kReduce);
}

Tensor reduce(ReduceOp op, const Tensor& x, const AxisMask& axes, bool keepdim) {
  const bool adds = op == ReduceOp::sum || op == ReduceOp::product;
  const bool to_int64 = adds && !is_floating(x.dtype());
  Tensor out =
      Tensor::empty(kept_shape(x.shape(), axes), to_int64 ? DType::int64 : x.dtype(), x.device());
  reduce_kernels(x.device()).reduce(op, operand(x), target(out));
  return keepdim ? out : without_axes(out, axes);
}

Tensor sum_to(const Tensor& x, const Shape& shape) {
  if (x.shape() == shape) return x;
  const std::size_t missing = x.shape().size() - shape.size();
  AxisMask axes(x.shape().size());
  for (std::size_t i = 0; i < axes.size(); ++i) {
    axes[i] = i < missing || (shape[i - missing] == 1 && x.shape()[i] != 1);
  }
  const Tensor sums = reduce(ReduceOp::sum, x, axes, true);
  return sums.alias(shape, contiguous_strides(shape), sums.offset());
}

Tensor argmax(const Tensor& x, int axis, bool keepdim) {
  return position(ReduceOp::maximum, x, axis, keepdim);
}

Tensor argmin(const Tensor& x, int axis, bool keepdim) {
  return position(ReduceOp::minimum, x, axis, keepdim);
}

}  // namespace voxgrad::ops
