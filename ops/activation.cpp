#include <voxgrad/ops/activation.h>

namespace voxgrad::ops {

const ActivationKernels& activation_kernels(DeviceType device) {
  if (device == DeviceType::cpu) return cpu::kActivation;
  no_kernels("activation", device);
}

Tensor activation(ActivationOp op, const Tensor& x, const ActivationParameters& parameters) {
  Tensor out = Tensor::empty_like(x);
  activation_kernels(x.device().type).value(op, parameters, operand(x), target(out));
  return out;
}

Tensor activation_gradient(ActivationOp op, const Tensor& grad, const Tensor& x,
                           const ActivationParameters& parameters) {
  Tensor out = Tensor::empty_like(x);
  activation_kernels(x.device().type)
      .gradient(op, parameters, operand(grad, x.shape()), operand(x), target(out));
  return out;
}

Tensor prelu(const Tensor& x, const Tensor& weight) {
  Tensor out = Tensor::empty_like(x);
  activation_kernels(x.device().type).prelu(operand(x), operand(weight, x.shape()), target(out));
  return out;
}

Tensor prelu_gradient(const Tensor& grad, const Tensor& x, const Tensor& weight) {
  Tensor out = Tensor::empty_like(x);
  activation_kernels(x.device().type)
      .prelu_gradient(operand(grad, x.shape()), operand(x), operand(weight, x.shape()),
                      target(out));
  return out;
}

}  // namespace voxgrad::ops
