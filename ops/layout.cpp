#include <voxgrad/ops/layout.h>

#include <algorithm>
#include <functional>

#include <voxgrad/core/parallel.h>
#include <voxgrad/ops/elementwise.h>

namespace voxgrad::ops {

namespace {

// A run of one axis of the padded tensor and where it comes from; step is 1, 0 (repeated) or -1
// (mirrored).
struct Segment {
  Index to;
  Index from;
  Index length;
  Index step;
};

std::vector<Segment> segments(PadMode mode, Index size, Index lo, Index hi) {
  std::vector<Segment> result = {
      {std::max<Index>(lo, 0), std::max<Index>(-lo, 0),
       std::max<Index>(size + std::min<Index>(lo, 0) + std::min<Index>(hi, 0), 0), 1}};
  switch (mode) {
    case PadMode::constant: return result;
    case PadMode::reflect:
      result.push_back({0, lo, lo, -1});
      result.push_back({lo + size, size - 2, hi, -1});
      break;
    case PadMode::replicate:
      result.push_back({0, 0, lo, 0});
      result.push_back({lo + size, size - 1, hi, 0});
      break;
    case PadMode::circular:
      result.push_back({0, size - lo, lo, 1});
      result.push_back({lo + size, 0, hi, 1});
      break;
  }
  std::erase_if(result, [](const Segment& s) { return s.length <= 0; });
  return result;
}

Shape padded_shape(const Shape& shape, std::span<const Index> lo, std::span<const Index> hi) {
  Shape result = shape;
  for (std::size_t i = 0; i < shape.size(); ++i) result[i] += lo[i] + hi[i];
  return result;
}

using Copy = std::function<void(const Operand& to, const Operand& from)>;

/// Copies every combination of one segment per axis.
void for_each_block(PadMode mode, std::span<const Index> lo, std::span<const Index> hi, int axis,
                    const Operand& to, const Operand& from, const Copy& copy) {
  if (axis == static_cast<int>(lo.size())) return copy(to, from);
  const auto i = static_cast<std::size_t>(axis);
  for (const Segment& s : segments(mode, from.shape[i], lo[i], hi[i])) {
    for_each_block(mode, lo, hi, axis + 1, slice(to, axis, s.to, s.length),
                   slice(from, axis, s.from, s.length, s.step), copy);
  }
}

/// Fills what pad does not copy: per axis the two slabs beside the block that the axes before
/// leave.
void fill_border(Operand out, const Shape& shape, std::span<const Index> lo, double value,
                 const LayoutKernels& kernels) {
  for (int axis = 0; axis < static_cast<int>(shape.size()); ++axis) {
    const auto i = static_cast<std::size_t>(axis);
    const Index begin = std::clamp<Index>(lo[i], 0, out.shape[i]);
    const Index end = std::clamp<Index>(lo[i] + shape[i], begin, out.shape[i]);
    if (begin > 0) kernels.fill(slice(out, axis, 0, begin), value);
    if (end < out.shape[i]) kernels.fill(slice(out, axis, end, out.shape[i] - end), value);
    out = slice(out, axis, begin, end - begin);
  }
}

/// pad's adjoint along one axis: the middle, and the segments beside it added where they came from.
Tensor fold_axis(const Tensor& y, int axis, Index size, Index lo, Index hi, PadMode mode) {
  Shape shape = y.shape();
  shape[static_cast<std::size_t>(axis)] = size;
  Tensor x = empty_in_order_of(y, shape);
  const Operand to = target(x);
  const Operand from = operand(y);
  const ElementwiseKernels& kernels = elementwise_kernels(y.device());
  layout_kernels(y.device()).copy(to, slice(from, axis, lo, size));
  const auto add = [&](const Operand& into, const Operand& other) {
    kernels.binary(BinaryOp::add, into, other, into, 0);
  };
  for (const Segment& s : segments(mode, size, lo, hi)) {
    if (s.to == lo) continue;  // the middle
    if (s.step != 0) {
      add(slice(to, axis, s.from, s.length, s.step), slice(from, axis, s.to, s.length));
      continue;
    }
    for (Index j = 0; j < s.length; ++j) {
      add(slice(to, axis, s.from, 1), slice(from, axis, s.to + j, 1));
    }
  }
  return x;
}

}  // namespace

const LayoutKernels& layout_kernels(Device device) {
  return select_kernels(device, cpu::kLayout, cuda::kLayout);
}

namespace {

/// Into a tensor that nobody has seen: what is left half-written goes away with it.
void copy_to_fresh(Tensor& to, const Tensor& from) {
  layout_kernels(to.device()).copy(target(to), operand(from, to.shape()));
}

}  // namespace

void copy_into(Tensor& to, const Tensor& from) {
  const NoCancel whole;
  copy_to_fresh(to, from);
}

void fill(Tensor& x, double value) {
  const NoCancel whole;
  layout_kernels(x.device()).fill(target(x), value);
}

Tensor to_channels_last(const Tensor& x) {
  if (x.is_channels_last()) return x;
  Tensor out = Tensor::empty_channels_last(x.shape(), x.dtype(), x.device());
  copy_to_fresh(out, x);
  return out;
}

Tensor to_contiguous(const Tensor& x) {
  if (x.is_contiguous()) return x;
  Tensor out = Tensor::empty(x.shape(), x.dtype(), x.device());
  copy_to_fresh(out, x);
  return out;
}

Tensor convert(const Tensor& x, DType dtype) {
  if (x.dtype() == dtype) return x;
  Tensor out = Tensor::empty_like(x, dtype);
  copy_to_fresh(out, x);
  return out;
}

Tensor copy(const Tensor& x) {
  Tensor out = Tensor::empty_like(x);
  copy_to_fresh(out, x);
  return out;
}

Tensor pad(const Tensor& x, std::span<const Index> lo, std::span<const Index> hi, PadMode mode,
           double value) {
  Tensor out = empty_in_order_of(x, padded_shape(x.shape(), lo, hi));
  if (out.numel() == 0) return out;
  const LayoutKernels& kernels = layout_kernels(x.device());
  const Operand to = target(out);
  if (mode == PadMode::constant) fill_border(to, x.shape(), lo, value, kernels);
  for_each_block(mode, lo, hi, 0, to, operand(x), kernels.copy);
  return out;
}

Tensor pad_adjoint(const Tensor& y, const Shape& shape, std::span<const Index> lo,
                   std::span<const Index> hi, PadMode mode) {
  if (mode == PadMode::constant) {  // the crop that undoes it, with zeros where pad cropped
    std::vector<Index> negative_lo(lo.begin(), lo.end());
    std::vector<Index> negative_hi(hi.begin(), hi.end());
    for (Index& n : negative_lo) n = -n;
    for (Index& n : negative_hi) n = -n;
    return pad(y, negative_lo, negative_hi, mode);
  }
  Tensor x = y;
  for (std::size_t i = 0; i < shape.size(); ++i) {
    if (lo[i] == 0 && hi[i] == 0) continue;
    x = fold_axis(x, static_cast<int>(i), shape[i], lo[i], hi[i], mode);
  }
  return x;
}

Tensor flip(const Tensor& x, std::span<const Index> axes) {
  Tensor out = Tensor::empty_like(x);
  Operand from = operand(x);
  for (const Index axis : axes) {
    const Index size = x.shape()[static_cast<std::size_t>(axis)];
    from = slice(std::move(from), static_cast<int>(axis), size - 1, size, -1);
  }
  layout_kernels(x.device()).copy(target(out), from);
  return out;
}

}  // namespace voxgrad::ops
