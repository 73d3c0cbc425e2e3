#include <voxgrad/autograd/functions/shape.h>

#include <algorithm>

#include <voxgrad/autograd/functions/creation.h>
#include <voxgrad/autograd/functions/elementwise.h>
#include <voxgrad/autograd/functions/operands.h>
#include <voxgrad/autograd/node.h>
#include <voxgrad/core/backend.h>
#include <voxgrad/core/check.h>
#include <voxgrad/ops/elementwise.h>
#include <voxgrad/ops/layout.h>

namespace voxgrad {
namespace {

/// A recorded result whose gradient is a function of the one gradient.
template <typename F>
Tensor linear_result(std::string_view op, const Tensor& x, Tensor result, F f) {
  return record_one(op, {x}, std::move(result),
                    [f = std::move(f)](std::span<const Tensor>, std::span<const Tensor> grads,
                                       Needs) { return std::vector<Tensor>{f(grads[0])}; });
}

Tensor copied(std::string_view op, const Tensor& x, Tensor result) {
  return linear_result(op, x, std::move(result), [](const Tensor& grad) { return grad; });
}

void check_pad_limits(const Tensor& x, std::span<const Index> lo, std::span<const Index> hi,
                      PadMode mode) {
  constexpr Index kMost = Index{1} << 60;  // so that no sum below overflows
  for (int i = 0; i < x.dim(); ++i) {
    VG_CHECK(std::max(lo[i], hi[i]) <= kMost && std::min(lo[i], hi[i]) >= -kMost, ShapeError,
             "pad: amounts must be in [-2^60, 2^60]; got ({}, {}) for axis {}", lo[i], hi[i], i);
    const Index size = x.shape()[i], total = size + lo[i] + hi[i];
    const Index least = mode == PadMode::constant ? -size : 0;
    const Index most = mode == PadMode::reflect    ? size - 1
                       : mode == PadMode::circular ? size
                                                   : total;
    if (lo[i] == 0 && hi[i] == 0) continue;
    VG_CHECK(total >= 0 && lo[i] >= least && hi[i] >= least, ShapeError,
             "pad: amounts must {}; got ({}, {}) for axis {} of size {}",
             mode == PadMode::constant ? "leave no negative size" : "not be negative in this mode",
             lo[i], hi[i], i, size);
    VG_CHECK(mode == PadMode::constant || (size > 0 && lo[i] <= most && hi[i] <= most), ShapeError,
             "pad: {}; got ({}, {}) for axis {} of size {}",
             mode == PadMode::reflect    ? "reflect amounts must be less than the size"
             : mode == PadMode::circular ? "circular amounts must be at most the size"
                                         : "replicate needs a size of at least 1",
             lo[i], hi[i], i, size);
  }
}

Tensor pad_adjoint(const Tensor& y, const Shape& shape, std::vector<Index> lo,
                   std::vector<Index> hi, PadMode mode);

Tensor pad_all(const Tensor& x, std::vector<Index> lo, std::vector<Index> hi, PadMode mode,
               double value) {
  Tensor result = ops::pad(x, lo, hi, mode, value);
  attach_recipe_from(x, is_kept_anyway(x), result, [lo, hi, mode, value](const Tensor& in) {
    return ops::pad(in, lo, hi, mode, value);
  });
  return linear_result("pad", x, std::move(result),
                       [shape = x.shape(), lo, hi, mode](const Tensor& grad) {
                         return pad_adjoint(grad, shape, lo, hi, mode);
                       });
}

Tensor pad_adjoint(const Tensor& y, const Shape& shape, std::vector<Index> lo,
                   std::vector<Index> hi, PadMode mode) {
  Tensor result = ops::pad_adjoint(y, shape, lo, hi, mode);
  return linear_result("pad_adjoint", y, std::move(result), [lo, hi, mode](const Tensor& grad) {
    return pad_all(grad, lo, hi, mode, 0);
  });
}

}  // namespace

std::vector<Tensor> split(const Tensor& x, std::span<const Index> sizes, Index axis) {
  const int at = normalize_axis("split", axis, x.dim());
  Index rest = x.shape()[at];
  for (const Index size : sizes) rest = size < 0 || size > rest ? -1 : rest - size;
  VG_CHECK(rest == 0, ShapeError, "split: the sizes must add up to the axis of {}; got {}",
           x.shape()[at], to_string(sizes));
  std::vector<Tensor> parts;
  Index start = 0;
  for (const Index size : sizes) {
    parts.push_back(x.narrow(at, start, size));
    start += size;
  }
  return parts;
}

std::vector<Tensor> split(const Tensor& x, Index size, Index axis) {
  const Index whole = x.size(normalize_axis("split", axis, x.dim()));
  VG_CHECK(size > 0 || (size == 0 && whole == 0), ShapeError,
           "split: size must be > 0, or 0 for an empty axis; got {} for an axis of {}", size,
           whole);
  const Index count = whole == 0 ? 1 : (whole - 1) / size + 1;
  std::vector<Index> sizes(static_cast<std::size_t>(count), size);
  sizes.back() = whole - (count - 1) * size;
  return split(x, sizes, axis);
}

constexpr Index kMostParts = Index{1} << 20;  // of nothing

std::vector<Tensor> chunk(const Tensor& x, Index count, Index axis) {
  const Index whole = x.size(normalize_axis("chunk", axis, x.dim()));
  VG_CHECK(count > 0 && (whole > 0 || count <= kMostParts), ShapeError,
           "chunk: count must be > 0, and for an empty axis at most {}; got {}", kMostParts, count);
  if (whole == 0) return split(x, std::vector<Index>(static_cast<std::size_t>(count), 0), axis);
  return split(x, (whole - 1) / count + 1, axis);
}

std::vector<Tensor> unbind(const Tensor& x, Index axis) {
  const int at = normalize_axis("unbind", axis, x.dim());
  std::vector<Tensor> parts;
  for (Index i = 0; i < x.shape()[at]; ++i) parts.push_back(x.select(at, i));
  return parts;
}

Tensor movedim(const Tensor& x, std::span<const Index> from, std::span<const Index> to) {
  VG_CHECK(from.size() == to.size(), ShapeError,
           "movedim: from and to must name as many axes; got {} and {}", to_string(from),
           to_string(to));
  if (x.dim() == 0) {
    for (const Index axis : from) normalize_axis("movedim", axis, 1);
    for (const Index axis : to) normalize_axis("movedim", axis, 1);
    return x;
  }
  std::vector<Index> axes(x.shape().size(), -1), rest;
  std::vector<bool> moved(axes.size());
  for (std::size_t i = 0; i < from.size(); ++i) {
    const int source = normalize_axis("movedim", from[i], x.dim());
    const int place = normalize_axis("movedim", to[i], x.dim());
    VG_CHECK(!moved[source] && axes[place] == -1, ShapeError,
             "movedim: each axis at most once; got {} and {}", to_string(from), to_string(to));
    moved[source] = true;
    axes[place] = source;
  }
  for (std::size_t i = 0; i < axes.size(); ++i)
    if (!moved[i]) rest.push_back(static_cast<Index>(i));
  auto next = rest.begin();
  for (Index& axis : axes)
    if (axis == -1) axis = *next++;
  return x.permute(axes);
}

Tensor broadcast_to(const Tensor& x, const Shape& shape) { return x.expand(shape); }

Tensor repeat(const Tensor& x, std::span<const Index> counts) {
  const std::size_t rank = x.shape().size();
  VG_CHECK(counts.size() >= rank && std::ranges::all_of(counts, [](Index n) { return n >= 0; }),
           ShapeError, "repeat: needs a count >= 0 for each of {} axes; got {}", rank,
           to_string(counts));
  const std::size_t added = counts.size() - rank;
  Shape apart, repeated, joined;  // every axis is (count, size) before it is one
  for (std::size_t i = 0; i < counts.size(); ++i) {
    const Index size = i < added ? 1 : x.shape()[i - added];
    apart.insert(apart.end(), {1, size});
    repeated.insert(repeated.end(), {counts[i], size});
    joined.push_back(checked_product(counts[i], size));
  }
  return x.reshape(apart).expand(repeated).clone().reshape(joined);
}

Tensor tile(const Tensor& x, std::span<const Index> counts) {
  std::vector<Index> complete(std::max(counts.size(), x.shape().size()), 1);
  std::ranges::copy_backward(counts, complete.end());
  return repeat(x, complete);
}

Tensor roll(const Tensor& x, std::span<const Index> shifts, std::span<const Index> axes) {
  if (axes.empty() && shifts.size() == 1) {
    const Index zero = 0;
    return roll(x.reshape({x.numel()}), shifts, std::span(&zero, 1)).reshape(x.shape());
  }
  VG_CHECK(shifts.size() == axes.size(), ShapeError,
           "roll: needs one shift per axis, or one and no axis; got {} and {}", to_string(shifts),
           to_string(axes));
  Tensor result = x;
  for (std::size_t i = 0; i < axes.size(); ++i) {
    const int at = normalize_axis("roll", axes[i], x.dim());
    const Index size = x.shape()[at];
    if (size == 0) continue;
    const Index shift = (shifts[i] % size + size) % size;
    if (shift == 0) continue;
    result = cat({result.narrow(at, size - shift, shift), result.narrow(at, 0, size - shift)}, at);
  }
  return result.is_same(x) ? x.clone() : result;
}

namespace {

/// column - row of every element of the matrices in x.
Tensor places(std::string_view op, const Tensor& x) {
  VG_CHECK(x.dim() >= 2, ShapeError, "{}: x must have rank >= 2; got {}", op, x.shape());
  const auto count = [&](Index axis) {
    return arange(0, static_cast<double>(x.size(axis)), 1, DType::int64, x.device());
  };
  return sub(count(-1), count(-2).unsqueeze(1));
}

/// x where `kept`, else 0.
Tensor zeroed_beside(const Tensor& kept, const Tensor& x) {
  return where(kept, x, ops::scalar(0, x.dtype(), x.device()));
}

}  // namespace

Tensor tril(const Tensor& x, Index diagonal) {
  return zeroed_beside(le(places("tril", x), static_cast<double>(diagonal)), x);
}

Tensor triu(const Tensor& x, Index diagonal) {
  return zeroed_beside(ge(places("triu", x), static_cast<double>(diagonal)), x);
}

Tensor pad(const Tensor& x, std::span<const Index> amounts, PadMode mode, double value) {
  const std::size_t rank = static_cast<std::size_t>(x.dim());
  VG_CHECK(amounts.size() % 2 == 0 && amounts.size() <= 2 * rank, ShapeError,
           "pad: needs pairs for at most {} axes; got {} numbers", rank, amounts.size());
  std::vector<Index> lo(rank), hi(rank);
  for (std::size_t i = 0; i < amounts.size() / 2; ++i) {
    lo[rank - 1 - i] = amounts[2 * i];
    hi[rank - 1 - i] = amounts[2 * i + 1];
  }
  check_pad_limits(x, lo, hi, mode);
  return pad_all(x, std::move(lo), std::move(hi), mode, value);
}

Tensor flip(const Tensor& x, std::span<const Index> axes) {
  std::vector<Index> at;
  for (const Index axis : axes) {
    at.push_back(normalize_axis("flip", axis, std::max(x.dim(), 1)));
    VG_CHECK(std::ranges::count(at, at.back()) == 1, ShapeError,
             "flip: needs each axis once; got {}", to_string(axes));
  }
  if (x.dim() == 0) at.clear();
  Tensor result = ops::flip(x, at);
  return linear_result("flip", x, std::move(result),
                       [at](const Tensor& grad) { return flip(grad, at); });
}

Tensor Tensor::contiguous() const {
  return is_contiguous() ? *this : copied("contiguous", *this, ops::to_contiguous(*this));
}

Tensor Tensor::channels_last() const {
  return is_channels_last() ? *this : copied("channels_last", *this, ops::to_channels_last(*this));
}

Tensor Tensor::clone() const { return copied("clone", *this, ops::copy(*this)); }

Tensor Tensor::to(DType dtype) const {
  if (dtype == this->dtype()) return *this;
  return linear_result("to", *this, ops::convert(*this, dtype),
                       [from = this->dtype()](const Tensor& grad) { return grad.to(from); });
}

Tensor Tensor::to(Device device) const {
  if (device == this->device()) return *this;
  backend(device);  // throws where there is none
  const Tensor source = is_dense() ? *this : ops::to_contiguous(*this);
  Tensor result = empty_strided(source.shape(), source.strides(), source.dtype(), device);
  const std::size_t bytes = static_cast<std::size_t>(numel()) * size_of(dtype());
  backend(device).copy(result.mutable_raw(), device, source.raw(), source.device(), bytes);
  return linear_result("to", *this, std::move(result),
                       [from = this->device()](const Tensor& grad) { return grad.to(from); });
}

}  // namespace voxgrad
