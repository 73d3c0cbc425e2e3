// Activations beyond relu, leaky_relu, sigmoid and tanh (elementwise.h). Differentiable; PyTorch's
// names, defaults and values; shape, dtype and memory order of x.
//
// All throw DTypeError unless x is floating. Names that end in _ write x and return it; they throw
// AutogradError for a leaf that wants a gradient.
#pragma once

#include <voxgrad/core/tensor.h>

namespace [[gnu::visibility("default")]] voxgrad {

/// x where x > 0, else alpha * (exp(x) - 1).
Tensor elu(const Tensor& x, double alpha = 1);
/// x where x > 0, else alpha * (exp(x / alpha) - 1). @throws ShapeError for alpha = 0.
Tensor celu(const Tensor& x, double alpha = 1);
/// scale * elu(x, alpha) with scale = 1.0507..., alpha = 1.6732...: keeps mean 0 and variance 1
/// (Klambauer et al., Self-normalizing neural networks, 2017).
Tensor selu(const Tensor& x);
/// x times the standard normal distribution function at x.
Tensor gelu(const Tensor& x);
/// x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 * x^3))): gelu with approximate='tanh'.
Tensor gelu_tanh(const Tensor& x);
/// x * sigmoid(x).
Tensor silu(const Tensor& x);
/// x * tanh(softplus(x)).
Tensor mish(const Tensor& x);
/// log(1 + exp(beta * x)) / beta; x where beta * x > threshold. @throws ShapeError for beta = 0.
Tensor softplus(const Tensor& x, double beta = 1, double threshold = 20);
/// log(sigmoid(x)), exact where the sigmoid rounds to 0.
Tensor logsigmoid(const Tensor& x);
/// x / (1 + |x|).
Tensor softsign(const Tensor& x);
/// x - tanh(x).
Tensor tanhshrink(const Tensor& x);

/// min(max(x, low), high) without a gradient at the bounds. @throws ShapeError unless low <= high.
Tensor hardtanh(const Tensor& x, double low = -1, double high = 1);
/// hardtanh(x, 0, 6).
Tensor relu6(const Tensor& x);
/// min(max(x / 6 + 1 / 2, 0), 1).
Tensor hardsigmoid(const Tensor& x);
/// x * hardsigmoid(x).
Tensor hardswish(const Tensor& x);
/// x where |x| > lambda, else 0.
Tensor hardshrink(const Tensor& x, double lambda = 0.5);
/// x - lambda above lambda, x + lambda below -lambda, else 0. @throws ShapeError for lambda < 0.
Tensor softshrink(const Tensor& x, double lambda = 0.5);
/// x where x > limit, else value.
Tensor threshold(const Tensor& x, double limit, double value);
/// x where x > 0, else weight * x.
///
/// @param weight  (1) or (channels), the channels being axis 1 of x; dtype of x
/// @throws ShapeError, DTypeError, DeviceError when the weight does not fit.
Tensor prelu(const Tensor& x, const Tensor& weight);
/// The first half of x along `axis` times the sigmoid of the second. @throws ShapeError unless the
/// axis has an even size; IndexError.
Tensor glu(const Tensor& x, Index axis = -1);
/// softmax(-x, axis).
Tensor softmin(const Tensor& x, Index axis);

Tensor& elu_(Tensor& x, double alpha = 1);
Tensor& celu_(Tensor& x, double alpha = 1);
Tensor& selu_(Tensor& x);
Tensor& silu_(Tensor& x);
Tensor& mish_(Tensor& x);
Tensor& hardtanh_(Tensor& x, double low = -1, double high = 1);
Tensor& relu6_(Tensor& x);
Tensor& hardsigmoid_(Tensor& x);
Tensor& hardswish_(Tensor& x);
Tensor& threshold_(Tensor& x, double limit, double value);

}  // namespace voxgrad
