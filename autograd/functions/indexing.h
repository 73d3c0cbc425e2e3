// Reads and writes through index tensors and masks. Differentiable in values, not in indices.
//
// Index tensors are int64 or int32. Where several elements meet in one place, sums are taken in
// logical order and the last of the others stays; the gradient of those others is PyTorch's, as if
// they did not meet. An index outside its axis throws IndexError before anything is written.
#pragma once

#include <initializer_list>
#include <optional>
#include <span>

#include <voxgrad/core/tensor.h>

namespace [[gnu::visibility("default")]] voxgrad {

/// Elements where index tensors say, as x[indices] of Python.
///
/// @param indices  one per axis of x from the first on; an undefined tensor takes the whole axis,
///                 so do missing ones. Index tensors broadcast together and may be negative. A
///                 boolean (or uint8) mask of rank r stands for r axes whose sizes it has, and
///                 chooses its non-zero elements; one of rank 0 adds an axis in front of the
///                 others.
/// @return  a copy; the axes of the broadcast indices lie where the indexed axes were when those
///          are neighbours, else first.
/// @throws IndexError for too many indices, indices out of range and masks of other sizes;
///         ShapeError where indices do not broadcast; DTypeError.
Tensor index(const Tensor& x, std::span<const Tensor> indices);
inline Tensor index(const Tensor& x, std::initializer_list<Tensor> indices) {
  return index(x, std::span(indices.begin(), indices.size()));
}

/// A copy of x in which `values`, of the dtype of x and broadcast to the shape of index(x,
/// indices), replace those elements or, with `accumulate`, are added to them.
Tensor index_put(const Tensor& x, std::span<const Tensor> indices, const Tensor& values,
                 bool accumulate = false);
/// The same in x itself. Returns x. @throws AutogradError as copy_.
Tensor& index_put_(Tensor& x, std::span<const Tensor> indices, const Tensor& values,
                   bool accumulate = false);

/// Elements of one axis, in the order of `index` (rank 1 or 0), which must not be negative.
Tensor index_select(const Tensor& x, Index axis, const Tensor& index);

/// result[i][j][k] = x[i][index[i][j][k]][k] for axis 1: the shape of `index`, whose rank is that
/// of x and whose other sizes are at most those of x. Indices must not be negative.
Tensor gather(const Tensor& x, Index axis, const Tensor& index);
/// gather after x and index were broadcast together along the other axes; without an axis, of all
/// elements in logical order.
Tensor take_along_dim(const Tensor& x, const Tensor& index, std::optional<Index> axis = {});

/// A copy of x with result[i][index[i][j][k]][k] = src[i][j][k] for axis 1: the counterpart of
/// gather. src has the rank and dtype of x and at least the sizes of `index`.
Tensor scatter(const Tensor& x, Index axis, const Tensor& index, const Tensor& src);
Tensor scatter(const Tensor& x, Index axis, const Tensor& index, double value);
/// The same with the values added.
Tensor scatter_add(const Tensor& x, Index axis, const Tensor& index, const Tensor& src);

/// x with `value` (a number or a tensor of rank 0) where the mask, which broadcasts with x, holds.
Tensor masked_fill(const Tensor& x, const Tensor& mask, double value);
Tensor masked_fill(const Tensor& x, const Tensor& mask, const Tensor& value);
/// The elements of x (broadcast with the mask) where the mask holds, in logical order: rank 1.
Tensor masked_select(const Tensor& x, const Tensor& mask);
/// Indices of the elements that are not 0, in logical order: (count, rank), int64.
Tensor nonzero(const Tensor& x);

}  // namespace voxgrad
