// Elementwise kernels of real functions: floating types only.
#include <cmath>

#include <voxgrad/core/check.h>
#include <voxgrad/ops/cpu/map.h>

namespace voxgrad::ops::cpu {

namespace {

template <typename T>
T sigmoid(T x) {
  return T(1) / (T(1) + std::exp(-x));
}

template <typename T, typename F>
void map_calls(const Operand& x, const Operand& out, F f) {
  map<T, T, Inlined::no>(x, out, f);
}

template <typename T>
void function_of(UnaryOp op, const Operand& x, const Operand& out) {
  switch (op) {
    case UnaryOp::exp: return map_calls<T>(x, out, [](T v) { return std::exp(v); });
    case UnaryOp::exp2: return map_calls<T>(x, out, [](T v) { return std::exp2(v); });
    case UnaryOp::expm1: return map_calls<T>(x, out, [](T v) { return std::expm1(v); });
    case UnaryOp::log: return map_calls<T>(x, out, [](T v) { return std::log(v); });
    case UnaryOp::log2: return map_calls<T>(x, out, [](T v) { return std::log2(v); });
    case UnaryOp::log10: return map_calls<T>(x, out, [](T v) { return std::log10(v); });
    case UnaryOp::log1p: return map_calls<T>(x, out, [](T v) { return std::log1p(v); });
    case UnaryOp::sqrt: return map_calls<T>(x, out, [](T v) { return std::sqrt(v); });
    case UnaryOp::rsqrt: return map_calls<T>(x, out, [](T v) { return T(1) / std::sqrt(v); });
    case UnaryOp::reciprocal: return map<T, T>(x, out, [](T v) { return T(1) / v; });
    case UnaryOp::sin: return map_calls<T>(x, out, [](T v) { return std::sin(v); });
    case UnaryOp::cos: return map_calls<T>(x, out, [](T v) { return std::cos(v); });
    case UnaryOp::tan: return map_calls<T>(x, out, [](T v) { return std::tan(v); });
    case UnaryOp::asin: return map_calls<T>(x, out, [](T v) { return std::asin(v); });
    case UnaryOp::acos: return map_calls<T>(x, out, [](T v) { return std::acos(v); });
    case UnaryOp::atan: return map_calls<T>(x, out, [](T v) { return std::atan(v); });
    case UnaryOp::sinh: return map_calls<T>(x, out, [](T v) { return std::sinh(v); });
    case UnaryOp::cosh: return map_calls<T>(x, out, [](T v) { return std::cosh(v); });
    case UnaryOp::erf: return map_calls<T>(x, out, [](T v) { return std::erf(v); });
    case UnaryOp::erfc: return map_calls<T>(x, out, [](T v) { return std::erfc(v); });
    case UnaryOp::tanh: return map_calls<T>(x, out, [](T v) { return std::tanh(v); });
    case UnaryOp::sigmoid: return map_calls<T>(x, out, [](T v) { return sigmoid(v); });
    case UnaryOp::floor: return map_calls<T>(x, out, [](T v) { return std::floor(v); });
    case UnaryOp::ceil: return map_calls<T>(x, out, [](T v) { return std::ceil(v); });
    case UnaryOp::round: return map_calls<T>(x, out, [](T v) { return std::nearbyint(v); });
    case UnaryOp::trunc: return map_calls<T>(x, out, [](T v) { return std::trunc(v); });
    default: refuse("unary", x.dtype);
  }
}

}  // namespace

void real_function(UnaryOp op, const Operand& x, const Operand& out) {
  visit_floating(x.dtype, [&]<typename T>() { function_of<T>(op, x, out); });
}

[[noreturn]] void refuse(std::string_view kind, DType dtype) {
  VG_CHECK(false, DTypeError, "{}: the operation is not defined for this dtype; got {}", kind,
           name(dtype));
  __builtin_unreachable();
}

}  // namespace voxgrad::ops::cpu
