// Sums, means and extrema over axes. Differentiable.
//
// Axes may be negative, each at most once (IndexError, ShapeError). With keepdim they stay with
// size 1, else they go.
#pragma once

#include <initializer_list>
#include <span>

#include <voxgrad/core/tensor.h>

namespace [[gnu::visibility("default")]] voxgrad {

/// Sum of all elements, rank 0. Integers and booleans are summed in int64; 0 when there are none.
Tensor sum(const Tensor& x);
/// Sum over `axes`; over none of them it is a copy.
Tensor sum(const Tensor& x, std::span<const Index> axes, bool keepdim = false);
inline Tensor sum(const Tensor& x, std::initializer_list<Index> axes, bool keepdim = false) {
  return sum(x, std::span(axes.begin(), axes.size()), keepdim);
}

/// Mean of all elements; NaN when there are none. @throws DTypeError unless floating.
Tensor mean(const Tensor& x);
Tensor mean(const Tensor& x, std::span<const Index> axes, bool keepdim = false);
inline Tensor mean(const Tensor& x, std::initializer_list<Index> axes, bool keepdim = false) {
  return mean(x, std::span(axes.begin(), axes.size()), keepdim);
}

/// Largest or smallest of all elements, NaN where one is; the gradient is divided evenly among
/// equals. @throws ShapeError when empty.
Tensor max(const Tensor& x);
Tensor min(const Tensor& x);
/// The same over axes, which must not be empty.
Tensor amax(const Tensor& x, std::span<const Index> axes, bool keepdim = false);
inline Tensor amax(const Tensor& x, std::initializer_list<Index> axes, bool keepdim = false) {
  return amax(x, std::span(axes.begin(), axes.size()), keepdim);
}
Tensor amin(const Tensor& x, std::span<const Index> axes, bool keepdim = false);
inline Tensor amin(const Tensor& x, std::initializer_list<Index> axes, bool keepdim = false) {
  return amin(x, std::span(axes.begin(), axes.size()), keepdim);
}

/// Position of the largest element, int64: in logical order over all, or along one axis; the first
/// of equals. @throws ShapeError when there is none.
Tensor argmax(const Tensor& x);
Tensor argmax(const Tensor& x, Index axis, bool keepdim = false);

/// Variance over axes: squared distances from the mean, summed and divided by n - 1 (unbiased) or
/// n. @throws DTypeError unless floating.
Tensor var(const Tensor& x, std::span<const Index> axes, bool unbiased = true,
           bool keepdim = false);
inline Tensor var(const Tensor& x, std::initializer_list<Index> axes, bool unbiased = true,
                  bool keepdim = false) {
  return var(x, std::span(axes.begin(), axes.size()), unbiased, keepdim);
}

/// Sums x down to `shape`, which broadcasts to that of x: the adjoint of expand. @throws
/// ShapeError.
Tensor sum_to(const Tensor& x, const Shape& shape);

}  // namespace voxgrad
