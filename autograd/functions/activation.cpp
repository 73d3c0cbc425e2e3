// The activations of elementwise.h. But for leaky_relu, mostly, they save their result, which the
// next operation is likely to keep as well.
#include <voxgrad/autograd/functions/elementwise.h>
#include <voxgrad/autograd/functions/operands.h>

namespace voxgrad {

namespace {

using ops::BinaryOp;
using ops::UnaryOp;

/// relu or leaky_relu: one with slope 0.
struct Rectifier {
  std::string_view name;
  UnaryOp kernel;
  double slope;
};

constexpr Rectifier kRelu{"relu", UnaryOp::relu, 0};

Rectifier leaky(double slope) { return {"leaky_relu", UnaryOp::leaky_relu, slope}; }

/// grad * (y > 0 ? 1 : slope).
Tensor gate(const Tensor& grad, const Tensor& y, double slope) {
  return record_one("gate", {grad}, ops::binary(BinaryOp::gate, grad, y, slope),
                    unary_rule([slope](Saved s, const Tensor& g) { return gate(g, s[0], slope); }),
                    y);
}

Rule gate_rule(double slope) {
  return unary_rule([slope](Saved s, const Tensor& grad) { return gate(grad, s[0], slope); });
}

/// relu's rule keeps the result, leaky_relu's x, as in PyTorch: so leaky_relu's result, which can
/// be computed again, may be changed in place. Where x is computed again itself the result is kept,
/// by its recipe, or both would be in memory at once. (For a negative slope only x knows its sign.)
Tensor rectify(const Rectifier& f, const Tensor& x) {
  Tensor result = ops::unary(f.kernel, x, f.slope);
  const bool leaks = f.kernel == UnaryOp::leaky_relu;
  const bool keeps_x = leaks && (f.slope < 0 || !has_recipe(x));
  attach_recipe_from(x, leaks ? is_kept_safely(x) : is_kept_anyway(x), result,
                     [f](const Tensor& in) { return ops::unary(f.kernel, in, f.slope); });
  return record_one(f.name, {x}, result, gate_rule(f.slope), keeps_x ? x : result);
}

Tensor& rectify_in_place(const Rectifier& f, std::string_view name, Tensor& x) {
  check_in_place(name, x, std::span(&x, 1));
  VG_CHECK(f.slope >= 0 || !wants_graph({x}), AutogradError,
           "{}: in place, a gradient needs a slope >= 0; got {} (use leaky_relu)", name, f.slope);
  std::vector<SavedTensor> before;
  if (wants_graph({x}) && has_recipe(x)) before.emplace_back(x);
  ops::unary_into(f.kernel, x, x, f.slope);
  if (!wants_graph({x})) return x;
  if (!before.empty()) {
    attach_recipe(x, std::move(before),
                  [f](std::span<const Tensor> in) { return ops::unary(f.kernel, in[0], f.slope); });
  }
  std::vector<SavedTensor> saved;
  saved.emplace_back(x);
  record_in_place(name, x, std::span(&x, 1), std::move(saved), gate_rule(f.slope));
  return x;
}

/// Derivatives of derivatives go through simple functions; a plain backward pass takes one kernel
/// with the same bits.
Tensor sigmoid_gradient(const Tensor& grad, const Tensor& y) {
  if (!wants_graph({grad, y})) return ops::binary(BinaryOp::sigmoid_gradient, grad, y);
  return mul(mul(grad, y), sub(1, y));
}

Tensor tanh_gradient(const Tensor& grad, const Tensor& y) {
  if (!wants_graph({grad, y})) return ops::binary(BinaryOp::tanh_gradient, grad, y);
  return mul(grad, sub(1, mul(y, y)));
}

}  // namespace

Tensor sigmoid(const Tensor& operand) {
  const Tensor x = as_floating(operand);
  Tensor y = ops::unary(UnaryOp::sigmoid, x);
  return record_one(
      "sigmoid", {x}, y,
      unary_rule([](Saved s, const Tensor& grad) { return sigmoid_gradient(grad, s[0]); }), y);
}

Tensor tanh(const Tensor& operand) {
  const Tensor x = as_floating(operand);
  Tensor y = ops::unary(UnaryOp::tanh, x);
  return record_one(
      "tanh", {x}, y,
      unary_rule([](Saved s, const Tensor& grad) { return tanh_gradient(grad, s[0]); }), y);
}

Tensor relu(const Tensor& x) { return rectify(kRelu, x); }

Tensor leaky_relu(const Tensor& x, double slope) {
  check_floating("leaky_relu", x);
  return rectify(leaky(slope), x);
}

Tensor& relu_(Tensor& x) { return rectify_in_place(kRelu, "relu_", x); }

Tensor& leaky_relu_(Tensor& x, double slope) {
  check_floating("leaky_relu_", x);
  return rectify_in_place(leaky(slope), "leaky_relu_", x);
}

}  // namespace voxgrad
