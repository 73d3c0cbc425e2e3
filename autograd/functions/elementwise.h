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
// maximum shares evenly, abs and relu give 0 at 0, clamp gives 0 at bounds that are numbers and
// shares evenly with those that are tensors.
#pragma once

#include <cstdint>
#include <optional>

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
/// To which side a quotient is rounded.
enum class Rounding : std::uint8_t { none, floor, trunc };
/// a / b rounded; integers stay integers, and the gradient is 0. With Rounding::none as above.
/// @throws Error for integers divided by zero.
Tensor div(const Tensor& a, const Tensor& b, Rounding rounding);
Tensor div(const Tensor& a, double b, Rounding rounding);
Tensor div(double a, const Tensor& b, Rounding rounding);
/// div with Rounding::floor.
Tensor floor_divide(const Tensor& a, const Tensor& b);
Tensor floor_divide(const Tensor& a, double b);
Tensor floor_divide(double a, const Tensor& b);
/// a - floor_divide(a, b) * b: 0 or of the sign of b. @throws Error for integers divided by zero.
Tensor remainder(const Tensor& a, const Tensor& b);
Tensor remainder(const Tensor& a, double b);
Tensor remainder(double a, const Tensor& b);
/// a - div(a, b, Rounding::trunc) * b: 0 or of the sign of a. @throws Error for integers divided by
/// zero.
Tensor fmod(const Tensor& a, const Tensor& b);
Tensor fmod(const Tensor& a, double b);
/// a^b. Integers stay integers. @throws DTypeError for an integer tensor to a negative whole
/// number.
Tensor pow(const Tensor& a, double b);
Tensor pow(const Tensor& a, const Tensor& b);
Tensor pow(double a, const Tensor& b);
/// -x. @throws DTypeError for boolean.
Tensor neg(const Tensor& x);

Tensor exp(const Tensor& x);
/// 2^x.
Tensor exp2(const Tensor& x);
/// exp(x) - 1, exact near 0.
Tensor expm1(const Tensor& x);
/// Natural logarithm: -infinity at 0, NaN below; so those of other bases.
Tensor log(const Tensor& x);
Tensor log2(const Tensor& x);
Tensor log10(const Tensor& x);
/// log(1 + x), exact near 0.
Tensor log1p(const Tensor& x);
Tensor sqrt(const Tensor& x);
/// 1 / sqrt(x).
Tensor rsqrt(const Tensor& x);
/// 1 / x.
Tensor reciprocal(const Tensor& x);
Tensor sin(const Tensor& x);
Tensor cos(const Tensor& x);
Tensor tan(const Tensor& x);
Tensor asin(const Tensor& x);
Tensor acos(const Tensor& x);
Tensor atan(const Tensor& x);
Tensor sinh(const Tensor& x);
Tensor cosh(const Tensor& x);
/// 2 / sqrt(pi) times the integral of exp(-t^2) from 0 to x.
Tensor erf(const Tensor& x);
/// 1 - erf(x), exact for large x.
Tensor erfc(const Tensor& x);
/// The angle of the point (b, a), in [-pi, pi].
Tensor atan2(const Tensor& a, const Tensor& b);
Tensor abs(const Tensor& x);
/// -1, 0 or 1; 0 for NaN. Its gradient and those of the rounding functions are 0.
Tensor sign(const Tensor& x);
/// To a whole number: below, above, nearest (halves to the even one), towards 0. Integers stay.
Tensor floor(const Tensor& x);
Tensor ceil(const Tensor& x);
Tensor round(const Tensor& x);
Tensor trunc(const Tensor& x);
/// x * x.
Tensor square(const Tensor& x);

/// The larger of each pair; NaN where either is.
Tensor maximum(const Tensor& a, const Tensor& b);
/// The smaller of each pair; NaN where either is.
Tensor minimum(const Tensor& a, const Tensor& b);
/// min(max(x, low), high); an infinite bound is none.
Tensor clamp(const Tensor& x, double low, double high);
/// The same with bounds that broadcast with x; an undefined one is none. Where low > high: high.
Tensor clamp(const Tensor& x, const Tensor& low, const Tensor& high);
/// a + weight * (b - a).
Tensor lerp(const Tensor& a, const Tensor& b, double weight);
Tensor lerp(const Tensor& a, const Tensor& b, const Tensor& weight);
/// x + value * a * b.
Tensor addcmul(const Tensor& x, const Tensor& a, const Tensor& b, double value = 1);
/// x + value * a / b.
Tensor addcdiv(const Tensor& x, const Tensor& a, const Tensor& b, double value = 1);
/// x with NaN and the infinities replaced, by default with 0 and the largest finite numbers.
Tensor nan_to_num(const Tensor& x, double nan = 0, std::optional<double> posinf = {},
                  std::optional<double> neginf = {});
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
/// Boolean, of operands that are not 0.
Tensor logical_and(const Tensor& a, const Tensor& b);
Tensor logical_or(const Tensor& a, const Tensor& b);
Tensor logical_xor(const Tensor& a, const Tensor& b);
/// Bit by bit, of integers; of booleans the logical operation. @throws DTypeError for floating.
Tensor bitwise_and(const Tensor& a, const Tensor& b);
Tensor bitwise_or(const Tensor& a, const Tensor& b);
Tensor bitwise_xor(const Tensor& a, const Tensor& b);
Tensor bitwise_not(const Tensor& x);
/// Boolean: x is NaN; infinite; neither.
Tensor isnan(const Tensor& x);
Tensor isinf(const Tensor& x);
Tensor isfinite(const Tensor& x);
/// Boolean: |a - b| <= atol + rtol * |b|; infinities are close to themselves alone, NaN to NaN with
/// equal_nan.
Tensor isclose(const Tensor& a, const Tensor& b, double rtol = 1e-5, double atol = 1e-8,
               bool equal_nan = false);
/// isclose everywhere.
bool allclose(const Tensor& a, const Tensor& b, double rtol = 1e-5, double atol = 1e-8,
              bool equal_nan = false);
/// One shape and equal values. NaN equals nothing.
bool equal(const Tensor& a, const Tensor& b);

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
