// Initial values, as torch.nn.init: drawn on the CPU in row-major order, the same bits for the same
// seed as PyTorch's (normal values in float32: to rounding). Nothing is recorded.
#pragma once

#include <utility>

#include <voxgrad/core/random.h>
#include <voxgrad/core/tensor.h>

namespace [[gnu::visibility("default")]] voxgrad {
namespace nn::init {

/// Number of inputs that one output of a weight (out, in, kernel...) sees, and the reverse. For a
/// transposed convolution's weight (in, out / groups, kernel...) PyTorch swaps neither.
struct Fans {
  Index in = 0;
  Index out = 0;
};

/// @throws ShapeError for a rank below 2.
Fans calculate_fans(const Tensor& weight);

enum class FanMode { in, out };
enum class Nonlinearity { linear, sigmoid, tanh, relu, leaky_relu };

/// How much a nonlinearity shrinks the deviation of what passes: 1, 1, 5 / 3, sqrt(2),
/// sqrt(2 / (1 + slope^2)).
double calculate_gain(Nonlinearity nonlinearity, double slope = 0.01);

struct KaimingOptions {
  double a = 0;  ///< slope of leaky_relu
  FanMode mode = FanMode::in;
  Nonlinearity nonlinearity = Nonlinearity::leaky_relu;
};

/// All return their tensor. @throws DTypeError unless floating; ShapeError for impossible ranges.

/// Uniform in [from, to).
Tensor uniform_(Tensor tensor, double from = 0, double to = 1,
                Generator& generator = default_generator());
Tensor normal_(Tensor tensor, double mean = 0, double std = 1,
               Generator& generator = default_generator());
Tensor constant_(Tensor tensor, double value);
Tensor zeros_(Tensor tensor);
Tensor ones_(Tensor tensor);
/// Uniform in +-sqrt(3) * gain / sqrt(fan) (He et al., https://arxiv.org/abs/1502.01852).
/// @throws ShapeError for a rank below 2.
Tensor kaiming_uniform_(Tensor tensor, const KaimingOptions& options = {},
                        Generator& generator = default_generator());
/// Normal with deviation gain / sqrt(fan). @throws ShapeError for a rank below 2.
Tensor kaiming_normal_(Tensor tensor, const KaimingOptions& options = {},
                       Generator& generator = default_generator());

}  // namespace nn::init
}  // namespace voxgrad
