// Internal: what normalisation does with one element and one channel, on every device.
#pragma once

#include <cmath>

#include <voxgrad/ops/norm.h>

namespace voxgrad::ops {

/// One number per channel, or per group and channel: a tensor of either floating type, read as
/// double; `fallback` where the tensor is undefined.
class Parameter {
 public:
  explicit Parameter(const Tensor& x, double fallback = 0) : fallback_(fallback) {
    if (!x.defined()) return;
    if (x.dtype() == DType::float64) doubles_ = x.data<double>();
    else floats_ = x.data<float>();
  }
  constexpr double operator[](Index i) const {
    return doubles_ ? doubles_[i] : floats_ ? static_cast<double>(floats_[i]) : fallback_;
  }

 private:
  const double* doubles_ = nullptr;
  const float* floats_ = nullptr;
  double fallback_;
};

/// (x - mean) * factor with the mean in two parts: what T holds of it, and the rest, which goes
/// into the shift.
template <typename T>
struct SplitMean {
  T center;
  double rest;
  constexpr explicit SplitMean(double mean)
      : center(static_cast<T>(mean)), rest(mean - static_cast<double>(center)) {}
};

/// xhat * weight + bias = (x - center) * scale + shift.
template <typename T>
struct AffineNumbers {
  T center, scale, shift;

  constexpr AffineNumbers(double mean, double variance, double eps, double weight, double bias)
      : center(), scale(), shift() {
    const SplitMean<T> split(mean);
    const double factor = weight / std::sqrt(variance + eps);
    center = split.center;
    scale = static_cast<T>(factor);
    shift = static_cast<T>(bias - split.rest * factor);
  }
};

/// dx = dy_factor * g + x_factor * (x - center) + shift, center being that of AffineNumbers. With
/// r = 1 / sqrt(variance + eps) and the means over rows S of g and of g * xhat, times weight:
///   dx = r * (weight * g - S.dy - xhat * S.dy_xhat),  xhat = (x - mean) * r
template <typename T>
struct GradientNumbers {
  T dy_factor, x_factor, shift;

  constexpr GradientNumbers(double mean, double variance, double eps, double weight, double mean_dy,
                            double mean_dy_xhat)
      : dy_factor(), x_factor(), shift() {
    const SplitMean<T> split(mean);
    const double r = 1 / std::sqrt(variance + eps);
    const double slope = -r * r * mean_dy_xhat;
    dy_factor = static_cast<T>(weight * r);
    x_factor = static_cast<T>(slope);
    shift = static_cast<T>(-r * mean_dy - slope * split.rest);
  }
};

/// relu and leaky_relu of normalised values, as the elementwise kernels have them.
enum class Rectifier { none, relu, leaky };

/// Calls body.operator()<rectifier>().
template <typename Body>
void with_rectifier(double slope, const Body& body) {
  if (slope == 1) body.template operator()<Rectifier::none>();
  else if (slope == 0) body.template operator()<Rectifier::relu>();
  else body.template operator()<Rectifier::leaky>();
}

template <Rectifier rectifier, typename T>
[[gnu::always_inline]] constexpr T rectified(T value, [[maybe_unused]] T slope) {
  if constexpr (rectifier == Rectifier::relu) return value <= T(0) ? T(0) : value;
  else if constexpr (rectifier == Rectifier::leaky) return value > T(0) ? value : value * slope;
  else return value;
}

/// The gradient that reaches `value`.
template <Rectifier rectifier, typename T>
[[gnu::always_inline]] constexpr T gated(T gradient, [[maybe_unused]] T value,
                                         [[maybe_unused]] T slope) {
  if constexpr (rectifier == Rectifier::relu) return value <= T(0) ? T(0) : gradient;
  else if constexpr (rectifier == Rectifier::leaky) return gradient * (value > T(0) ? T(1) : slope);
  else return gradient;
}

}  // namespace voxgrad::ops
