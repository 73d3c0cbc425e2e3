#include <voxgrad/ops/activation.h>

#include <iterator>

namespace voxgrad::ops {

namespace {
constexpr std::string_view kNames[] = {"elu",  "gelu",     "gelu_tanh", "silu",
                                       "mish", "softplus", "normal_cdf"};
constexpr std::string_view kGradientNames[] = {
    "elu_gradient",  "gelu_gradient",     "gelu_tanh_gradient", "silu_gradient",
    "mish_gradient", "softplus_gradient", "normal_cdf_gradient"};
static_assert(std::size(kGradientNames) == std::size(kNames));
static_assert(std::size(kNames) == static_cast<std::size_t>(ActivationOp::normal_cdf) + 1);
}  // namespace

std::string_view name(ActivationOp op) { return kNames[static_cast<std::size_t>(op)]; }
std::string_view gradient_name(ActivationOp op) {
  return kGradientNames[static_cast<std::size_t>(op)];
}

const ActivationKernels& activation_kernels(Device device) {
  return select_kernels(device, cpu::kActivation, cuda::kActivation);
}

Tensor activation(ActivationOp op, const Tensor& x, const ActivationParameters& parameters) {
  Tensor out = Tensor::empty_like(x);
  activation_kernels(x.device()).value(op, parameters, operand(x), target(out));
  return out;
}

Tensor activation_gradient(ActivationOp op, const Tensor& grad, const Tensor& x,
                           const ActivationParameters& parameters) {
  Tensor out = Tensor::empty_like(x);
  activation_kernels(x.device())
      .gradient(op, parameters, operand(grad, x.shape()), operand(x), target(out));
  return out;
}

Tensor prelu(const Tensor& x, const Tensor& weight) {
  Tensor out = Tensor::empty_like(x);
  activation_kernels(x.device()).prelu(operand(x), operand(weight, x.shape()), target(out));
  return out;
}

Tensor prelu_gradient(const Tensor& grad, const Tensor& x, const Tensor& weight) {
  Tensor out = Tensor::empty_like(x);
  activation_kernels(x.device())
      .prelu_gradient(operand(grad, x.shape()), operand(x), operand(weight, x.shape()),
                      target(out));
  return out;
}

}  // namespace voxgrad::ops
