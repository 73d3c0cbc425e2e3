// Internal: what UnaryOp means for one element, on every device.
#pragma once

#include <cmath>
#include <cstdint>
#include <type_traits>
#include <utility>

#include <voxgrad/ops/elementwise.h>

namespace voxgrad::ops {

/// The type to compute in: integers wrap around, as in PyTorch, which unsigned arithmetic does
/// without undefined behaviour.
template <typename T>
using Wide = std::conditional_t<std::is_floating_point_v<T>, T, std::uint64_t>;

constexpr bool is_real_function(UnaryOp op) { return op >= UnaryOp::exp; }

template <typename T>
constexpr bool has_function(UnaryOp op) {
  if (op == UnaryOp::bit_not) return !std::is_floating_point_v<T>;
  return std::is_floating_point_v<T> || !is_real_function(op);
}

template <typename T>
constexpr T negative(T v) {
  if constexpr (std::is_floating_point_v<T>) return -v;
  else return static_cast<T>(std::uint64_t{0} - static_cast<std::uint64_t>(v));
}

/// Those of every dtype.
template <UnaryOp op, typename T>
constexpr auto common_function(T v, [[maybe_unused]] T parameter) {
  if constexpr (op == UnaryOp::negate) return negative(v);
  else if constexpr (op == UnaryOp::abs) {
    if constexpr (std::is_floating_point_v<T>) return std::abs(v);
    else return v < T(0) ? negative(v) : v;
  } else if constexpr (op == UnaryOp::sign) {
    return static_cast<T>(static_cast<int>(v > T(0)) - static_cast<int>(v < T(0)));
  } else if constexpr (op == UnaryOp::square) {
    return static_cast<T>(static_cast<Wide<T>>(v) * static_cast<Wide<T>>(v));
  } else if constexpr (op == UnaryOp::relu) return v <= T(0) ? T(0) : v;
  else if constexpr (op == UnaryOp::leaky_relu) {
    return v > T(0) ? v : static_cast<T>(v * parameter);
  } else if constexpr (op == UnaryOp::logical_not) return v == T(0);
  else if constexpr (op == UnaryOp::is_nan) return v != v;
  else if constexpr (op == UnaryOp::is_infinite) return v == v && !(v - v == T(0));
  else if constexpr (op == UnaryOp::is_finite) return v - v == T(0);
  else {
    static_assert(op == UnaryOp::bit_not);
    if constexpr (std::is_same_v<T, bool>) return !v;
    else return static_cast<T>(~v);
  }
}

/// Those of floating types alone: powers, logarithms, roots and roundings.
template <UnaryOp op, typename T>
constexpr T power_function(T v) {
  if constexpr (op == UnaryOp::exp) return std::exp(v);
  else if constexpr (op == UnaryOp::exp2) return std::exp2(v);
  else if constexpr (op == UnaryOp::expm1) return std::expm1(v);
  else if constexpr (op == UnaryOp::log) return std::log(v);
  else if constexpr (op == UnaryOp::log2) return std::log2(v);
  else if constexpr (op == UnaryOp::log10) return std::log10(v);
  else if constexpr (op == UnaryOp::log1p) return std::log1p(v);
  else if constexpr (op == UnaryOp::sqrt) return std::sqrt(v);
  else if constexpr (op == UnaryOp::rsqrt) return T(1) / std::sqrt(v);
  else if constexpr (op == UnaryOp::reciprocal) return T(1) / v;
  else if constexpr (op == UnaryOp::floor) return std::floor(v);
  else if constexpr (op == UnaryOp::ceil) return std::ceil(v);
  else if constexpr (op == UnaryOp::round) return std::nearbyint(v);
  else {
    static_assert(op == UnaryOp::trunc);
    return std::trunc(v);
  }
}

/// Trigonometric and related functions.
template <UnaryOp op, typename T>
constexpr T circular_function(T v) {
  if constexpr (op == UnaryOp::sin) return std::sin(v);
  else if constexpr (op == UnaryOp::cos) return std::cos(v);
  else if constexpr (op == UnaryOp::tan) return std::tan(v);
  else if constexpr (op == UnaryOp::asin) return std::asin(v);
  else if constexpr (op == UnaryOp::acos) return std::acos(v);
  else if constexpr (op == UnaryOp::atan) return std::atan(v);
  else if constexpr (op == UnaryOp::sinh) return std::sinh(v);
  else if constexpr (op == UnaryOp::cosh) return std::cosh(v);
  else if constexpr (op == UnaryOp::tanh) return std::tanh(v);
  else if constexpr (op == UnaryOp::sigmoid) return T(1) / (T(1) + std::exp(-v));
  else if constexpr (op == UnaryOp::erf) return std::erf(v);
  else {
    static_assert(op == UnaryOp::erfc);
    return std::erfc(v);
  }
}

/// A function object for kernels.
template <UnaryOp op, typename T>
struct UnaryFunction {
  /// True where it becomes a call, not instructions on vectors.
  static constexpr bool calls = is_real_function(op) && op != UnaryOp::reciprocal;
  using Result = std::conditional_t<gives_boolean(op), bool, T>;

  T parameter;

  constexpr Result operator()(T v) const {
    if constexpr (!is_real_function(op)) return common_function<op>(v, parameter);
    else if constexpr (op >= UnaryOp::sin && op <= UnaryOp::erfc) return circular_function<op>(v);
    else return power_function<op>(v);
  }
};

/// Calls visit.operator()<e>() for the enumerators from first to last, until one returns true;
/// false where none does.
template <auto first, decltype(first) last, typename Visit>
bool visit_enumerators(const Visit& visit) {
  constexpr auto count = static_cast<std::size_t>(last) - static_cast<std::size_t>(first) + 1;
  return [&]<std::size_t... numbers>(std::index_sequence<numbers...>) {
    return (visit.template
            operator()<static_cast<decltype(last)>(static_cast<std::size_t>(first) + numbers)>() ||
            ...);
  }(std::make_index_sequence<count>{});
}

/// Calls run(UnaryFunction<op, T>) for the op in [first, last]; false where T does not have it.
template <typename T, UnaryOp first, UnaryOp last, typename Run>
bool visit_unary(UnaryOp op, double parameter, const Run& run) {
  return visit_enumerators<first, last>([&]<UnaryOp known>() {
    if constexpr (has_function<T>(known)) {
      if (op == known) return run(UnaryFunction<known, T>{static_cast<T>(parameter)}), true;
    }
    return false;
  });
}

}  // namespace voxgrad::ops
