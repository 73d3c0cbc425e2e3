#include <voxgrad/autograd/functions/reduce.h>

#include <algorithm>
#include <limits>
#include <numeric>

#include <voxgrad/autograd/functions/creation.h>
#include <voxgrad/autograd/functions/elementwise.h>
#include <voxgrad/autograd/functions/operands.h>
#include <voxgrad/autograd/functions/shape.h>
#include <voxgrad/ops/reduce.h>
#include <voxgrad/ops/scan.h>

namespace voxgrad {

namespace {

using ops::AxisMask;
using ops::ReduceOp;

AxisMask mask_of(std::string_view op, const Tensor& x, std::span<const Index> axes) {
  AxisMask mask(x.shape().size());
  for (const Index axis : axes) {
    const auto i = static_cast<std::size_t>(normalize_axis(op, axis, std::max(x.dim(), 1)));
    if (mask.empty()) continue;
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

/// `nan_takes`: where the result is NaN, the gradient goes to what is; else it is NaN everywhere.
Tensor extremum(std::string_view op, ReduceOp kernel, const Tensor& x, std::span<const Index> axes,
                bool keepdim, bool nan_takes) {
  const AxisMask mask = mask_of(op, x, axes);
  VG_CHECK(reduced_count(x, mask) > 0, IndexError,
           "{}: there must be an element to choose; got shape {} and axes {}", op, x.shape(), axes);
  Tensor result = ops::reduce(kernel, x, mask, keepdim);
  const auto rule = [kept = kept_shape(x.shape(), mask), nan_takes](Saved s, const Tensor& grad) {
    Tensor equal = eq(s[0], s[1].reshape(kept));
    if (nan_takes) equal = add(equal, isnan(s[0]));
    const Tensor chosen = equal.to(grad.dtype());
    return mul(chosen, div(grad.reshape(kept), sum_to(chosen, kept)));
  };
  return record_one(op, {x}, result, unary_rule(rule), x, result);
}

/// x as `dtype`, if there is one.
Tensor as(const Tensor& x, std::optional<DType> dtype) { return dtype ? x.to(*dtype) : x; }

Tensor position(std::string_view op, ReduceOp kernel, const Tensor& tensor,
                std::optional<Index> axis, bool keepdim) {
  const NoGrad values_only;
  const Tensor x = axis && tensor.dim() > 0 ? tensor : tensor.reshape({tensor.numel()});
  const int a = normalize_axis(op, axis.value_or(0), x.dim());
  VG_CHECK(x.size(a) > 0, IndexError, "{}: there must be an element to choose; got shape {}", op,
           tensor.shape());
  const bool kept = keepdim && tensor.dim() > 0;
  return kernel == ReduceOp::maximum ? ops::argmax(x, a, kept) : ops::argmin(x, a, kept);
}

Tensor product(const Tensor& x, const AxisMask& mask, bool keepdim);

/// d prod / dx, of the shape of x, which may be differentiated again: of each element the product
/// of all others, in (kept..., n, n) elements.
Tensor products_of_others(const Tensor& x, const AxisMask& mask) {
  std::vector<Index> order, inverse(mask.size());
  for (const bool reduced : {false, true}) {
    for (std::size_t i = 0; i < mask.size(); ++i) {
      if (mask[i] != reduced) continue;
      inverse[i] = static_cast<Index>(order.size());
      order.push_back(static_cast<Index>(i));
    }
  }
  const Index n = reduced_count(x, mask);
  const Tensor sorted = x.permute(order);
  const Tensor rows = sorted.reshape({x.numel() / n, 1, n}).expand({x.numel() / n, n, n});
  const Tensor itself = eye(n, n, DType::boolean, x.device());
  const Tensor others = where(itself, ops::scalar(1, x.dtype(), x.device()), rows);
  return product(others, {false, false, true}, false).reshape(sorted.shape()).permute(inverse);
}

/// The same where elements are 0, for one derivative.
Tensor products_beside_zeros(const Tensor& x, const Tensor& zero, const AxisMask& mask) {
  const Tensor factors = where(zero, 1.0, x);
  const Tensor products = ops::reduce(ReduceOp::product, factors, mask, true);
  const Tensor zeros = ops::reduce(ReduceOp::sum, zero, mask, true);
  return where(zero, where(eq(zeros, 1), products, 0.0),
               where(eq(zeros, 0), div(products, factors), 0.0));
}

Tensor product(const Tensor& x, const AxisMask& mask, bool keepdim) {
  Tensor result = ops::reduce(ReduceOp::product, x, mask, keepdim);
  const auto rule =
      unary_rule([mask, kept = kept_shape(x.shape(), mask)](Saved s, const Tensor& grad) {
        const Tensor zero = eq(s[0], 0);
        const Tensor all_grads = grad.reshape(kept);
        if (any(zero).item() == 0) return mul(all_grads, div(s[1].reshape(kept), s[0]));
        return mul(all_grads, grad_enabled() ? products_of_others(s[0], mask)
                                             : products_beside_zeros(s[0], zero, mask));
      });
  return record_one("prod", {x}, result, rule, x, result);
}

Tensor some_or_every(std::string_view op, ReduceOp kernel, const Tensor& x,
                     std::span<const Index> axes, bool keepdim) {
  const AxisMask mask = mask_of(op, x, axes);
  const Tensor result = ops::reduce(kernel, ne(x, 0), mask, keepdim);
  return x.dtype() == DType::uint8 ? result.to(DType::uint8) : result;
}

/// |x|^(p - 1) with the sign of x, 0 where x is 0.
Tensor signed_power(const Tensor& x, double p) {
  if (p == 2) return x;
  const Tensor zero = eq(x, 0);
  const Tensor size = where(zero, 1.0, abs(x));
  return where(zero, 0.0, mul(sign(x), pow(size, p - 1)));
}

Tensor norm_value(const Tensor& x, double p, const AxisMask& mask) {
  const NoGrad values_only;
  if (p == 0) return ops::reduce(ReduceOp::sum, ne(x, 0).to(x.dtype()), mask, true);
  if (p == 2) return sqrt(ops::reduce(ReduceOp::sum, square(x), mask, true));
  const Tensor size = abs(x);
  if (std::isinf(p)) {
    return ops::reduce(p > 0 ? ReduceOp::maximum : ReduceOp::minimum, size, mask, true);
  }
  if (p == 1) return ops::reduce(ReduceOp::sum, size, mask, true);
  return pow(ops::reduce(ReduceOp::sum, pow(size, p), mask, true), 1 / p);
}

/// d norm / dx from x and the norm, which has the rank of x.
Tensor norm_slope(const Tensor& x, const Tensor& norm, double p) {
  if (p == 0) return zeros_like(x);
  if (p == 1) return sign(x);
  if (std::isinf(p)) {
    const Tensor equals = eq(abs(x), norm).to(x.dtype());
    return mul(sign(x), div(equals, sum_to(equals, norm.shape())));
  }
  const Tensor none = eq(norm, 0);
  const Tensor scale = where(none, 0.0, pow(where(none, 1.0, norm), 1 - p));
  return mul(signed_power(x, p), scale);
}

Tensor without(const Tensor& x, const AxisMask& mask) {
  Shape shape;
  for (std::size_t i = 0; i < mask.size(); ++i) {
    if (!mask[i]) shape.push_back(x.shape()[i]);
  }
  return x.reshape(shape);
}

}  // namespace

Tensor sum(const Tensor& tensor, std::span<const Index> axes, bool keepdim,
           std::optional<DType> dtype) {
  const AxisMask mask = mask_of("sum", tensor, axes);
  const Tensor x = as(tensor, dtype);
  const Tensor result = record_one(
      "sum", {x}, ops::reduce(ReduceOp::sum, x, mask, keepdim),
      unary_rule([shape = x.shape(), kept = kept_shape(x.shape(), mask)](
                     Saved, const Tensor& grad) { return grad.reshape(kept).expand(shape); }));
  return as(result, dtype);
}

Tensor sum(const Tensor& x, std::optional<DType> dtype) {
  return sum(x, all_axes(x), false, dtype);
}

Tensor mean(const Tensor& tensor, std::span<const Index> axes, bool keepdim,
            std::optional<DType> dtype) {
  const Tensor x = as(tensor, dtype);
  check_floating("mean", x);
  const auto count = static_cast<double>(reduced_count(x, mask_of("mean", x, axes)));
  return div(sum(x, axes, keepdim), count);
}

Tensor mean(const Tensor& x, std::optional<DType> dtype) {
  return mean(x, all_axes(x), false, dtype);
}

Tensor prod(const Tensor& x, std::optional<DType> dtype) {
  return as(product(as(x, dtype), AxisMask(x.shape().size(), true), false), dtype);
}

Tensor prod(const Tensor& x, Index axis, bool keepdim, std::optional<DType> dtype) {
  const AxisMask mask = mask_of("prod", x, std::span(&axis, 1));
  return as(product(as(x, dtype), mask, keepdim), dtype);
}

Tensor cumsum(const Tensor& tensor, Index axis, std::optional<DType> dtype) {
  const int at = normalize_axis("cumsum", axis, std::max(tensor.dim(), 1));
  const Tensor converted = as(tensor, dtype);
  const Tensor x = converted.dim() == 0 ? converted.unsqueeze(0) : converted;
  const Tensor result = record_one(
      "cumsum", {x}, ops::cumsum(x, at), unary_rule([at](Saved, const Tensor& grad) {
        return flip(cumsum(flip(grad, {Index{at}}), at), {Index{at}});  // sums from the end
      }));
  return as(tensor.dim() == 0 ? result.squeeze(0) : result, dtype);
}

Tensor any(const Tensor& x, std::span<const Index> axes, bool keepdim) {
  return some_or_every("any", ReduceOp::maximum, x, axes, keepdim);
}

Tensor any(const Tensor& x) { return any(x, all_axes(x)); }

Tensor all(const Tensor& x, std::span<const Index> axes, bool keepdim) {
  return some_or_every("all", ReduceOp::minimum, x, axes, keepdim);
}

Tensor all(const Tensor& x) { return all(x, all_axes(x)); }

Tensor count_nonzero(const Tensor& x, std::span<const Index> axes) { return sum(ne(x, 0), axes); }

Tensor count_nonzero(const Tensor& x) { return count_nonzero(x, all_axes(x)); }

Tensor amax(const Tensor& x, std::span<const Index> axes, bool keepdim) {
  return extremum("amax", ReduceOp::maximum, x, axes, keepdim, false);
}

Tensor amin(const Tensor& x, std::span<const Index> axes, bool keepdim) {
  return extremum("amin", ReduceOp::minimum, x, axes, keepdim, false);
}

Tensor max(const Tensor& x) {
  return extremum("max", ReduceOp::maximum, x, all_axes(x), false, true);
}

Tensor min(const Tensor& x) {
  return extremum("min", ReduceOp::minimum, x, all_axes(x), false, true);
}

Tensor argmax(const Tensor& x, Index axis, bool keepdim) {
  return position("argmax", ReduceOp::maximum, x, axis, keepdim);
}

Tensor argmax(const Tensor& x) { return position("argmax", ReduceOp::maximum, x, {}, false); }

Tensor argmin(const Tensor& x, Index axis, bool keepdim) {
  return position("argmin", ReduceOp::minimum, x, axis, keepdim);
}

Tensor argmin(const Tensor& x) { return position("argmin", ReduceOp::minimum, x, {}, false); }

Tensor var(const Tensor& x, std::span<const Index> axes, double correction, bool keepdim) {
  check_floating("var", x);
  const auto count = static_cast<double>(reduced_count(x, mask_of("var", x, axes)));
  const Tensor distances = sub(x, mean(x, axes, true));
  return div(sum(square(distances), axes, keepdim), std::max(0.0, count - correction));
}

Tensor var(const Tensor& x, double correction) { return var(x, all_axes(x), correction); }

Tensor std(const Tensor& x, std::span<const Index> axes, double correction, bool keepdim) {
  const Tensor variance = var(x, axes, correction, keepdim);
  const Tensor none = eq(variance, 0);
  return where(none, 0.0, sqrt(where(none, 1.0, variance)));
}

Tensor std(const Tensor& x, double correction) { return std(x, all_axes(x), correction); }

Tensor norm(const Tensor& tensor, double p, std::span<const Index> axes, bool keepdim,
            std::optional<DType> dtype) {
  const Tensor x = as(tensor, dtype);
  check_floating("norm", x);
  const AxisMask mask = mask_of("norm", x, axes);
  VG_CHECK(!std::isinf(p) || reduced_count(x, mask) > 0, ShapeError,
           "norm: there must be an element to choose; got shape {} and axes {}", x.shape(), axes);
  const Tensor result = norm_value(x, p, mask);
  const auto rule =
      unary_rule([p](Saved s, const Tensor& grad) { return mul(grad, norm_slope(s[0], s[1], p)); });
  const Tensor kept = record_one("norm", {x}, result, rule, x, result);
  return keepdim ? kept : without(kept, mask);
}

Tensor norm(const Tensor& x, double p, std::optional<DType> dtype) {
  return norm(x, p, all_axes(x), false, dtype);
}

Tensor logsumexp(const Tensor& tensor, std::span<const Index> axes, bool keepdim) {
  const Tensor x = as_floating(tensor);
  const AxisMask mask = mask_of("logsumexp", x, axes);
  Tensor result;
  {
    const NoGrad values_only;
    Tensor largest = ops::reduce(ReduceOp::maximum, x, mask, true);
    largest = where(isfinite(largest), largest, 0.0);
    result = add(log(sum(exp(sub(x, largest)), axes, true)), largest);
  }
  const auto rule = unary_rule([](Saved s, const Tensor& grad) {
    const Tensor of_none = eq(s[1], -std::numeric_limits<double>::infinity());
    return mul(grad, exp(sub(s[0], where(of_none, 0.0, s[1]))));
  });
  const Tensor kept = record_one("logsumexp", {x}, result, rule, x, result);
  return keepdim ? kept : without(kept, mask);
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
