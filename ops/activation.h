// Internal: activations that are more than a comparison: values and first derivatives in one pass
// each.
#pragma once

#include <cstdint>
#include <string_view>

#include <voxgrad/ops/operand.h>

namespace [[gnu::visibility("default")]] voxgrad {
namespace ops {

enum class ActivationOp : std::uint8_t {
  elu,         ///< x > 0 ? b * x : a * b * (exp(c * x) - 1)
  gelu,        ///< x * normal_cdf(x)
  gelu_tanh,   ///< x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 * x^3)))
  silu,        ///< x * sigmoid(x)
  mish,        ///< x * tanh(log(1 + exp(x)))
  softplus,    ///< a * x > b ? x : log(1 + exp(a * x)) / a
  normal_cdf,  ///< of the standard normal distribution
};

std::string_view name(ActivationOp op);
std::string_view gradient_name(ActivationOp op);

struct ActivationParameters {
  double a = 1, b = 1, c = 1;
};

/// f(x), shape and memory order of x; floating.
Tensor activation(ActivationOp op, const Tensor& x, const ActivationParameters& parameters = {});
/// grad * f'(x) over the broadcast shape.
Tensor activation_gradient(ActivationOp op, const Tensor& grad, const Tensor& x,
                           const ActivationParameters& parameters = {});

/// x > 0 ? x : weight * x; the weight broadcasts to x.
Tensor prelu(const Tensor& x, const Tensor& weight);
/// grad * (x > 0 ? 1 : weight).
Tensor prelu_gradient(const Tensor& grad, const Tensor& x, const Tensor& weight);

/// Kernels get operands of one shape.
struct ActivationKernels {
  void (*value)(ActivationOp op, const ActivationParameters&, const Operand& x, const Operand& out);
  void (*gradient)(ActivationOp op, const ActivationParameters&, const Operand& grad,
                   const Operand& x, const Operand& out);
  void (*prelu)(const Operand& x, const Operand& weight, const Operand& out);
  void (*prelu_gradient)(const Operand& grad, const Operand& x, const Operand& weight,
                         const Operand& out);
};
/// Of the device's type; from here on this thread's kernels run on that device.
const ActivationKernels& activation_kernels(Device device);

namespace cpu {
extern const ActivationKernels kActivation;
}
namespace cuda {
extern const ActivationKernels kActivation;
}

}  // namespace ops
}  // namespace voxgrad
