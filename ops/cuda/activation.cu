#include <voxgrad/ops/activation.h>

#include <voxgrad/ops/activation_function.h>
#include <voxgrad/ops/cuda/map.h>

namespace voxgrad::ops::cuda {

namespace {

template <typename F>
struct Value {
  F f;
  template <typename T>
  constexpr T operator()(T x) const {
    return f.value(x);
  }
};

template <typename F>
struct Gradient {
  F f;
  template <typename T>
  constexpr T operator()(T grad, T x) const {
    return grad * f.slope(x);
  }
};

void value(ActivationOp op, const ActivationParameters& parameters, const Operand& x,
           const Operand& out) {
  visit_floating(x.dtype, [&]<typename T>() {
    visit_activation<T>(op, parameters,
                        [&]<typename F>(const F& f) { map<T, T>(name(op), out, x, Value<F>{f}); });
  });
}

void gradient(ActivationOp op, const ActivationParameters& parameters, const Operand& grad,
              const Operand& x, const Operand& out) {
  visit_floating(x.dtype, [&]<typename T>() {
    visit_activation<T>(op, parameters, [&]<typename F>(const F& f) {
      map<T, T, T>(gradient_name(op), out, grad, x, Gradient<F>{f});
    });
  });
}

void prelu(const Operand& x, const Operand& weight, const Operand& out) {
  visit_floating(x.dtype, [&]<typename T>() { map<T, T, T>("prelu", out, x, weight, Prelu{}); });
}

void prelu_gradient(const Operand& grad, const Operand& x, const Operand& weight,
                    const Operand& out) {
  visit_floating(x.dtype, [&]<typename T>() {
    map<T, T, T, T>("prelu_gradient", out, grad, x, weight, PreluGradient{});
  });
}

}  // namespace

const ActivationKernels kActivation = {
    .value = value, .gradient = gradient, .prelu = prelu, .prelu_gradient = prelu_gradient};

}  // namespace voxgrad::ops::cuda
