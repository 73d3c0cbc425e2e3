// Elementwise kernels: every operation is a small function object; map() runs it over any strides.
#include <voxgrad/ops/elementwise.h>

#include <cmath>
#include <type_traits>

#include <voxgrad/core/check.h>
#include <voxgrad/ops/cpu/strided.h>

namespace voxgrad::ops::cpu {

namespace {

/// out = f(x). The same element may be read and written, so ivdep holds when the operation is in
/// place.
template <typename T, typename R, typename F>
void map(const Operand& x, const Operand& out, F f) {
  const StridedLoop<2> loop(out.shape, {out.strides, x.strides});
  loop.run(
      [to = out.as<R>(), from = x.as<const T>(), f](const auto& at, const auto& step, Index n) {
        R* r = to + at[0];
        const T* a = from + at[1];
        if (step[0] == 1 && step[1] == 1) {
#pragma GCC ivdep
          for (Index i = 0; i < n; ++i) r[i] = f(a[i]);
        } else {
          for (Index i = 0; i < n; ++i) r[i * step[0]] = f(a[i * step[1]]);
        }
      });
}

/// out = f(a, b); dense and broadcast rows have loops of their own, which the compiler vectorises.
template <typename T, typename R, typename F>
void map(const Operand& a, const Operand& b, const Operand& out, F f) {
  const StridedLoop<3> loop(out.shape, {out.strides, a.strides, b.strides});
  loop.run([to = out.as<R>(), a_data = a.as<const T>(), b_data = b.as<const T>(), f](
               const auto& at, const auto& step, Index n) {
    R* r = to + at[0];
    const T* x = a_data + at[1];
    const T* y = b_data + at[2];
    if (step[0] == 1 && step[1] == 1 && step[2] == 1) {
#pragma GCC ivdep
      for (Index i = 0; i < n; ++i) r[i] = f(x[i], y[i]);
    } else if (step[0] == 1 && step[1] == 1 && step[2] == 0) {
      const T constant = *y;
#pragma GCC ivdep
      for (Index i = 0; i < n; ++i) r[i] = f(x[i], constant);
    } else if (step[0] == 1 && step[1] == 0 && step[2] == 1) {
      const T constant = *x;
#pragma GCC ivdep
      for (Index i = 0; i < n; ++i) r[i] = f(constant, y[i]);
    } else {
      for (Index i = 0; i < n; ++i) r[i * step[0]] = f(x[i * step[1]], y[i * step[2]]);
    }
  });
}

/// The type to compute in: integers wrap around, as in PyTorch, which unsigned arithmetic does
/// without undefined behaviour.
template <typename T>
using Wide = std::conditional_t<std::is_floating_point_v<T>, T, std::uint64_t>;

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
T sigmoid(T x) {
  return T(1) / (T(1) + std::exp(-x));
}

[[noreturn]] void refuse(std::string_view kind, DType dtype) {
  VG_CHECK(false, DTypeError, "{}: the operation is not defined for this dtype; got {}", kind,
           name(dtype));
  __builtin_unreachable();
}

template <typename T>
void unary_floating(UnaryOp op, const Operand& x, const Operand& out) {
  switch (op) {
    case UnaryOp::exp: return map<T, T>(x, out, [](T v) { return std::exp(v); });
    case UnaryOp::expm1: return map<T, T>(x, out, [](T v) { return std::expm1(v); });
    case UnaryOp::log: return map<T, T>(x, out, [](T v) { return std::log(v); });
    case UnaryOp::log1p: return map<T, T>(x, out, [](T v) { return std::log1p(v); });
    case UnaryOp::sqrt: return map<T, T>(x, out, [](T v) { return std::sqrt(v); });
    case UnaryOp::reciprocal: return map<T, T>(x, out, [](T v) { return T(1) / v; });
    case UnaryOp::sin: return map<T, T>(x, out, [](T v) { return std::sin(v); });
    case UnaryOp::cos: return map<T, T>(x, out, [](T v) { return std::cos(v); });
    case UnaryOp::tanh: return map<T, T>(x, out, [](T v) { return std::tanh(v); });
    case UnaryOp::sigmoid: return map<T, T>(x, out, [](T v) { return sigmoid(v); });
    case UnaryOp::floor: return map<T, T>(x, out, [](T v) { return std::floor(v); });
    case UnaryOp::ceil: return map<T, T>(x, out, [](T v) { return std::ceil(v); });
    case UnaryOp::round: return map<T, T>(x, out, [](T v) { return std::nearbyint(v); });
    default: refuse("unary", x.dtype);
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
        return v != v ? v : static_cast<T>(static_cast<int>(v > T(0)) - static_cast<int>(v < T(0)));
      });
    case UnaryOp::square:
      return map<T, T>(x, out,
                       [](T v) { return static_cast<T>(static_cast<W>(v) * static_cast<W>(v)); });
    case UnaryOp::relu: return map<T, T>(x, out, [](T v) { return v <= T(0) ? T(0) : v; });
    case UnaryOp::leaky_relu:
      return map<T, T>(x, out, [slope](T v) { return v > T(0) ? v : static_cast<T>(v * slope); });
    case UnaryOp::logical_not: return map<T, bool>(x, out, [](T v) { return v == T(0); });
    case UnaryOp::is_nan: return map<T, bool>(x, out, [](T v) { return v != v; });
    default: break;
  }
  if constexpr (std::is_floating_point_v<T>) {
    unary_floating<T>(op, x, out);
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
  switch (op) {
    case BinaryOp::add:
      return map<T, T>(a, b, out, [](T x, T y) { return static_cast<T>(W(x) + W(y)); });
    case BinaryOp::sub:
      return map<T, T>(a, b, out, [](T x, T y) { return static_cast<T>(W(x) - W(y)); });
    case BinaryOp::mul:
      return map<T, T>(a, b, out, [](T x, T y) { return static_cast<T>(W(x) * W(y)); });
    case BinaryOp::pow: return map<T, T>(a, b, out, [](T x, T y) { return power(x, y); });
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
