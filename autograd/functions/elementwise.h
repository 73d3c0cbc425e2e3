// Elementwise functions: arithmetic, comparison, activations. Differentiable.
//
// Shapes broadcast, and the result keeps the memory order of the first tensor that has its shape.
// Dtypes promote as in PyTorch: bool < uint8 < int32 < int64 < float32 < float64, where a tensor of
// rank 0 does not widen one of the same kind. A double beside a tensor does not change a floating
// dtype; an integer tensor stays integer with a whole number and becomes default_dtype() with
// another. Functions with real values take integers as default_dtype().
//
// All throw ShapeError where shapes do not broadcast, DeviceError where devices differ and
// DTypeError where a dtype has no such operation. At ties and corners the gradients are PyTorch's:
// maximum shares evenly, abs and relu give 0 at 0, clamp passes at its bounds.
#pragma once

#include <voxgrad/core/tensor.h>

namespace [[gnu::visibility("default")]] voxgrad {

/// a + b; of booleans: or.
Tensor add(const Tensor& a, const Tensor& b);
Tensor add(const Tensor& a, double b);
/// a - b. @throws DTypeError for two boolean tensors.
Tensor sub(const Tensor& a, const Tensor& b);
Tensor sub(const Tensor& a, double b);
Tensor sub(double a, const Tensor& b);
/// a * b; of booleans: and.
Tensor mul(const Tensor& a, const Tensor& b);
Tensor mul(const Tensor& a, double b);
/// a / b, always floating: integers become default_dtype().
Tensor div(const Tensor& a, const Tensor& b);
Tensor div(const Tensor& a, double b);
Tensor div(double a, const Tensor& b);
/// a^b. Integers stay integers. @throws DTypeError for an integer tensor to a negative whole
/// number.
Tensor pow(const Tensor& a, double b);
Tensor pow(const Tensor& a, const Tensor& b);
/// -x. @throws DTypeError for boolean.
Tensor neg(const Tensor& x);

Tensor exp(const Tensor& x);
/// Natural logarithm: -infinity at 0, NaN below.
Tensor log(const Tensor& x);
Tensor sqrt(const Tensor& x);
Tensor sin(const Tensor& x);
Tensor cos(const Tensor& x);
Tensor abs(const Tensor& x);
/// x * x.
Tensor square(const Tensor& x);

/// The larger of each pair; NaN where either is.
Tensor maximum(const Tensor& a, const Tensor& b);
/// The smaller of each pair; NaN where either is.
Tensor minimum(const Tensor& a, const Tensor& b);
/// min(max(x, low), high); an infinite bound is none.
Tensor clamp(const Tensor& x, double low, double high);
/// a where `cond` (boolean) holds, else b.
Tensor where(const Tensor& cond, const Tensor& a, const Tensor& b);
Tensor where(const Tensor& cond, const Tensor& a, double b);
Tensor where(const Tensor& cond, double a, const Tensor& b);

/// 1 / (1 + exp(-x)).
Tensor sigmoid(const Tensor& x);
Tensor tanh(const Tensor& x);
/// max(x, 0).
Tensor relu(const Tensor& x);
/// x where x > 0, else slope * x.
Tensor leaky_relu(const Tensor& x, double slope = 0.01);
/// relu in place. Returns x. @throws AutogradError for a leaf that wants a gradient.
Tensor& relu_(Tensor& x);
/// leaky_relu in place. Returns x. @throws AutogradError as relu_, and for a negative slope on a
/// tensor that wants a gradient.
Tensor& leaky_relu_(Tensor& x, double slope = 0.01);

/// Comparisons give boolean tensors without a gradient.
Tensor eq(const Tensor& a, const Tensor& b);
Tensor eq(const Tensor& a, double b);
Tensor ne(const Tensor& a, const Tensor& b);
Tensor ne(const Tensor& a, double b);
Tensor lt(const Tensor& a, const Tensor& b);
Tensor lt(const Tensor& a, double b);
Tensor le(const Tensor& a, const Tensor& b);
Tensor le(const Tensor& a, double b);
Tensor gt(const Tensor& a, const Tensor& b);
Tensor gt(const Tensor& a, double b);
Tensor ge(const Tensor& a, const Tensor& b);
Tensor ge(const Tensor& a, double b);
/// Boolean: x == 0.
Tensor logical_not(const Tensor& x);
/// Boolean: x is NaN.
Tensor isnan(const Tensor& x);

inline Tensor operator+(const Tensor& a, const Tensor& b) { return add(a, b); }
inline Tensor operator+(const Tensor& a, double b) { return add(a, b); }
inline Tensor operator+(double a, const Tensor& b) { return add(b, a); }
inline Tensor operator-(const Tensor& a, const Tensor& b) { return sub(a, b); }
inline Tensor operator-(const Tensor& a, double b) { return sub(a, b); }
inline Tensor operator-(double a, const Tensor& b) { return sub(a, b); }
inline Tensor operator*(const Tensor& a, const Tensor& b) { return mul(a, b); }
inline Tensor operator*(const Tensor& a, double b) { return mul(a, b); }
inline Tensor operator*(double a, const Tensor& b) { return mul(b, a); }
inline Tensor operator/(const Tensor& a, const Tensor& b) { return div(a, b); }
inline Tensor operator/(const Tensor& a, double b) { return div(a, b); }
inline Tensor operator/(double a, const Tensor& b) { return div(a, b); }
inline Tensor operator-(const Tensor& x) { return neg(x); }

}  // namespace voxgrad
