// The activations that other functions compose, and those in place.
#include <voxgrad/autograd/functions/activation.h>
#include <voxgrad/autograd/functions/elementwise.h>
#include <voxgrad/autograd/functions/operands.h>
#include <voxgrad/autograd/functions/softmax.h>
#include <voxgrad/ops/activation.h>

namespace voxgrad {
namespace {

/// x between the bounds; constants at and beyond them, where no gradient passes.
Tensor between(const Tensor& x, double low, double high) {
  return where(le(x, low), low, where(ge(x, high), high, x));
}

/// prelu with a weight that broadcasts to x.
Tensor prelu_along(const Tensor& x, const Tensor& weight) {
  const Rule rule = [](Saved saved, std::span<const Tensor> grads, Needs needs) {
    const Tensor &at = saved[0], &slope = saved[1], &grad = grads[0];
    std::vector<Tensor> result(2);
    if (needs[0]) {
      result[0] = wants_graph({grad, slope}) ? where(gt(at, 0), grad, grad * slope)
                                             : ops::prelu_gradient(grad, at, slope);
    }
    if (needs[1]) result[1] = sum_to(where(gt(at, 0), 0.0, grad * at), slope.shape());
    return result;
  };
  Tensor y = ops::prelu(x, weight);
  if (wants_graph({x, weight}) && is_kept_safely(x)) {
    std::vector<SavedTensor> inputs;
    inputs.emplace_back(x);
    inputs.emplace_back(frozen(weight));
    attach_recipe(y, std::move(inputs),
                  [](std::span<const Tensor> in) { return ops::prelu(in[0], in[1]); });
  }
  return record_one("prelu", {x, weight}, std::move(y), rule, x, weight);
}

/// x = f(x). What f saves for its derivative is a copy where a derivative is wanted.
template <typename F>
Tensor& in_place(std::string_view op, Tensor& x, const F& f) {
  check_floating(op, x);
  check_in_place(op, x, std::span(&x, 1));
  return x.copy_(f(wants_graph({x}) ? x.clone() : x));
}

}  // namespace

Tensor softsign(const Tensor& x) {
  check_floating("softsign", x);
  return x / (abs(x) + 1);
}

Tensor tanhshrink(const Tensor& x) {
  check_floating("tanhshrink", x);
  return x - tanh(x);
}

Tensor hardtanh(const Tensor& x, double low, double high) {
  check_floating("hardtanh", x);
  VG_CHECK(low <= high, ShapeError, "hardtanh: low must be at most high; got {} and {}", low, high);
  return between(x, low, high);
}

Tensor relu6(const Tensor& x) {
  check_floating("relu6", x);
  return between(x, 0, 6);
}

Tensor hardsigmoid(const Tensor& x) {
  check_floating("hardsigmoid", x);
  return between(x + 3, 0, 6) / 6;
}

Tensor hardswish(const Tensor& x) {
  check_floating("hardswish", x);
  return x * hardsigmoid(x);
}

Tensor hardshrink(const Tensor& x, double lambda) {
  check_floating("hardshrink", x);
  return where(le(abs(x.detach()), lambda), 0.0, x);
}

Tensor softshrink(const Tensor& x, double lambda) {
  check_floating("softshrink", x);
  VG_CHECK(lambda >= 0, ShapeError, "softshrink: lambda must not be negative; got {}", lambda);
  // What lies between -lambda and lambda is taken away.
  return where(le(abs(x.detach()), lambda), 0.0, x - clamp(x, -lambda, lambda));
}

Tensor threshold(const Tensor& x, double limit, double value) {
  check_floating("threshold", x);
  return where(le(x, limit), value, x);
}

Tensor prelu(const Tensor& x, const Tensor& weight) {
  check_floating("prelu", x);
  VG_CHECK(weight.defined() && weight.dtype() == x.dtype(), DTypeError,
           "prelu: weight must have the dtype of x, {}; got {}", name(x.dtype()),
           weight.defined() ? name(weight.dtype()) : "an undefined tensor");
  check_same_device("prelu", x, weight);
  const Index channels = x.dim() >= 2 ? x.size(1) : 1;
  VG_CHECK(weight.dim() <= 1 && (weight.numel() == 1 || weight.numel() == channels), ShapeError,
           "prelu: weight must have 1 element or one for each of {} channels; got {} for x {}",
           channels, weight.shape(), x.shape());
  Shape along(x.shape().size(), 1);
  if (x.dim() >= 2) along[1] = weight.numel();
  return prelu_along(x, weight.reshape(along));
}

Tensor glu(const Tensor& x, Index axis) {
  check_floating("glu", x);
  const int at = normalize_axis("glu", axis, x.dim());
  const Index half = x.size(at) / 2;
  VG_CHECK(x.size(at) % 2 == 0, ShapeError, "glu: the axis must have an even size; got {} of {}",
           x.size(at), x.shape());
  return x.narrow(at, 0, half) * sigmoid(x.narrow(at, half, half));
}

Tensor softmin(const Tensor& x, Index axis) {
  check_floating("softmin", x);
  return softmax(neg(x), axis);
}

Tensor& elu_(Tensor& x, double alpha) {
  return in_place("elu_", x, [&](const Tensor& t) { return elu(t, alpha); });
}
Tensor& celu_(Tensor& x, double alpha) {
  return in_place("celu_", x, [&](const Tensor& t) { return celu(t, alpha); });
}
Tensor& selu_(Tensor& x) { return in_place("selu_", x, selu); }
Tensor& silu_(Tensor& x) { return in_place("silu_", x, silu); }
Tensor& mish_(Tensor& x) { return in_place("mish_", x, mish); }
Tensor& hardtanh_(Tensor& x, double low, double high) {
  return in_place("hardtanh_", x, [&](const Tensor& t) { return hardtanh(t, low, high); });
}
Tensor& relu6_(Tensor& x) { return in_place("relu6_", x, relu6); }
Tensor& hardsigmoid_(Tensor& x) { return in_place("hardsigmoid_", x, hardsigmoid); }
Tensor& hardswish_(Tensor& x) { return in_place("hardswish_", x, hardswish); }
Tensor& threshold_(Tensor& x, double limit, double value) {
  return in_place("threshold_", x, [&](const Tensor& t) { return threshold(t, limit, value); });
}

}  // namespace voxgrad
