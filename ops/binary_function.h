// Internal: what BinaryOp means for one pair of elements, on every device.
//
// Division of integers: a divisor of -1 negates, which does not trap; one of 0 gives 0 (the caller
// refuses it). Floating quotients are corrected from the exact remainder, as Python's are, so that
// a = floor_divide(a, b) * b + remainder(a, b) up to rounding.
#pragma once

#include <voxgrad/ops/unary_function.h>

namespace voxgrad::ops {

constexpr bool is_division(BinaryOp op) {
  return op >= BinaryOp::floor_divide && op <= BinaryOp::fmod;
}
constexpr bool is_bitwise(BinaryOp op) {
  return op >= BinaryOp::bit_and && op <= BinaryOp::bit_xor;
}
constexpr bool is_gradient(BinaryOp op) {
  return op >= BinaryOp::gate && op <= BinaryOp::tanh_gradient;
}

template <typename T>
constexpr bool has_function(BinaryOp op) {
  if (op == BinaryOp::div || op == BinaryOp::atan2 || is_gradient(op))
    return std::is_floating_point_v<T>;
  if (is_division(op)) return !std::is_same_v<T, bool>;
  return !is_bitwise(op) || !std::is_floating_point_v<T>;
}

template <typename T>
constexpr T power(T base, T exponent) {
  if constexpr (std::is_floating_point_v<T>) {
    return std::pow(base, exponent);
  } else {
    if (exponent < T(0)) {  // the integer part of 1 / base^-exponent
      const bool odd = (static_cast<std::uint64_t>(exponent) & 1) != 0;
      return base == T(1) || base == T(-1) ? (odd ? base : T(1)) : T(0);
    }
    std::uint64_t result = 1;
    auto factor = static_cast<std::uint64_t>(base);
    for (auto bits = static_cast<std::uint64_t>(exponent); bits != 0; bits >>= 1) {
      if ((bits & 1) != 0) result *= factor;
      factor *= factor;
    }
    return static_cast<T>(result);
  }
}

template <typename T>
constexpr T trunc_quotient(T a, T b) {
  if constexpr (std::is_floating_point_v<T>) return std::trunc(a / b);
  else if (b == T(0)) return T(0);
  else if (std::is_signed_v<T> && b == T(-1)) return negative(a);
  else return static_cast<T>(a / b);
}

/// Sign of the dividend.
template <typename T>
constexpr T trunc_remainder(T a, T b) {
  if constexpr (std::is_floating_point_v<T>) return std::fmod(a, b);
  else if (b == T(0) || (std::is_signed_v<T> && b == T(-1))) return T(0);
  else return static_cast<T>(a % b);
}

/// True where the remainder, not 0, has another sign than the divisor.
template <typename T>
constexpr bool off_by_one(T rest, T b) {
  return rest != T(0) && (rest < T(0)) != (b < T(0));
}

template <typename T>
constexpr T floor_remainder(T a, T b) {
  const T rest = trunc_remainder(a, b);
  return off_by_one(rest, b) ? static_cast<T>(rest + b) : rest;
}

template <typename T>
constexpr T floor_quotient(T a, T b) {
  const T rest = trunc_remainder(a, b);
  const bool correct = off_by_one(rest, b);
  if constexpr (std::is_floating_point_v<T>) {
    if (b == T(0)) return a / b;
    const T quotient = (a - rest) / b - (correct ? T(1) : T(0));
    if (quotient == T(0)) return std::copysign(T(0), a / b);
    const T floor = std::floor(quotient);
    return quotient - floor > T(0.5) ? floor + T(1) : floor;
  } else {
    return static_cast<T>(trunc_quotient(a, b) - (correct ? 1 : 0));
  }
}

template <BinaryOp op, typename T>
constexpr bool comparison(T a, T b) {
  if constexpr (op == BinaryOp::equal) return a == b;
  else if constexpr (op == BinaryOp::not_equal) return a != b;
  else if constexpr (op == BinaryOp::less) return a < b;
  else if constexpr (op == BinaryOp::less_equal) return a <= b;
  else if constexpr (op == BinaryOp::greater) return a > b;
  else return a >= b;
}

template <BinaryOp op, typename T>
constexpr T rounded_division(T a, T b) {
  if constexpr (op == BinaryOp::floor_divide) return floor_quotient(a, b);
  else if constexpr (op == BinaryOp::trunc_divide) return trunc_quotient(a, b);
  else if constexpr (op == BinaryOp::remainder) return floor_remainder(a, b);
  else return trunc_remainder(a, b);
}

/// `a` is the gradient, `b` the result (of relu and leaky_relu: of the sign of the argument).
template <BinaryOp op, typename T>
constexpr T gradient_function(T a, T b, T parameter) {
  if constexpr (op == BinaryOp::sigmoid_gradient) return a * b * (T(1) - b);
  else if constexpr (op == BinaryOp::tanh_gradient) return a * (T(1) - b * b);
  else return a * (b > T(0) ? T(1) : parameter);
}

template <BinaryOp op, typename T>
constexpr T arithmetic(T a, T b) {
  using W = Wide<T>;
  if constexpr (op == BinaryOp::add) return static_cast<T>(W(a) + W(b));
  else if constexpr (op == BinaryOp::sub) return static_cast<T>(W(a) - W(b));
  else if constexpr (op == BinaryOp::mul) return static_cast<T>(W(a) * W(b));
  else if constexpr (op == BinaryOp::div) return a / b;
  else if constexpr (op == BinaryOp::pow) return power(a, b);
  else if constexpr (op == BinaryOp::atan2) return std::atan2(a, b);
  else if constexpr (op == BinaryOp::bit_and) return static_cast<T>(a & b);
  else if constexpr (op == BinaryOp::bit_or) return static_cast<T>(a | b);
  else if constexpr (op == BinaryOp::bit_xor) return static_cast<T>(a ^ b);
  // No branches: they would prevent vectors.
  else if constexpr (op == BinaryOp::maximum) return ((a > b) | (a != a)) ? a : b;
  else {
    static_assert(op == BinaryOp::minimum);
    return ((a < b) | (a != a)) ? a : b;
  }
}

/// A function object for kernels.
template <BinaryOp op, typename T>
struct BinaryFunction {
  /// True where it becomes a call, not instructions on vectors.
  static constexpr bool calls = is_division(op) || op == BinaryOp::pow || op == BinaryOp::atan2;
  using Result = std::conditional_t<gives_boolean(op), bool, T>;

