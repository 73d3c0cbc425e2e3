// Every activation is a small struct with value(x) and slope(x), both in the dtype of x.
#include <voxgrad/ops/activation.h>

#include <cmath>
#include <numbers>

#include <voxgrad/ops/cpu/strided.h>

namespace voxgrad::ops::cpu {
namespace {

template <typename T>
T logistic(T x) {
  return T(1) / (T(1) + std::exp(-x));
}

template <typename T>
T cdf(T x) {
  return T(0.5) * std::erfc(-x * (std::numbers::sqrt2_v<T> / 2));
}

template <typename T>
T density(T x) {
  return std::exp(T(-0.5) * x * x) * (std::numbers::inv_sqrtpi_v<T> / std::numbers::sqrt2_v<T>);
}

template <typename T>
struct Elu {
  T a, b, c;
  T value(T x) const { return x > T(0) ? b * x : a * b * std::expm1(c * x); }
  T slope(T x) const { return x > T(0) ? b : a * b * c * std::exp(c * x); }
};

template <typename T>
struct Gelu {
  static T value(T x) { return x * cdf(x); }
  static T slope(T x) { return cdf(x) + x * density(x); }
};

/// (1 + tanh(u)) / 2 is the logistic function of 2 u.
template <typename T>
struct GeluTanh {
  static constexpr T kScale = T(2) * std::numbers::sqrt2_v<T> * std::numbers::inv_sqrtpi_v<T>;
  static constexpr T kCubic = T(0.044715);
  static T gate(T x) { return logistic(kScale * (x + kCubic * x * x * x)); }
  static T value(T x) { return x * gate(x); }
  static T slope(T x) {
    const T s = gate(x);
    return s + x * s * (T(1) - s) * (kScale * (T(1) + T(3) * kCubic * x * x));
  }
};

template <typename T>
struct Silu {
  static T value(T x) { return x / (T(1) + std::exp(-x)); }
  static T slope(T x) {
    const T s = logistic(x);
    return s * (T(1) + x * (T(1) - s));
  }
};

/// log(1 + exp(x)), exact at both ends.
template <typename T>
T log_of_one_plus_exp(T x) {
  return (x > T(0) ? x : T(0)) + std::log1p(std::exp(-std::abs(x)));
}

/// With n = e (e + 2) and e = exp(x), tanh(log(1 + e)) is n / (n + 2), without cancellation.
template <typename T>
struct Mish {
  static constexpr T kLarge = T(20);  // from where on the quotient is 1, long before e overflows
  static T value(T x) {
    const T e = std::exp(x < kLarge ? x : kLarge);
    const T n = e * (e + T(2));
    return x > kLarge ? x : x * (n / (n + T(2)));
  }
  static T slope(T x) {
    const T e = std::exp(x < kLarge ? x : kLarge);
    const T n = e * (e + T(2));
    const T t = n / (n + T(2));
    return x > kLarge ? T(1) : t + x * logistic(x) * (T(1) + t) * (T(2) / (n + T(2)));
  }
};

template <typename T>
struct Softplus {
  T beta, threshold;
  T value(T x) const { return beta * x > threshold ? x : log_of_one_plus_exp(beta * x) / beta; }
  T slope(T x) const { return beta * x > threshold ? T(1) : logistic(beta * x); }
};

template <typename T>
struct NormalCdf {
  static T value(T x) { return cdf(x); }
  static T slope(T x) { return density(x); }
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

void value(ActivationOp op, const ActivationParameters& parameters, const Operand& x,
           const Operand& out) {
  const StridedLoop<2> loop(out.shape, {out.strides, x.strides});
  visit_floating(x.dtype, [&]<typename T>() {
    visit_activation<T>(op, parameters, [&](const auto& f) {
      loop.run([&](const auto& at, const auto& step, Index n) {
        T* to = out.as<T>() + at[0];
        const T* from = x.as<const T>() + at[1];
        for (Index i = 0; i < n; ++i) to[i * step[0]] = f.value(from[i * step[1]]);
      });
    });
  });
}

void gradient(ActivationOp op, const ActivationParameters& parameters, const Operand& grad,
              const Operand& x, const Operand& out) {
  const StridedLoop<3> loop(out.shape, {out.strides, grad.strides, x.strides});
  visit_floating(x.dtype, [&]<typename T>() {
    visit_activation<T>(op, parameters, [&](const auto& f) {
      loop.run([&](const auto& at, const auto& step, Index n) {
        T* to = out.as<T>() + at[0];
        const T* factor = grad.as<const T>() + at[1];
        const T* from = x.as<const T>() + at[2];
        for (Index i = 0; i < n; ++i)
          to[i * step[0]] = factor[i * step[1]] * f.slope(from[i * step[2]]);
      });
    });
  });
}

void prelu(const Operand& x, const Operand& weight, const Operand& out) {
  const StridedLoop<3> loop(out.shape, {out.strides, x.strides, weight.strides});
  visit_floating(x.dtype, [&]<typename T>() {
    loop.run([&](const auto& at, const auto& step, Index n) {
      T* to = out.as<T>() + at[0];
      const T* from = x.as<const T>() + at[1];
      const T* w = weight.as<const T>() + at[2];
      const auto at_slope = [](T v, T slope) { return v * (v > T(0) ? T(1) : slope); };
      if (step[0] == 1 && step[1] == 1 && step[2] == 0) {
        const T slope = *w;
#pragma GCC ivdep
        for (Index i = 0; i < n; ++i) to[i] = at_slope(from[i], slope);
      } else {
        for (Index i = 0; i < n; ++i) to[i * step[0]] = at_slope(from[i * step[1]], w[i * step[2]]);
      }
    });
  });
}

void prelu_gradient(const Operand& grad, const Operand& x, const Operand& weight,
                    const Operand& out) {
  const StridedLoop<4> loop(out.shape, {out.strides, grad.strides, x.strides, weight.strides});
  visit_floating(x.dtype, [&]<typename T>() {
    loop.run([&](const auto& at, const auto& step, Index n) {
      T* to = out.as<T>() + at[0];
      const T* g = grad.as<const T>() + at[1];
      const T* from = x.as<const T>() + at[2];
      const T* w = weight.as<const T>() + at[3];
      for (Index i = 0; i < n; ++i) {
        const T factor = from[i * step[2]] > T(0) ? T(1) : w[i * step[3]];
        to[i * step[0]] = g[i * step[1]] * factor;
      }
    });
  });
}

}  // namespace

const ActivationKernels kActivation = {
    .value = value, .gradient = gradient, .prelu = prelu, .prelu_gradient = prelu_gradient};

}  // namespace voxgrad::ops::cpu
