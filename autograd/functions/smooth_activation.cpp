// The activations with kernels of their own (ops/activation.h). A plain backward pass takes one
// kernel; a derivative that will be differentiated again is composed of simple functions. Results
// have no recipe, though the rules keep x: exponentials take too long to be computed once more.
#include <voxgrad/autograd/functions/activation.h>
#include <voxgrad/autograd/functions/elementwise.h>
#include <voxgrad/autograd/functions/operands.h>
#include <voxgrad/ops/activation.h>

#include <numbers>

namespace voxgrad {
namespace {

using ops::ActivationOp;
using Parameters = ops::ActivationParameters;

struct Activation {
  std::string_view name;
  ActivationOp op;
  Tensor (*slope)(const Tensor& x, const Parameters&);  // f'(x)
  Parameters parameters = {};
};

Tensor activation_gradient(const Activation& f, const Tensor& grad, const Tensor& x) {
  if (!wants_graph({grad, x})) return ops::activation_gradient(f.op, grad, x, f.parameters);
  return grad * f.slope(x, f.parameters);
}

Tensor activate(const Activation& f, const Tensor& x) {
  check_floating(f.name, x);
  return record_one(
      f.name, {x}, ops::activation(f.op, x, f.parameters),
      unary_rule([f](Saved s, const Tensor& grad) { return activation_gradient(f, grad, s[0]); }),
      x);
}

// ---- derivatives from functions that can be differentiated again

Tensor elu_slope(const Tensor& x, const Parameters& p) {
  const Tensor positive = gt(x, 0);
  // Kept from the exponential where it would overflow: infinity times 0 is no derivative.
  const Tensor low = where(positive, 0.0, x);
  return where(positive, p.b, exp(low * p.c) * (p.a * p.b * p.c));
}

Tensor density(const Tensor& x) {
  return exp(square(x) * -0.5) * (std::numbers::inv_sqrtpi / std::numbers::sqrt2);
}

Tensor normal_cdf(const Tensor& x) {
  const Activation f{"normal_cdf", ActivationOp::normal_cdf,
                     [](const Tensor& at, const Parameters&) { return density(at); }};
  return activate(f, x);
}

Tensor gelu_slope(const Tensor& x, const Parameters&) { return normal_cdf(x) + x * density(x); }

Tensor gelu_tanh_slope(const Tensor& x, const Parameters&) {
  constexpr double kScale = std::numbers::sqrt2 * std::numbers::inv_sqrtpi, kCubic = 0.044715;
  const Tensor squares = square(x);
  const Tensor t = tanh(x * (squares * kCubic + 1) * kScale);
  const Tensor inner = (squares * (3 * kCubic) + 1) * kScale;
  return (t + 1 + x * (1 - square(t)) * inner) * 0.5;
}

Tensor silu_slope(const Tensor& x, const Parameters&) {
  const Tensor s = sigmoid(x);
  return s * (x * (1 - s) + 1);
}

Tensor softplus_slope(const Tensor& x, const Parameters& p) {
  const Tensor scaled = x * p.a;
  return where(gt(scaled, p.b), 1.0, sigmoid(scaled));
}

Tensor mish_slope(const Tensor& x, const Parameters&) {
  const Tensor t = tanh(softplus(x));
  return t + x * sigmoid(x) * (1 - square(t));
}

Activation elu_like(std::string_view name, const Parameters& parameters) {
  return {name, ActivationOp::elu, elu_slope, parameters};
}

}  // namespace

Tensor elu(const Tensor& x, double alpha) { return activate(elu_like("elu", {.a = alpha}), x); }

Tensor celu(const Tensor& x, double alpha) {
  VG_CHECK(alpha != 0, ShapeError, "celu: alpha must not be 0; got {}", alpha);
  return activate(elu_like("celu", {.a = alpha, .c = 1 / alpha}), x);
}

Tensor selu(const Tensor& x) {
  return activate(elu_like("selu", {.a = 1.6732632423543772848170429916717,
                                    .b = 1.0507009873554804934193349852946}),
                  x);
}

Tensor gelu(const Tensor& x) { return activate({"gelu", ActivationOp::gelu, gelu_slope}, x); }

Tensor gelu_tanh(const Tensor& x) {
  return activate({"gelu_tanh", ActivationOp::gelu_tanh, gelu_tanh_slope}, x);
}

Tensor silu(const Tensor& x) { return activate({"silu", ActivationOp::silu, silu_slope}, x); }

Tensor mish(const Tensor& x) { return activate({"mish", ActivationOp::mish, mish_slope}, x); }

Tensor softplus(const Tensor& x, double beta, double threshold) {
  VG_CHECK(beta != 0, ShapeError, "softplus: beta must not be 0; got {}", beta);
  return activate({"softplus", ActivationOp::softplus, softplus_slope, {.a = beta, .b = threshold}},
                  x);
}

Tensor logsigmoid(const Tensor& x) {
  check_floating("logsigmoid", x);
  return neg(softplus(neg(x), 1, std::numeric_limits<double>::infinity()));
}

}  // namespace voxgrad