  T parameter;

  constexpr Result operator()(T a, T b) const {
    if constexpr (gives_boolean(op)) return comparison<op>(a, b);
    else if constexpr (is_division(op)) return rounded_division<op>(a, b);
    else if constexpr (is_gradient(op)) return gradient_function<op>(a, b, parameter);
    else return arithmetic<op>(a, b);
  }
};

/// gate with parameter 0.
template <typename T>
struct ReluGate {
  static constexpr bool calls = false;
  using Result = T;
  constexpr T operator()(T a, T b) const { return b <= T(0) ? T(0) : a; }
};

/// a + factor * b.
template <typename T>
struct AddScaled {
  static constexpr bool calls = false;
  Wide<T> factor;

  // Through int64 for the integers: a negative double must not go to an unsigned type directly.
  constexpr explicit AddScaled(double alpha)
      : factor(static_cast<Wide<T>>(
            static_cast<std::conditional_t<std::is_floating_point_v<T>, T, std::int64_t>>(alpha))) {
  }
  constexpr T operator()(T a, T b) const {
    return static_cast<T>(Wide<T>(a) + factor * Wide<T>(b));
  }
};

/// Calls run(BinaryFunction<op, T>), or run(ReluGate<T>), for the op in [first, last]; false where
/// T does not have it.
template <typename T, BinaryOp first, BinaryOp last, typename Run>
bool visit_binary(BinaryOp op, double parameter, const Run& run) {
  if constexpr (std::is_floating_point_v<T>) {
    if (op == BinaryOp::gate && parameter == 0) return run(ReluGate<T>{}), true;
  }
  return visit_enumerators<first, last>([&]<BinaryOp known>() {
    if constexpr (has_function<T>(known)) {
      if (op == known) return run(BinaryFunction<known, T>{static_cast<T>(parameter)}), true;
    }
    return false;
  });
}

}  // namespace voxgrad::ops
