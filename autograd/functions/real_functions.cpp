// Elementwise functions of one real number, and rounding.
#include <numbers>

#include <voxgrad/autograd/functions/creation.h>
#include <voxgrad/autograd/functions/elementwise.h>
#include <voxgrad/autograd/functions/promotion.h>
#include <voxgrad/ops/layout.h>

namespace voxgrad {

namespace {

using ops::UnaryOp;

enum class Keeps { operand, result };

/// f(x) whose derivative is slope(what it keeps).
template <typename F>
Tensor real_function(std::string_view op, UnaryOp kernel, const Tensor& operand, Keeps keeps,
                     F slope) {
  const Tensor x = as_floating(operand);
  Tensor result = ops::unary(kernel, x);
  const Tensor& kept = keeps == Keeps::result ? result : x;
  const auto rule =
      unary_rule([slope](Saved s, const Tensor& grad) { return mul(grad, slope(s[0])); });
  return record_one(op, {x}, result, rule, kept);
}

/// f(x) that is constant almost everywhere.
Tensor step_function(std::string_view op, UnaryOp kernel, const Tensor& x) {
  const bool whole = !is_floating(x.dtype()) && kernel != UnaryOp::sign;
  return record_one(op, {x}, whole ? ops::copy(x) : ops::unary(kernel, x),
                    unary_rule([](Saved, const Tensor& grad) { return zeros_like(grad); }));
}

}  // namespace

Tensor exp(const Tensor& x) {
  return real_function("exp", UnaryOp::exp, x, Keeps::result, [](const Tensor& y) { return y; });
}

Tensor exp2(const Tensor& x) {
  return real_function("exp2", UnaryOp::exp2, x, Keeps::result,
                       [](const Tensor& y) { return mul(y, std::numbers::ln2); });
}

Tensor expm1(const Tensor& x) {
  return real_function("expm1", UnaryOp::expm1, x, Keeps::result,
                       [](const Tensor& y) { return add(y, 1); });
}

Tensor log(const Tensor& operand) {
  const Tensor x = as_floating(operand);
  return record_one("log", {x}, ops::unary(UnaryOp::log, x),
                    unary_rule([](Saved s, const Tensor& grad) { return div(grad, s[0]); }), x);
}

Tensor log2(const Tensor& x) {
  return real_function("log2", UnaryOp::log2, x, Keeps::operand,
                       [](const Tensor& v) { return div(std::numbers::log2e, v); });
}

Tensor log10(const Tensor& x) {
  return real_function("log10", UnaryOp::log10, x, Keeps::operand,
                       [](const Tensor& v) { return div(std::numbers::log10e, v); });
}

Tensor log1p(const Tensor& x) {
  return real_function("log1p", UnaryOp::log1p, x, Keeps::operand,
                       [](const Tensor& v) { return reciprocal(add(v, 1)); });
}

Tensor sqrt(const Tensor& operand) {
  const Tensor x = as_floating(operand);
  Tensor result = ops::unary(UnaryOp::sqrt, x);
  return record_one("sqrt", {x}, result,
                    unary_rule([](Saved s, const Tensor& grad) { return div(grad, mul(s[0], 2)); }),
                    result);
}

Tensor rsqrt(const Tensor& x) {
  return real_function("rsqrt", UnaryOp::rsqrt, x, Keeps::result,
                       [](const Tensor& y) { return mul(pow(y, 3), -0.5); });
}

Tensor reciprocal(const Tensor& x) {
  return real_function("reciprocal", UnaryOp::reciprocal, x, Keeps::result,
                       [](const Tensor& y) { return neg(square(y)); });
}

Tensor sin(const Tensor& x) {
  return real_function("sin", UnaryOp::sin, x, Keeps::operand,
                       [](const Tensor& v) { return cos(v); });
}

Tensor cos(const Tensor& x) {
  return real_function("cos", UnaryOp::cos, x, Keeps::operand,
                       [](const Tensor& v) { return neg(sin(v)); });
}

Tensor tan(const Tensor& x) {
  return real_function("tan", UnaryOp::tan, x, Keeps::result,
                       [](const Tensor& y) { return add(square(y), 1); });
}

Tensor asin(const Tensor& x) {
  return real_function("asin", UnaryOp::asin, x, Keeps::operand,
                       [](const Tensor& v) { return rsqrt(sub(1, square(v))); });
}

Tensor acos(const Tensor& x) {
  return real_function("acos", UnaryOp::acos, x, Keeps::operand,
                       [](const Tensor& v) { return neg(rsqrt(sub(1, square(v)))); });
}

Tensor atan(const Tensor& x) {
  return real_function("atan", UnaryOp::atan, x, Keeps::operand,
                       [](const Tensor& v) { return reciprocal(add(square(v), 1)); });
}

Tensor sinh(const Tensor& x) {
  return real_function("sinh", UnaryOp::sinh, x, Keeps::operand,
                       [](const Tensor& v) { return cosh(v); });
}

Tensor cosh(const Tensor& x) {
  return real_function("cosh", UnaryOp::cosh, x, Keeps::operand,
                       [](const Tensor& v) { return sinh(v); });
}

Tensor erf(const Tensor& x) {
  return real_function("erf", UnaryOp::erf, x, Keeps::operand, [](const Tensor& v) {
    return mul(exp(neg(square(v))), 2 * std::numbers::inv_sqrtpi);
  });
}

Tensor erfc(const Tensor& x) {
  return real_function("erfc", UnaryOp::erfc, x, Keeps::operand, [](const Tensor& v) {
    return mul(exp(neg(square(v))), -2 * std::numbers::inv_sqrtpi);
  });
}

Tensor sign(const Tensor& x) { return step_function("sign", UnaryOp::sign, x); }
Tensor floor(const Tensor& x) { return step_function("floor", UnaryOp::floor, x); }
Tensor ceil(const Tensor& x) { return step_function("ceil", UnaryOp::ceil, x); }
Tensor round(const Tensor& x) { return step_function("round", UnaryOp::round, x); }
Tensor trunc(const Tensor& x) { return step_function("trunc", UnaryOp::trunc, x); }

}  // namespace voxgrad
