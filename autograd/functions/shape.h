// Shape functions: views, joins, padding, copies between layouts, dtypes and devices.
// Differentiable.
//
// The members of Tensor that are defined here follow torch.Tensor's of the same names:
//   view(shape)        same elements under another shape; one size may be -1. Aliases. On a dense
//                      channels-last tensor that shares its memory with nobody, it lays the
//                      tensor out plain first. ShapeError, naming reshape, where a copy is needed.
//   reshape(shape)     view where strides allow, else of a plain copy
//   permute(axes)      axes in another order, each once
//   transpose(a, b)    two axes exchanged
//   narrow(axis, start, length), select(axis, index)   part of one axis; index may be negative
//   slice(axis, start, length, step)   every step-th (>= 1) element of one axis from start on
//   diagonal(offset, axis1, axis2)     elements (i, i + offset) of two axes, as a new last axis
//   unfold(axis, size, step)   windows of `size`, step apart, which may overlap: the axis counts
//                      them and a new last axis runs through them
//   expand(shape)      axes of size 1 repeated, new axes in front; -1 keeps a size
//   squeeze(axis), unsqueeze(axis), flatten(first, last); squeeze() drops all axes of size 1
//   contiguous(), channels_last()   the tensor itself when it lies so, else a copy that does
//   clone()            a copy in the same memory order
//   to(dtype), to(device)           the tensor itself when nothing changes, else a converted copy
// All but the last four alias the tensor's storage. Wrong axes throw IndexError, wrong sizes
// ShapeError.
#pragma once

#include <initializer_list>
#include <span>
#include <vector>

#include <voxgrad/core/pad_mode.h>
#include <voxgrad/core/tensor.h>

namespace [[gnu::visibility("default")]] voxgrad {

/// Joins tensors of one device along an axis, in the dtype that holds all; the other sizes must
/// agree, but vectors without elements fit everything.
/// @return the memory order of the first. @throws ShapeError, DeviceError.
Tensor cat(std::span<const Tensor> tensors, Index axis = 0);
inline Tensor cat(std::initializer_list<Tensor> tensors, Index axis = 0) {
  return cat(std::span(tensors.begin(), tensors.size()), axis);
}

/// Joins tensors of one shape along a new axis.
Tensor stack(std::span<const Tensor> tensors, Index axis = 0);
inline Tensor stack(std::initializer_list<Tensor> tensors, Index axis = 0) {
  return stack(std::span(tensors.begin(), tensors.size()), axis);
}

/// Views of consecutive parts with the given sizes, which must add up to the axis.
std::vector<Tensor> split(const Tensor& x, std::span<const Index> sizes, Index axis = 0);
/// Views of parts of `size`, the last one shorter where that does not divide the axis.
std::vector<Tensor> split(const Tensor& x, Index size, Index axis = 0);
/// Views of at most `count` parts of one size, the last one shorter where that does not divide.
std::vector<Tensor> chunk(const Tensor& x, Index count, Index axis = 0);
/// Views of all elements of an axis, without that axis.
std::vector<Tensor> unbind(const Tensor& x, Index axis = 0);

/// A view whose axes `from` moved to the places `to`; the others keep their order.
Tensor movedim(const Tensor& x, std::span<const Index> from, std::span<const Index> to);
inline Tensor movedim(const Tensor& x, Index from, Index to) {
  return movedim(x, std::span(&from, 1), std::span(&to, 1));
}

/// x.expand(shape): a view.
Tensor broadcast_to(const Tensor& x, const Shape& shape);

/// A copy with axis i repeated counts[i] times, new axes in front. @throws ShapeError for fewer
/// counts than axes or negative ones.
Tensor repeat(const Tensor& x, std::span<const Index> counts);
inline Tensor repeat(const Tensor& x, std::initializer_list<Index> counts) {
  return repeat(x, std::span(counts.begin(), counts.size()));
}
/// The same; counts that are missing in front are 1.
Tensor tile(const Tensor& x, std::span<const Index> counts);
inline Tensor tile(const Tensor& x, std::initializer_list<Index> counts) {
  return tile(x, std::span(counts.begin(), counts.size()));
}

/// A copy whose elements moved by shifts[i] along axes[i] and came in again at the other end.
/// Without axes: one shift of all elements in logical order.
Tensor roll(const Tensor& x, std::span<const Index> shifts, std::span<const Index> axes = {});
inline Tensor roll(const Tensor& x, std::initializer_list<Index> shifts,
                   std::initializer_list<Index> axes = {}) {
  return roll(x, std::span(shifts.begin(), shifts.size()), std::span(axes.begin(), axes.size()));
}

/// A copy of matrices (..., m, n) with zeros above (tril) or below (triu) the diagonal
/// (i, i + diagonal). @throws ShapeError below rank 2.
Tensor tril(const Tensor& x, Index diagonal = 0);
Tensor triu(const Tensor& x, Index diagonal = 0);

/// Widens the last axes: `amounts` are pairs (before, after), the last axis first, as in
/// torch.nn.functional.pad. Negative amounts crop, in constant mode only.
/// @throws ShapeError where a mode's limit (core/pad_mode.h) is passed.
Tensor pad(const Tensor& x, std::span<const Index> amounts, PadMode mode = PadMode::constant,
           double value = 0);
inline Tensor pad(const Tensor& x, std::initializer_list<Index> amounts,
                  PadMode mode = PadMode::constant, double value = 0) {
  return pad(x, std::span(amounts.begin(), amounts.size()), mode, value);
}

/// A copy reversed along axes.
Tensor flip(const Tensor& x, std::span<const Index> axes);
inline Tensor flip(const Tensor& x, std::initializer_list<Index> axes) {
  return flip(x, std::span(axes.begin(), axes.size()));
}

}  // namespace voxgrad
