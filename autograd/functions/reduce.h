// Sums, products, means, norms and extrema over axes. Differentiable.
//
// Axes may be negative, each at most once (IndexError, ShapeError); a tensor of rank 0 counts as
// one of rank 1. With keepdim they stay with size 1, else they go. Where there is a `dtype`, x is
// converted to it first, and the result has it.
#pragma once

#include <initializer_list>
#include <optional>
#include <span>

#include <voxgrad/core/tensor.h>

namespace [[gnu::visibility("default")]] voxgrad {

/// Sum of all elements, rank 0. Integers and booleans are summed in int64; 0 when there are none.
Tensor sum(const Tensor& x, std::optional<DType> dtype = {});
/// Sum over `axes`; over none of them it is a copy.
Tensor sum(const Tensor& x, std::span<const Index> axes, bool keepdim = false,
           std::optional<DType> dtype = {});
inline Tensor sum(const Tensor& x, std::initializer_list<Index> axes, bool keepdim = false,
                  std::optional<DType> dtype = {}) {
  return sum(x, std::span(axes.begin(), axes.size()), keepdim, dtype);
}

/// Mean of all elements; NaN when there are none. @throws DTypeError unless floating.
Tensor mean(const Tensor& x, std::optional<DType> dtype = {});
Tensor mean(const Tensor& x, std::span<const Index> axes, bool keepdim = false,
            std::optional<DType> dtype = {});
inline Tensor mean(const Tensor& x, std::initializer_list<Index> axes, bool keepdim = false,
                   std::optional<DType> dtype = {}) {
  return mean(x, std::span(axes.begin(), axes.size()), keepdim, dtype);
}

/// Product of all elements or along an axis; 1 when there are none. Integers and booleans give
/// int64. The gradient is right where elements are 0, too.
Tensor prod(const Tensor& x, std::optional<DType> dtype = {});
Tensor prod(const Tensor& x, Index axis, bool keepdim = false, std::optional<DType> dtype = {});

/// Sums of all elements up to each along an axis, shape of x. Integers and booleans give int64.
Tensor cumsum(const Tensor& x, Index axis, std::optional<DType> dtype = {});

/// Boolean (uint8 for uint8): some element, or every element, is not 0. Of none: false and true.
Tensor any(const Tensor& x);
Tensor any(const Tensor& x, std::span<const Index> axes, bool keepdim = false);
Tensor all(const Tensor& x);
Tensor all(const Tensor& x, std::span<const Index> axes, bool keepdim = false);
/// How many elements are not 0, int64.
Tensor count_nonzero(const Tensor& x);
Tensor count_nonzero(const Tensor& x, std::span<const Index> axes);

/// Largest or smallest of all elements, NaN where one is; the gradient is divided evenly among
/// equals, or among what is NaN. @throws IndexError when empty.
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

/// Position of the largest or smallest element, int64: in logical order over all, or along one
/// axis; the first of equals. @throws IndexError when there is none.
Tensor argmax(const Tensor& x);
Tensor argmax(const Tensor& x, Index axis, bool keepdim = false);
Tensor argmin(const Tensor& x);
Tensor argmin(const Tensor& x, Index axis, bool keepdim = false);

/// Variance over axes: squared distances from the mean, summed and divided by n - correction (0
/// when that is negative). @throws DTypeError unless floating.
Tensor var(const Tensor& x, std::span<const Index> axes, double correction = 1,
           bool keepdim = false);
inline Tensor var(const Tensor& x, std::initializer_list<Index> axes, double correction = 1,
                  bool keepdim = false) {
  return var(x, std::span(axes.begin(), axes.size()), correction, keepdim);
}
/// Its square root, whose gradient is 0 where it is 0.
Tensor std(const Tensor& x, std::span<const Index> axes, double correction = 1,
           bool keepdim = false);
inline Tensor std(const Tensor& x, std::initializer_list<Index> axes, double correction = 1,
                  bool keepdim = false) {
  return std(x, std::span(axes.begin(), axes.size()), correction, keepdim);
}
/// Of all elements.
Tensor var(const Tensor& x, double correction = 1);
Tensor std(const Tensor& x, double correction = 1);

/// Vector norm (sum of |x|^p)^(1/p) of all elements or over axes. p may be any number: 2 is the
/// Frobenius norm, infinity the largest and -infinity the smallest |x|, 0 the number of elements
/// that are not 0. The gradient is 0 where the norm is 0, and is divided evenly among equal
/// extrema.
/// @throws DTypeError unless floating; ShapeError for the extrema of none.
Tensor norm(const Tensor& x, double p = 2, std::optional<DType> dtype = {});
Tensor norm(const Tensor& x, double p, std::span<const Index> axes, bool keepdim = false,
            std::optional<DType> dtype = {});

/// log(sum of exp(x)) over axes, without overflow; -infinity of none. Integers become
/// default_dtype().
Tensor logsumexp(const Tensor& x, std::span<const Index> axes, bool keepdim = false);

/// Sums x down to `shape`, which broadcasts to that of x: the adjoint of expand. @throws
/// ShapeError.
Tensor sum_to(const Tensor& x, const Shape& shape);

}  // namespace voxgrad
