// Elementwise kernels: every operation is a small function object; map() runs it over any strides.
#include <voxgrad/ops/elementwise.h>

#include <cmath>
#include <type_traits>

#include <voxgrad/ops/cpu/map.h>

namespace voxgrad::ops::cpu {

namespace {

template <typename T>
T largest(T a, T b) {
  return ((a > b) | (a != a)) ? a : b;  // no branch: it would prevent vectors
}

template <typename T>
T smallest(T a, T b) {
  return ((a < b) | (a != a)) ? a : b;
}

template <typename T>
T power(T base, T exponent) {
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
void unary_any(UnaryOp op, const Operand& x, const Operand& out, double parameter) {
  using W = Wide<T>;
  const T slope = static_cast<T>(parameter);
  switch (op) {
    case UnaryOp::negate:
      return map<T, T>(x, out, [](T v) {
        if constexpr (std::is_floating_point_v<T>) return -v;
        else return static_cast<T>(W(0) - static_cast<W>(v));
      });
    case UnaryOp::abs:
      return map<T, T>(x, out, [](T v) {
        if constexpr (std::is_floating_point_v<T>) return std::abs(v);
        else return v < T(0) ? static_cast<T>(W(0) - static_cast<W>(v)) : v;
      });
    case UnaryOp::sign:
      return map<T, T>(x, out, [](T v) {
        return static_cast<T>(static_cast<int>(v > T(0)) - static_cast<int>(v < T(0)));
      });
    case UnaryOp::square:
      return map<T, T>(x, out,
                       [](T v) { return static_cast<T>(static_cast<W>(v) * static_cast<W>(v)); });
    case UnaryOp::relu: return map<T, T>(x, out, [](T v) { return v <= T(0) ? T(0) : v; });
    case UnaryOp::leaky_relu:
      return map<T, T>(x, out, [slope](T v) { return v > T(0) ? v : static_cast<T>(v * slope); });
    case UnaryOp::logical_not: return map<T, bool>(x, out, [](T v) { return v == T(0); });
    case UnaryOp::is_nan: return map<T, bool>(x, out, [](T v) { return v != v; });
    case UnaryOp::is_infinite:
      return map<T, bool>(x, out, [](T v) { return v == v && !(v - v == T(0)); });
    case UnaryOp::is_finite: return map<T, bool>(x, out, [](T v) { return v - v == T(0); });
    default: break;
  }
  if constexpr (std::is_floating_point_v<T>) {
    real_function(op, x, out);
  } else if (op == UnaryOp::bit_not) {
    map<T, T>(x, out, [](T v) {
      if constexpr (std::is_same_v<T, bool>) return !v;
      else return static_cast<T>(~v);
    });
  } else {
    refuse("unary", x.dtype);
  }
}

template <typename T>
void compare(BinaryOp op, const Operand& a, const Operand& b, const Operand& out) {
  switch (op) {
    case BinaryOp::equal: return map<T, bool>(a, b, out, [](T x, T y) { return x == y; });
    case BinaryOp::not_equal: return map<T, bool>(a, b, out, [](T x, T y) { return x != y; });
    case BinaryOp::less: return map<T, bool>(a, b, out, [](T x, T y) { return x < y; });
    case BinaryOp::less_equal: return map<T, bool>(a, b, out, [](T x, T y) { return x <= y; });
    case BinaryOp::greater: return map<T, bool>(a, b, out, [](T x, T y) { return x > y; });
    default: return map<T, bool>(a, b, out, [](T x, T y) { return x >= y; });
  }
}

template <typename T>
void binary_floating(BinaryOp op, const Operand& a, const Operand& b, const Operand& out,
                     double parameter) {
  const T slope = static_cast<T>(parameter);
  switch (op) {
    case BinaryOp::div: return map<T, T>(a, b, out, [](T x, T y) { return x / y; });
    case BinaryOp::atan2:
      return map<T, T, Inlined::no>(a, b, out, [](T x, T y) { return std::atan2(x, y); });
    case BinaryOp::gate:
      if (parameter == 0) {
        return map<T, T>(a, b, out, [](T x, T y) { return y <= T(0) ? T(0) : x; });
      }
      return map<T, T>(a, b, out, [slope](T x, T y) { return x * (y > T(0) ? T(1) : slope); });
    case BinaryOp::sigmoid_gradient:
      return map<T, T>(a, b, out, [](T x, T y) { return x * y * (T(1) - y); });
    case BinaryOp::tanh_gradient:
      return map<T, T>(a, b, out, [](T x, T y) { return x * (T(1) - y * y); });
    default: refuse("binary", a.dtype);
  }
}

template <typename T>
void binary_any(BinaryOp op, const Operand& a, const Operand& b, const Operand& out,
                double parameter) {
  using W = Wide<T>;
  if (gives_boolean(op)) return compare<T>(op, a, b, out);
  if (op >= BinaryOp::floor_divide && op <= BinaryOp::bit_xor) return divide(op, a, b, out);
  switch (op) {
    case BinaryOp::add:
      return map<T, T>(a, b, out, [](T x, T y) { return static_cast<T>(W(x) + W(y)); });
    case BinaryOp::sub:
      return map<T, T>(a, b, out, [](T x, T y) { return static_cast<T>(W(x) - W(y)); });
    case BinaryOp::mul:
      return map<T, T>(a, b, out, [](T x, T y) { return static_cast<T>(W(x) * W(y)); });
    case BinaryOp::pow:
      return map<T, T, Inlined::no>(a, b, out, [](T x, T y) { return power(x, y); });
    case BinaryOp::maximum: return map<T, T>(a, b, out, [](T x, T y) { return largest(x, y); });
    case BinaryOp::minimum: return map<T, T>(a, b, out, [](T x, T y) { return smallest(x, y); });
    default: break;
  }
  if constexpr (std::is_floating_point_v<T>) {
    binary_floating<T>(op, a, b, out, parameter);
  } else {
    refuse("binary", a.dtype);
  }
}

void unary(UnaryOp op, const Operand& x, const Operand& out, double parameter) {
  visit_dtype(x.dtype, [&]<typename T>() { unary_any<T>(op, x, out, parameter); });
}

void binary(BinaryOp op, const Operand& a, const Operand& b, const Operand& out, double parameter) {
  visit_dtype(a.dtype, [&]<typename T>() { binary_any<T>(op, a, b, out, parameter); });
}

void where(const Operand& cond, const Operand& a, const Operand& b, const Operand& out) {
  visit_dtype(a.dtype, [&]<typename T>() {
    const StridedLoop<4> loop(out.shape, {out.strides, cond.strides, a.strides, b.strides});
    loop.run([&](const auto& at, const auto& step, Index n) {
      T* r = out.as<T>() + at[0];
      const bool* c = cond.as<const bool>() + at[1];
      const T* x = a.as<const T>() + at[2];
      const T* y = b.as<const T>() + at[3];
      for (Index i = 0; i < n; ++i) {
        r[i * step[0]] = c[i * step[1]] ? x[i * step[2]] : y[i * step[3]];
      }
    });
  });
}

void add_scaled(const Operand& a, const Operand& b, double alpha) {
  visit_dtype(a.dtype, [&]<typename T>() {
    using W = Wide<T>;
    // Through int64 for the integers: a negative double must not go to an unsigned type directly.
    using Factor = std::conditional_t<std::is_floating_point_v<T>, T, std::int64_t>;
    const W factor = static_cast<W>(static_cast<Factor>(alpha));
    map<T, T>(a, b, a, [factor](T x, T y) { return static_cast<T>(W(x) + factor * W(y)); });
  });
}

}  // namespace

const ElementwiseKernels kElementwise = {unary, binary, where, add_scaled};

}  // namespace voxgrad::ops::cpu
