// Internal: what ActivationOp means for one element, on every device. Every activation is a small
// struct with value(x) and slope(x), both in the dtype of x.
#pragma once

#include <cmath>
#include <numbers>

#include <voxgrad/ops/activation.h>

namespace voxgrad::ops {

template <typename T>
constexpr T logistic(T x) {
  return T(1) / (T(1) + std::exp(-x));
}

template <typename T>
constexpr T cdf(T x) {
  return T(0.5) * std::erfc(-x * (std::numbers::sqrt2_v<T> / 2));
}

template <typename T>
constexpr T density(T x) {
  return std::exp(T(-0.5) * x * x) * (std::numbers::inv_sqrtpi_v<T> / std::numbers::sqrt2_v<T>);
}

template <typename T>
struct Elu {
  T a, b, c;
  constexpr T value(T x) const { return x > T(0) ? b * x : a * b * std::expm1(c * x); }
  constexpr T slope(T x) const { return x > T(0) ? b : a * b * c * std::exp(c * x); }
};

template <typename T>
struct Gelu {
  static constexpr T value(T x) { return x * cdf(x); }
  static constexpr T slope(T x) { return cdf(x) + x * density(x); }
};

/// (1 + tanh(u)) / 2 is the logistic function of 2 u.
template <typename T>
struct GeluTanh {
  static constexpr T kScale = T(2) * std::numbers::sqrt2_v<T> * std::numbers::inv_sqrtpi_v<T>;
  static constexpr T kCubic = T(0.044715);
  static constexpr T gate(T x) { return logistic(kScale * (x + kCubic * x * x * x)); }
  static constexpr T value(T x) { return x * gate(x); }
  static constexpr T slope(T x) {
    const T s = gate(x);
    return s + x * s * (T(1) - s) * (kScale * (T(1) + T(3) * kCubic * x * x));
  }
};

template <typename T>
struct Silu {
  static constexpr T value(T x) { return x / (T(1) + std::exp(-x)); }
  static constexpr T slope(T x) {
    const T s = logistic(x);
    return s * (T(1) + x * (T(1) - s));
  }
};

/// log(1 + exp(x)), exact at both ends.
template <typename T>
constexpr T log_of_one_plus_exp(T x) {
  return (x > T(0) ? x : T(0)) + std::log1p(std::exp(-std::abs(x)));
}

/// With n = e (e + 2) and e = exp(x), tanh(log(1 + e)) is n / (n + 2), without cancellation.
template <typename T>
struct Mish {
  static constexpr T kLarge = T(20);  // from where on the quotient is 1, long before e overflows
  static constexpr T value(T x) {
    const T e = std::exp(x < kLarge ? x : kLarge);
    const T n = e * (e + T(2));
    return x > kLarge ? x : x * (n / (n + T(2)));
  }
  static constexpr T slope(T x) {
    const T e = std::exp(x < kLarge ? x : kLarge);
    const T n = e * (e + T(2));
    const T t = n / (n + T(2));
    return x > kLarge ? T(1) : t + x * logistic(x) * (T(1) + t) * (T(2) / (n + T(2)));
  }
};

template <typename T>
struct Softplus {
  T beta, threshold;
  constexpr T value(T x) const {
    return beta * x > threshold ? x : log_of_one_plus_exp(beta * x) / beta;
  }
  constexpr T slope(T x) const { return beta * x > threshold ? T(1) : logistic(beta * x); }
};

template <typename T>
struct NormalCdf {
  static constexpr T value(T x) { return cdf(x); }
  static constexpr T slope(T x) { return density(x); }
};

/// Calls run(f) for the struct that an operation names.
template <typename T, typename Run>
void visit_activation(ActivationOp op, const ActivationParameters& p, const Run& run) {
  const T a = static_cast<T>(p.a), b = static_cast<T>(p.b), c = static_cast<T>(p.c);
  switch (op) {
    case ActivationOp::elu: return run(Elu<T>{a, b, c});
    case ActivationOp::gelu: return run(Gelu<T>{});
    case ActivationOp::gelu_tanh: return run(GeluTanh<T>{});
    case ActivationOp::silu: return run(Silu<T>{});
    case ActivationOp::mish: return run(Mish<T>{});
    case ActivationOp::softplus: return run(Softplus<T>{a, b});
    case ActivationOp::normal_cdf: return run(NormalCdf<T>{});
  }
}

/// x > 0 ? x : weight * x.
struct Prelu {
  template <typename T>
  constexpr T operator()(T x, T weight) const {
    return x * (x > T(0) ? T(1) : weight);
  }
};

/// grad * (x > 0 ? 1 : weight).
struct PreluGradient {
  template <typename T>
  constexpr T operator()(T grad, T x, T weight) const {
    return grad * (x > T(0) ? T(1) : weight);
  }
};

}  // namespace voxgrad::ops
