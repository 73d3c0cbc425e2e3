#include <voxgrad/autograd/functions/sort.h>

#include <algorithm>
#include <limits>

#include <voxgrad/autograd/functions/creation.h>
#include <voxgrad/autograd/functions/elementwise.h>
#include <voxgrad/autograd/functions/indexing.h>
#include <voxgrad/autograd/functions/operands.h>
#include <voxgrad/ops/reduce.h>
#include <voxgrad/ops/scan.h>

namespace voxgrad {

namespace {

/// x with an axis at least, and the axis.
struct Line {
  Tensor x;
  int axis;
  bool added;

  Index size() const { return x.size(axis); }
};

Line line(std::string_view op, const Tensor& x, Index axis) {
  const bool added = x.dim() == 0;
  return {added ? x.unsqueeze(0) : x, normalize_axis(op, axis, std::max(x.dim(), 1)), added};
}

/// The elements that `indices`, of the rank of along.x, name.
ValuesIndices chosen(const Line& along, const Tensor& indices, bool drops_axis) {
  const Tensor values = gather(along.x, along.axis, indices);
  if (!drops_axis && !along.added) return {values, indices};
  return {values.squeeze(along.axis), indices.squeeze(along.axis)};
}

void check_not_empty(std::string_view op, const Line& along) {
  VG_CHECK(along.size() > 0, IndexError, "{}: the axis must not be empty; got shape {} and axis {}",
           op, along.x.shape(), along.axis);
}

Tensor median_positions(const Line& along) {
  const NoGrad positions_only;
  const Tensor order = ops::argsort(along.x, along.axis, false);
  const Tensor middle = order.narrow(along.axis, (along.size() - 1) / 2, 1);
  const Tensor last = gather(along.x, along.axis, order.narrow(along.axis, along.size() - 1, 1));
  // NaN comes last, and argmax gives the first.
  return where(isnan(last), ops::argmax(along.x, along.axis, true), middle);
}

}  // namespace

ValuesIndices sort(const Tensor& x, Index axis, bool descending) {
  const Line along = line("sort", x, axis);
  return chosen(along, ops::argsort(along.x, along.axis, descending), false);
}

Tensor argsort(const Tensor& x, Index axis, bool descending) {
  const Line along = line("argsort", x, axis);
  const Tensor indices = ops::argsort(along.x, along.axis, descending);
  return along.added ? indices.squeeze(0) : indices;
}

ValuesIndices topk(const Tensor& x, Index k, Index axis, bool largest) {
  const Line along = line("topk", x, axis);
  VG_CHECK(k >= 0 && k <= along.size(), ShapeError, "topk: k must be in [0, {}]; got {}",
           along.size(), k);
  const Tensor indices = ops::argsort(along.x, along.axis, largest).narrow(along.axis, 0, k);
  return chosen(along, indices, false);
}

ValuesIndices max(const Tensor& x, Index axis, bool keepdim) {
  const Line along = line("max", x, axis);
  check_not_empty("max", along);
  return chosen(along, ops::argmax(along.x, along.axis, true), !keepdim);
}

ValuesIndices min(const Tensor& x, Index axis, bool keepdim) {
  const Line along = line("min", x, axis);
  check_not_empty("min", along);
  return chosen(along, ops::argmin(along.x, along.axis, true), !keepdim);
}

ValuesIndices median(const Tensor& x, Index axis, bool keepdim) {
  const Line along = line("median", x, axis);
  check_not_empty("median", along);
  return chosen(along, median_positions(along), !keepdim);
}

Tensor median(const Tensor& x) {
  if (x.numel() == 0) {
    const double nan = std::numeric_limits<double>::quiet_NaN();
    return full({}, is_floating(x.dtype()) ? nan : 0, x.dtype(), x.device());
  }
  Tensor result;
  {
    const NoGrad values_only;
    result = median(x.reshape({x.numel()}), 0).values;
  }
  const auto rule = unary_rule([](Saved s, const Tensor& grad) {
    const Tensor equals = eq(s[0], s[1]).to(grad.dtype());
    return mul(equals, div(grad, sum(equals)));
  });
  return record_one("median", {x}, result, rule, x, result);
}

}  // namespace voxgrad
