#include <voxgrad/autograd/functions/elementwise.h>

#include <voxgrad/autograd/functions/creation.h>
#include <voxgrad/autograd/functions/promotion.h>
#include <voxgrad/ops/layout.h>

namespace voxgrad {

namespace {

using ops::BinaryOp;
using ops::UnaryOp;

Tensor compare(std::string_view name, BinaryOp op, const Tensor& a, const Tensor& b) {
  const NoGrad values_only;
  const auto [left, right] = promoted(name, a, b);
  return ops::binary(op, left, right);
}

Tensor compare(BinaryOp op, const Tensor& a, double b) {
  const NoGrad values_only;
  const Tensor x = with_scalar(a, b);
  return ops::binary(op, x, scalar_like(x, b));
}

/// The larger (or smaller) of each pair; the gradient goes there, half to each of equals.
Tensor extremum(std::string_view op, BinaryOp kernel, BinaryOp loses, const Tensor& left,
                const Tensor& right) {
  const auto [a, b] = promoted(op, left, right);
  const auto share = [loses](const Tensor& x, const Tensor& other, const Tensor& grad) {
    const Tensor shared = where(ops::binary(BinaryOp::equal, x, other), mul(grad, 0.5), grad);
    return where(ops::binary(loses, x, other), 0.0, shared);
  };
  return record_one(
      op, {a, b}, ops::binary(kernel, a, b),
      binary_rule(
          a, b, [share](Saved s, const Tensor& grad) { return share(s[0], s[1], grad); },
          [share](Saved s, const Tensor& grad) { return share(s[1], s[0], grad); }),
      a, b);
}

Tensor as_condition(const Tensor& cond) {
  VG_CHECK(cond.dtype() == DType::boolean, DTypeError, "where: cond must be bool; got {}",
           name(cond.dtype()));
  return cond;
}

}  // namespace

Tensor add(const Tensor& left, const Tensor& right) {
  const auto [a, b] = promoted("add", left, right);
  const auto pass = [](Saved, const Tensor& grad) { return grad; };
  return record_one("add", {a, b}, ops::binary(BinaryOp::add, a, b), binary_rule(a, b, pass, pass));
}

Tensor add(const Tensor& a, double b) {
  const Tensor x = with_scalar(a, b);
  return record_one("add", {x}, ops::binary(BinaryOp::add, x, scalar_like(x, b)),
                    unary_rule([](Saved, const Tensor& grad) { return grad; }));
}

Tensor sub(const Tensor& left, const Tensor& right) {
  const auto [a, b] = promoted("sub", left, right);
  VG_CHECK(a.dtype() != DType::boolean, DTypeError,
           "sub: boolean tensors have no difference; use ne");
  return record_one("sub", {a, b}, ops::binary(BinaryOp::sub, a, b),
                    binary_rule(
                        a, b, [](Saved, const Tensor& grad) { return grad; },
                        [](Saved, const Tensor& grad) { return neg(grad); }));
}

Tensor sub(const Tensor& a, double b) {
  const Tensor x = with_scalar(a, b);
  return record_one("sub", {x}, ops::binary(BinaryOp::sub, x, scalar_like(x, b)),
                    unary_rule([](Saved, const Tensor& grad) { return grad; }));
}

Tensor sub(double a, const Tensor& b) {
  const Tensor x = with_scalar(b, a);
  return record_one("sub", {x}, ops::binary(BinaryOp::sub, scalar_like(x, a), x),
                    unary_rule([](Saved, const Tensor& grad) { return neg(grad); }));
}

Tensor mul(const Tensor& left, const Tensor& right) {
  const auto [a, b] = promoted("mul", left, right);
  return record_one("mul", {a, b}, ops::binary(BinaryOp::mul, a, b),
                    binary_rule(
                        a, b, [](Saved s, const Tensor& grad) { return mul(grad, s[0]); },
                        [](Saved s, const Tensor& grad) { return mul(grad, s[1]); }),
                    kept_if(a.requires_grad(), b), kept_if(b.requires_grad(), a));
}

Tensor mul(const Tensor& a, double b) {
  const Tensor x = with_scalar(a, b);
  return record_one("mul", {x}, ops::binary(BinaryOp::mul, x, scalar_like(x, b)),
                    unary_rule([b](Saved, const Tensor& grad) { return mul(grad, b); }));
}

Tensor div(const Tensor& left, const Tensor& right) {
  const auto [x, y] = promoted("div", left, right);
  const Tensor a = as_floating(x);
  const Tensor b = as_floating(y);
  return record_one(
      "div", {a, b}, ops::binary(BinaryOp::div, a, b),
      binary_rule(
          a, b, [](Saved s, const Tensor& grad) { return div(grad, s[0]); },
          [](Saved s, const Tensor& grad) { return neg(mul(grad, div(div(s[1], s[0]), s[0]))); }),
      b, kept_if(b.requires_grad(), a));
}

Tensor div(const Tensor& a, double b) {
  const Tensor x = as_floating(a);
  return record_one("div", {x}, ops::binary(BinaryOp::div, x, scalar_like(x, b)),
                    unary_rule([b](Saved, const Tensor& grad) { return div(grad, b); }));
}

Tensor div(double a, const Tensor& b) {
  const Tensor x = as_floating(b);
  return record_one("div", {x}, ops::binary(BinaryOp::div, scalar_like(x, a), x),
                    unary_rule([a](Saved s, const Tensor& grad) {
                      return neg(mul(grad, div(div(a, s[0]), s[0])));
                    }),
                    x);
}

Tensor pow(const Tensor& a, double b) {
  const Tensor x = with_scalar(a, b);
  VG_CHECK(is_floating(x.dtype()) || b >= 0, DTypeError,
           "pow: integers have no negative powers; got {} to the power of {}", name(x.dtype()), b);
  Tensor result =
      b == 2 ? ops::unary(UnaryOp::square, x) : ops::binary(BinaryOp::pow, x, scalar_like(x, b));
  // The derivative of x^0 is 0 also at x = 0, where 0 * x^-1 is not.
  return record_one("pow", {x}, result, unary_rule([b](Saved s, const Tensor& grad) {
                      return b == 0 ? mul(grad, 0) : mul(grad, mul(pow(s[0], b - 1), b));
                    }),
                    x);
}

Tensor pow(const Tensor& left, const Tensor& right) {
  const auto [a, b] = promoted("pow", left, right);
  Tensor result = ops::binary(BinaryOp::pow, a, b);
  const auto grad_a = [](Saved s, const Tensor& grad) {
    const Tensor slope = mul(s[1], pow(s[0], sub(s[1], 1)));
    return mul(grad, where(eq(s[1], 0), 0.0, slope));  // x^0 is constant, also at x = 0
  };
  const auto grad_b = [](Saved s, const Tensor& grad) {
    // 0^b is constant where it is finite; the logarithm is kept away from 0 there, so that no
    // infinity gets into a product.
    const Tensor constant = mul(eq(s[0], 0), ge(s[1], 0));
    const Tensor logarithm = log(where(constant, 1.0, s[0]));
    return mul(grad, where(constant, 0.0, mul(s[2], logarithm)));
  };
  return record_one("pow", {a, b}, result, binary_rule(a, b, grad_a, grad_b), a, b,
                    kept_if(b.requires_grad(), result));
}

Tensor pow(double a, const Tensor& b) {
  const Tensor x = with_scalar(b, a);
  Tensor result = ops::binary(BinaryOp::pow, scalar_like(x, a), x);
  return record_one("pow", {x}, result, unary_rule([a](Saved s, const Tensor& grad) {
                      const Tensor slope = mul(s[0], std::log(a));
                      // 0^x is constant where it is finite.
                      return mul(grad, a == 0 ? where(ge(s[1], 0), 0.0, slope) : slope);
                    }),
                    result, kept_if(a == 0, x));
}

Tensor neg(const Tensor& x) {
  VG_CHECK(x.dtype() != DType::boolean, DTypeError,
           "neg: boolean tensors have no negative; use logical_not");
  return record_one("neg", {x}, ops::unary(UnaryOp::negate, x),
                    unary_rule([](Saved, const Tensor& grad) { return neg(grad); }));
}

Tensor abs(const Tensor& x) {
  return record_one("abs", {x}, ops::unary(UnaryOp::abs, x),
                    unary_rule([](Saved s, const Tensor& grad) { return mul(grad, sign(s[0])); }),
                    x);
}

Tensor square(const Tensor& x) {
  return record_one("square", {x}, ops::unary(UnaryOp::square, x),
                    unary_rule([](Saved s, const Tensor& grad) { return mul(grad, mul(s[0], 2)); }),
                    x);
}

Tensor maximum(const Tensor& a, const Tensor& b) {
  return extremum("maximum", BinaryOp::maximum, BinaryOp::less, a, b);
}

Tensor minimum(const Tensor& a, const Tensor& b) {
  return extremum("minimum", BinaryOp::minimum, BinaryOp::greater, a, b);
}

Tensor clamp(const Tensor& operand, double low, double high) {
  Tensor x = operand;
  for (const double bound : {low, high}) {
    if (!std::isinf(bound)) x = with_scalar(x, bound);
  }
  Tensor result = x;
  if (!std::isinf(low)) result = ops::binary(BinaryOp::maximum, result, scalar_like(x, low));
  if (!std::isinf(high)) result = ops::binary(BinaryOp::minimum, result, scalar_like(x, high));
  if (result.is_same(x)) result = ops::copy(x);
  return record_one("clamp", {x}, result, unary_rule([low, high](Saved s, const Tensor& grad) {
                      Tensor passed = grad;
                      if (!std::isinf(low)) passed = where(gt(s[0], low), passed, 0.0);
                      if (!std::isinf(high)) passed = where(lt(s[0], high), passed, 0.0);
                      return passed;
                    }),
                    x);
}

Tensor where(const Tensor& cond, const Tensor& left, const Tensor& right) {
  const Tensor condition = as_condition(cond);
  const auto [a, b] = promoted("where", left, right);
  check_same_device("where", a, cond);
  return record_one("where", {a, b}, ops::where(condition, a, b),
                    binary_rule(
                        a, b, [](Saved s, const Tensor& grad) { return where(s[0], grad, 0.0); },
                        [](Saved s, const Tensor& grad) { return where(s[0], 0.0, grad); }),
                    condition);
}

Tensor where(const Tensor& cond, const Tensor& a, double b) {
  const Tensor x = with_scalar(a, b);
  return where(cond, x, scalar_like(x, b));
}

Tensor where(const Tensor& cond, double a, const Tensor& b) {
  const Tensor x = with_scalar(b, a);
  return where(cond, scalar_like(x, a), x);
}

Tensor eq(const Tensor& a, const Tensor& b) { return compare("eq", BinaryOp::equal, a, b); }
Tensor eq(const Tensor& a, double b) { return compare(BinaryOp::equal, a, b); }
Tensor ne(const Tensor& a, const Tensor& b) { return compare("ne", BinaryOp::not_equal, a, b); }
Tensor ne(const Tensor& a, double b) { return compare(BinaryOp::not_equal, a, b); }
Tensor lt(const Tensor& a, const Tensor& b) { return compare("lt", BinaryOp::less, a, b); }
Tensor lt(const Tensor& a, double b) { return compare(BinaryOp::less, a, b); }
Tensor le(const Tensor& a, const Tensor& b) { return compare("le", BinaryOp::less_equal, a, b); }
Tensor le(const Tensor& a, double b) { return compare(BinaryOp::less_equal, a, b); }
Tensor gt(const Tensor& a, const Tensor& b) { return compare("gt", BinaryOp::greater, a, b); }
Tensor gt(const Tensor& a, double b) { return compare(BinaryOp::greater, a, b); }
Tensor ge(const Tensor& a, const Tensor& b) { return compare("ge", BinaryOp::greater_equal, a, b); }
Tensor ge(const Tensor& a, double b) { return compare(BinaryOp::greater_equal, a, b); }
Tensor logical_not(const Tensor& x) { return ops::unary(UnaryOp::logical_not, x); }
Tensor isinf(const Tensor& x) { return ops::unary(UnaryOp::is_infinite, x); }
Tensor isfinite(const Tensor& x) { return ops::unary(UnaryOp::is_finite, x); }
Tensor isnan(const Tensor& x) { return ops::unary(UnaryOp::is_nan, x); }

}  // namespace voxgrad
