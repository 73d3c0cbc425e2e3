// Internal: what the optimizers' steps mean for one element, on every device.
#pragma once

#include <cmath>

#include <voxgrad/ops/update.h>

namespace voxgrad::ops {

/// grad + decay * parameter; without decay an infinite parameter must not make it NaN.
template <typename T>
constexpr T decayed(T grad, T decay, T parameter) {
  return decay == 0 ? grad : grad + decay * parameter;
}

/// Gradient descent, without a buffer and with one.
template <typename T>
struct SgdFunction {
  explicit SgdFunction(const SgdRates& rates)
      : step(static_cast<T>(rates.step)),
        momentum(static_cast<T>(rates.momentum)),
        entering(static_cast<T>(rates.entering)),
        decay(static_cast<T>(rates.decay)),
        nesterov(rates.nesterov),
        first(rates.first) {}

  constexpr void operator()(T& p, T g) const { p += -step * decayed(g, decay, p); }

  constexpr void operator()(T& p, T g, T& b) const {
    const T grad = decayed(g, decay, p);
    const T moving = first ? grad : b * momentum + entering * grad;
    b = moving;
    p += -step * (nesterov ? grad + momentum * moving : moving);
  }

  T step, momentum, entering, decay;
  bool nesterov, first;
};

/// Adam, with the largest mean square so far or with this one.
template <typename T>
struct AdamFunction {
  explicit AdamFunction(const AdamRates& rates)
      : keep(static_cast<T>(rates.keep)),
        decay(static_cast<T>(rates.decay)),
        enter1(static_cast<T>(rates.enter1)),
        beta2(static_cast<T>(rates.beta2)),
        enter2(static_cast<T>(rates.enter2)),
        correction(static_cast<T>(rates.correction)),
        eps(static_cast<T>(rates.eps)),
        step(static_cast<T>(rates.step)) {}

  constexpr void operator()(T& p, T g, T& m, T& v) const {
    const T kept = enter(p, g, m, v);
    p = moved(kept, m, v);
  }

  constexpr void operator()(T& p, T g, T& m, T& v, T& largest) const {
    const T kept = enter(p, g, m, v);
    // std::max would drop a NaN that arrives second.
    largest = largest >= v ? largest : v;
    p = moved(kept, m, largest);
  }

  T keep, decay, enter1, beta2, enter2, correction, eps, step;

 private:
  constexpr T enter(T p, T g, T& m, T& v) const {
    const T kept = p * keep;
    const T grad = decayed(g, decay, kept);
    m += enter1 * (grad - m);
    v = v * beta2 + enter2 * grad * grad;
    return kept;
  }

  constexpr T moved(T kept, T m, T square) const {
    const T root = std::sqrt(square) / correction + eps;
    return kept + step * m / root;
  }
};

/// Terms of a p-norm and how they join. NaN must win, as it does in sums.
struct LargestSize {
  constexpr double term(double x) const { return std::abs(x); }
  constexpr double join(double a, double b) const { return a != a || b <= a ? a : b; }
};
struct SquareSum {
  constexpr double term(double x) const { return x * x; }
  constexpr double join(double a, double b) const { return a + b; }
};
struct PowerSum {
  double p;
  constexpr double term(double x) const { return std::pow(std::abs(x), p); }
  constexpr double join(double a, double b) const { return a + b; }
};

/// Calls run with the one of them that is p's.
template <typename Run>
void visit_power(double p, const Run& run) {
  if (std::isinf(p)) run(LargestSize{});
  else if (p == 2) run(SquareSum{});
  else run(PowerSum{p});
}

/// Comparisons that are false for NaN keep it.
template <typename T>
struct ClipFunction {
  static constexpr bool calls = false;
  T bound;
  constexpr T operator()(T v) const { return v > bound ? bound : v < -bound ? -bound : v; }
};

}  // namespace voxgrad::ops
