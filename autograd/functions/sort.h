// Elements in order, and those chosen by it, with their positions along one axis. Differentiable:
// the gradient goes to the chosen element.
//
// NaN counts as larger than all numbers. A tensor of rank 0 counts as one of rank 1. All throw
// IndexError for a wrong axis.
#pragma once

#include <voxgrad/core/tensor.h>

namespace [[gnu::visibility("default")]] voxgrad {

/// Elements and where along the axis (int64) they were.
struct ValuesIndices {
  Tensor values;
  Tensor indices;
};

/// Sorted along an axis; equal elements keep their order.
ValuesIndices sort(const Tensor& x, Index axis = -1, bool descending = false);
/// The indices of sort alone.
Tensor argsort(const Tensor& x, Index axis = -1, bool descending = false);

/// The k largest or smallest along an axis, in that order. @throws ShapeError unless k is in [0,
/// size].
ValuesIndices topk(const Tensor& x, Index k, Index axis = -1, bool largest = true);

/// The largest or smallest along an axis, the first of equals; NaN where one is. @throws IndexError
/// where the axis is empty.
ValuesIndices max(const Tensor& x, Index axis, bool keepdim = false);
ValuesIndices min(const Tensor& x, Index axis, bool keepdim = false);

/// The middle element along an axis, the lower of two; NaN where one is. @throws IndexError where
/// the axis is empty.
ValuesIndices median(const Tensor& x, Index axis, bool keepdim = false);
/// The same of all elements; the gradient is divided evenly among equals; NaN when there are none.
Tensor median(const Tensor& x);

}  // namespace voxgrad
