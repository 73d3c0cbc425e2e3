#include <voxgrad/autograd/functions/reduce.h>

#include <algorithm>
#include <numeric>

#include <voxgrad/autograd/functions/elementwise.h>
#include <voxgrad/autograd/functions/operands.h>
#include <voxgrad/ops/reduce.h>

namespace voxgrad {

namespace {

using ops::AxisMask;
using ops::ReduceOp;

AxisMask mask_of(std::string_view op, const Tensor& x, std::span<const Index> axes) {
  AxisMask mask(x.shape().size());
  for (const Index axis : axes) {
    const auto i = static_cast<std::size_t>(normalize_axis(op, axis, x.dim()));
    VG_CHECK(!mask[i], ShapeError, "{}: each axis at most once; got axes {}", op, axes);
    mask[i] = true;
  }
  return mask;
}

std::vector<Index> all_axes(const Tensor& x) {
  std::vector<Index> axes(x.shape().size());
  std::iota(axes.begin(), axes.end(), Index{0});
  return axes;
}

Shape kept_shape(const Shape& shape, const AxisMask& mask) {
  Shape result = shape;
  for (std::size_t i = 0; i < shape.size(); ++i) {
    if (mask[i]) result[i] = 1;
  }
  return result;
}

Index reduced_count(const Tensor& x, const AxisMask& mask) {
  Index count = 1;
  for (std::size_t i = 0; i < mask.size(); ++i) count *= mask[i] ? x.shape()[i] : 1;
  return count;
}

Tensor extremum(std::string_view op, ReduceOp kernel, const Tensor& x, std::span<const Index> axes,
                bool keepdim) {
  const AxisMask mask = mask_of(op, x, axes);
  VG_CHECK(reduced_count(x, mask) > 0, ShapeError,
           "{}: there must be an element to choose; got shape {} and axes {}", op, x.shape(), axes);
  Tensor result = ops::reduce(kernel, x, mask, keepdim);
  return record_one(op, {x}, result,
                    unary_rule([kept = kept_shape(x.shape(), mask)](Saved s, const Tensor& grad) {
                      const Tensor chosen = eq(s[0], s[1].reshape(kept)).to(grad.dtype());
                      const Tensor share = div(grad.reshape(kept), sum_to(chosen, kept));
                      return mul(chosen, share);
                    }),
                    x, result);
}

}  // namespace

Tensor sum(const Tensor& x, std::span<const Index> axes, bool keepdim) {
  const AxisMask mask = mask_of("sum", x, axes);
  return record_one(
      "sum", {x}, ops::reduce(ReduceOp::sum, x, mask, keepdim),
      unary_rule([shape = x.shape(), kept = kept_shape(x.shape(), mask)](
                     Saved, const Tensor& grad) { return grad.reshape(kept).expand(shape); }));
}

Tensor sum(const Tensor& x) { return sum(x, all_axes(x)); }

Tensor mean(const Tensor& x, std::span<const Index> axes, bool keepdim) {
  check_floating("mean", x);
  const auto count = static_cast<double>(reduced_count(x, mask_of("mean", x, axes)));
  return div(sum(x, axes, keepdim), count);
}

Tensor mean(const Tensor& x) { return mean(x, all_axes(x)); }

Tensor amax(const Tensor& x, std::span<const Index> axes, bool keepdim) {
  return extremum("amax", ReduceOp::maximum, x, axes, keepdim);
}

Tensor amin(const Tensor& x, std::span<const Index> axes, bool keepdim) {
  return extremum("amin", ReduceOp::minimum, x, axes, keepdim);
}

Tensor max(const Tensor& x) { return extremum("max", ReduceOp::maximum, x, all_axes(x), false); }

Tensor min(const Tensor& x) { return extremum("min", ReduceOp::minimum, x, all_axes(x), false); }

Tensor argmax(const Tensor& x, Index axis, bool keepdim) {
  const int a = normalize_axis("argmax", axis, x.dim());
  VG_CHECK(x.size(a) > 0, ShapeError,
           "argmax: the axis must not be empty; got shape {} and axis {}", x.shape(), axis);
  return ops::argmax(x, a, keepdim);
}

Tensor argmax(const Tensor& x) {
  VG_CHECK(x.numel() > 0, ShapeError, "argmax: x must not be empty; got shape {}", x.shape());
  const NoGrad values_only;
  return ops::argmax(x.reshape({x.numel()}), 0, false);
}

Tensor var(const Tensor& x, std::span<const Index> axes, bool unbiased, bool keepdim) {
  check_floating("var", x);
  const Index count = reduced_count(x, mask_of("var", x, axes));
  const Tensor distances = sub(x, mean(x, axes, true));
  const Index divisor = std::max<Index>(0, unbiased ? count - 1 : count);
  return div(sum(square(distances), axes, keepdim), static_cast<double>(divisor));
}

Tensor sum_to(const Tensor& x, const Shape& shape) {
  if (x.shape() == shape) return x;
  VG_CHECK(broadcast_shape("sum_to", shape, x.shape()) == x.shape(), ShapeError,
           "sum_to: shape must broadcast to that of x; got shape {} and x {}", shape, x.shape());
  return record_one(
      "sum_to", {x}, ops::sum_to(x, shape),
      unary_rule([from = x.shape()](Saved, const Tensor& grad) { return grad.expand(from); }));
}

}  // namespace voxgrad
