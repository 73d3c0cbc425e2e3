// Elementwise functions composed of others, division with rounding, logic, bits, comparison as a
// whole.
#include <voxgrad/autograd/functions/creation.h>
#include <voxgrad/autograd/functions/elementwise.h>
#include <voxgrad/autograd/functions/promotion.h>

namespace voxgrad {

namespace {

using ops::BinaryOp;

/// Both promoted, and integers without a 0 among the divisors.
Pair dividend_divisor(std::string_view op, const Tensor& left, const Tensor& right) {
  const Pair pair = promoted(op, left, right);
  VG_CHECK(pair.a.dtype() != DType::boolean, DTypeError, "{}: booleans cannot be divided", op);
  VG_CHECK(is_floating(pair.b.dtype()) || all(pair.b).item() != 0, Error,
           "{}: integers cannot be divided by zero (ZeroDivisionError)", op);
  return pair;
}

Tensor rounded_quotient(std::string_view op, BinaryOp kernel, const Tensor& left,
                        const Tensor& right) {
  const auto [a, b] = dividend_divisor(op, left, right);
  const auto constant = [](Saved, const Tensor& grad) { return zeros_like(grad); };
  return record_one(op, {a, b}, ops::binary(kernel, a, b), binary_rule(a, b, constant, constant));
}

/// a - rounded quotient * b.
Tensor rest(std::string_view op, BinaryOp kernel, Rounding rounding, const Tensor& left,
            const Tensor& right) {
  const auto [a, b] = dividend_divisor(op, left, right);
  return record_one(op, {a, b}, ops::binary(kernel, a, b),
                    binary_rule(
                        a, b, [](Saved, const Tensor& grad) { return grad; },
                        [rounding](Saved s, const Tensor& grad) {
                          return neg(mul(grad, div(s[0], s[1], rounding)));
                        }),
                    kept_if(b.requires_grad(), a), kept_if(b.requires_grad(), b));
}

/// A number beside x as a tensor of the dtype that the result has.
Tensor beside(const Tensor& x, double value) { return scalar_like(with_scalar(x, value), value); }

Tensor truth(const Tensor& x) { return ne(x, 0); }

Tensor bitwise(std::string_view op, BinaryOp kernel, const Tensor& left, const Tensor& right) {
  const auto [a, b] = promoted(op, left, right);
  VG_CHECK(!is_floating(a.dtype()), DTypeError, "{}: operands must be integer or bool; got {}", op,
           name(a.dtype()));
  return ops::binary(kernel, a, b);
}

}  // namespace

Tensor div(const Tensor& a, const Tensor& b, Rounding rounding) {
  switch (rounding) {
    case Rounding::floor: return rounded_quotient("div", BinaryOp::floor_divide, a, b);
    case Rounding::trunc: return rounded_quotient("div", BinaryOp::trunc_divide, a, b);
    case Rounding::none: break;
  }
  return div(a, b);
}

Tensor div(const Tensor& a, double b, Rounding rounding) {
  return rounding == Rounding::none ? div(a, b) : div(with_scalar(a, b), beside(a, b), rounding);
}

Tensor div(double a, const Tensor& b, Rounding rounding) {
  return rounding == Rounding::none ? div(a, b) : div(beside(b, a), with_scalar(b, a), rounding);
}

Tensor floor_divide(const Tensor& a, const Tensor& b) { return div(a, b, Rounding::floor); }
Tensor floor_divide(const Tensor& a, double b) { return div(a, b, Rounding::floor); }
Tensor floor_divide(double a, const Tensor& b) { return div(a, b, Rounding::floor); }

Tensor remainder(const Tensor& a, const Tensor& b) {
  return rest("remainder", BinaryOp::remainder, Rounding::floor, a, b);
}
Tensor remainder(const Tensor& a, double b) { return remainder(with_scalar(a, b), beside(a, b)); }
Tensor remainder(double a, const Tensor& b) { return remainder(beside(b, a), with_scalar(b, a)); }

Tensor fmod(const Tensor& a, const Tensor& b) {
  return rest("fmod", BinaryOp::fmod, Rounding::trunc, a, b);
}
Tensor fmod(const Tensor& a, double b) { return fmod(with_scalar(a, b), beside(a, b)); }

Tensor atan2(const Tensor& left, const Tensor& right) {
  const auto [y, x] = promoted("atan2", left, right);
  const Tensor a = as_floating(y), b = as_floating(x);
  // At (0, 0), where there is no derivative, it is 0.
  const auto over_square = [](Saved s, const Tensor& numerator) {
    const Tensor squares = add(square(s[0]), square(s[1]));
    const Tensor none = eq(squares, 0);
    return where(none, 0.0, div(numerator, where(none, 1.0, squares)));
  };
  return record_one(
      "atan2", {a, b}, ops::binary(BinaryOp::atan2, a, b),
      binary_rule(
          a, b, [=](Saved s, const Tensor& grad) { return mul(grad, over_square(s, s[1])); },
          [=](Saved s, const Tensor& grad) { return neg(mul(grad, over_square(s, s[0]))); }),
      a, b);
}

Tensor lerp(const Tensor& a, const Tensor& b, double weight) {
  const Tensor distance = sub(b, a);
  return std::abs(weight) < 0.5 ? add(a, mul(distance, weight)) : sub(b, mul(distance, 1 - weight));
}

Tensor lerp(const Tensor& a, const Tensor& b, const Tensor& weight) {
  const Tensor distance = sub(b, a);
  return where(lt(abs(weight), 0.5), add(a, mul(distance, weight)),
               sub(b, mul(distance, sub(1, weight))));
}

Tensor addcmul(const Tensor& x, const Tensor& a, const Tensor& b, double value) {
  const Tensor product = mul(a, b);
  return add(x, value == 1 ? product : mul(product, value));
}

Tensor addcdiv(const Tensor& x, const Tensor& a, const Tensor& b, double value) {
  const Tensor quotient = div(a, b);
  return add(x, value == 1 ? quotient : mul(quotient, value));
}

Tensor nan_to_num(const Tensor& x, double nan, std::optional<double> posinf,
                  std::optional<double> neginf) {
  if (!is_floating(x.dtype())) return x.clone();
  const double largest = x.dtype() == DType::float64
                             ? std::numeric_limits<double>::max()
                             : static_cast<double>(std::numeric_limits<float>::max());
  const double infinity = std::numeric_limits<double>::infinity();
  Tensor result = where(isnan(x), nan, x);
  result = where(eq(x, infinity), posinf.value_or(largest), result);
  return where(eq(x, -infinity), neginf.value_or(-largest), result);
}

Tensor clamp(const Tensor& operand, const Tensor& low, const Tensor& high) {
  VG_CHECK(low.defined() || high.defined(), ShapeError, "clamp: needs a bound; got none");
  if (!high.defined()) return maximum(operand, low);
  if (!low.defined()) return minimum(operand, high);
  const Tensor x = promoted("clamp", promoted("clamp", operand, low).a, high).a;
  const Tensor a = low.to(x.dtype()), b = high.to(x.dtype());
  const Tensor result = ops::binary(BinaryOp::minimum, ops::binary(BinaryOp::maximum, x, a), b);
  const auto rule = [shapes = std::array{x.shape(), a.shape(), b.shape()}](
                        Saved s, std::span<const Tensor> grads, Needs needs) {
    const Tensor &v = s[0], &lo = s[1], &hi = s[2];
    const Tensor apart = lt(lo, hi), ordered = le(lo, hi);
    const auto share = [&](const Tensor& whole, const Tensor& half) {
      return where(whole, grads[0], where(half, mul(grads[0], 0.5), 0.0));
    };
    std::vector<Tensor> result(3);
    if (needs[0]) {
      const Tensor at_bound = mul(apart, add(eq(v, lo), eq(v, hi)));
      const Tensor outside = add(lt(v, lo), gt(v, hi));
      result[0] = share(logical_not(add(outside, at_bound)), at_bound);
    }
    if (needs[1]) result[1] = share(mul(lt(v, lo), ordered), mul(eq(v, lo), apart));
    if (needs[2])
      result[2] = share(add(mul(gt(v, hi), ordered), gt(lo, hi)), mul(eq(v, hi), apart));
    for (std::size_t i = 0; i < 3; ++i)
      if (needs[i]) result[i] = sum_to(result[i], shapes[i]);
    return result;
  };
  return record_one("clamp", {x, a, b}, result, rule, x, a, b);
}

Tensor logical_and(const Tensor& a, const Tensor& b) { return mul(truth(a), truth(b)); }
Tensor logical_or(const Tensor& a, const Tensor& b) { return add(truth(a), truth(b)); }
Tensor logical_xor(const Tensor& a, const Tensor& b) { return ne(truth(a), truth(b)); }

Tensor bitwise_and(const Tensor& a, const Tensor& b) {
  return bitwise("bitwise_and", BinaryOp::bit_and, a, b);
}
Tensor bitwise_or(const Tensor& a, const Tensor& b) {
  return bitwise("bitwise_or", BinaryOp::bit_or, a, b);
}
Tensor bitwise_xor(const Tensor& a, const Tensor& b) {
  return bitwise("bitwise_xor", BinaryOp::bit_xor, a, b);
}
Tensor bitwise_not(const Tensor& x) {
  VG_CHECK(!is_floating(x.dtype()), DTypeError, "bitwise_not: x must be integer or bool; got {}",
           name(x.dtype()));
  return ops::unary(ops::UnaryOp::bit_not, x);
}

Tensor isclose(const Tensor& left, const Tensor& right, double rtol, double atol, bool equal_nan) {
  const NoGrad values_only;
  const auto [x, y] = promoted("isclose", left, right);
  const Tensor a = as_floating(x), b = as_floating(y);
  const Tensor distance = abs(sub(a, b));
  const Tensor near = mul(le(distance, add(mul(abs(b), rtol), atol)), isfinite(distance));
  Tensor close = add(eq(x, y), near);
  if (equal_nan) close = add(close, mul(isnan(a), isnan(b)));
  return close;
}

bool allclose(const Tensor& a, const Tensor& b, double rtol, double atol, bool equal_nan) {
  return all(isclose(a, b, rtol, atol, equal_nan)).item() != 0;
}

bool equal(const Tensor& a, const Tensor& b) {
  return a.shape() == b.shape() && all(eq(a, b)).item() != 0;
}

}  // namespace voxgrad
