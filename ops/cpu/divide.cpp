// Elementwise kernels of division with rounding and of bits.
//
// Integers: a divisor of -1 negates, which does not trap; one of 0 gives 0 (the caller refuses it).
// Floating quotients are corrected from the exact remainder, as Python's are, so that
// a = floor_divide(a, b) * b + remainder(a, b) up to rounding.
#include <cmath>

#include <voxgrad/ops/cpu/map.h>

namespace voxgrad::ops::cpu {

namespace {

template <typename T>
T negative(T x) {
  return static_cast<T>(std::uint64_t{0} - static_cast<std::uint64_t>(x));
}

template <typename T>
T trunc_quotient(T a, T b) {
  if constexpr (std::is_floating_point_v<T>) return std::trunc(a / b);
  else if (b == T(0)) return T(0);
  else if (std::is_signed_v<T> && b == T(-1)) return negative(a);
  else return static_cast<T>(a / b);
}

/// Sign of the dividend.
template <typename T>
T trunc_remainder(T a, T b) {
  if constexpr (std::is_floating_point_v<T>) return std::fmod(a, b);
  else if (b == T(0) || (std::is_signed_v<T> && b == T(-1))) return T(0);
  else return static_cast<T>(a % b);
}

/// True where the remainder, not 0, has another sign than the divisor.
template <typename T>
bool off_by_one(T rest, T b) {
  return rest != T(0) && (rest < T(0)) != (b < T(0));
}

template <typename T>
T floor_remainder(T a, T b) {
  const T rest = trunc_remainder(a, b);
  return off_by_one(rest, b) ? static_cast<T>(rest + b) : rest;
}

template <typename T>
T floor_quotient(T a, T b) {
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

template <typename T>
void divide_as(BinaryOp op, const Operand& a, const Operand& b, const Operand& out) {
  switch (op) {
    case BinaryOp::floor_divide:
      return map<T, T, Inlined::no>(a, b, out, [](T x, T y) { return floor_quotient(x, y); });
    case BinaryOp::trunc_divide:
      return map<T, T, Inlined::no>(a, b, out, [](T x, T y) { return trunc_quotient(x, y); });
    case BinaryOp::remainder:
      return map<T, T, Inlined::no>(a, b, out, [](T x, T y) { return floor_remainder(x, y); });
    case BinaryOp::fmod:
      return map<T, T, Inlined::no>(a, b, out, [](T x, T y) { return trunc_remainder(x, y); });
    default: refuse("division", a.dtype);
  }
}

template <typename T>
void bits_as(BinaryOp op, const Operand& a, const Operand& b, const Operand& out) {
  switch (op) {
    case BinaryOp::bit_and:
      return map<T, T>(a, b, out, [](T x, T y) { return static_cast<T>(x & y); });
    case BinaryOp::bit_or:
      return map<T, T>(a, b, out, [](T x, T y) { return static_cast<T>(x | y); });
    default: return map<T, T>(a, b, out, [](T x, T y) { return static_cast<T>(x ^ y); });
  }
}

}  // namespace

void divide(BinaryOp op, const Operand& a, const Operand& b, const Operand& out) {
  visit_dtype(a.dtype, [&]<typename T>() {
    if (op < BinaryOp::bit_and) {
      if constexpr (!std::is_same_v<T, bool>) return divide_as<T>(op, a, b, out);
    } else if constexpr (!std::is_floating_point_v<T>) {
      return bits_as<T>(op, a, b, out);
    }
    refuse(op < BinaryOp::bit_and ? "division" : "bits", a.dtype);
  });
}

}  // namespace voxgrad::ops::cpu
