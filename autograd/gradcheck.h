// Derivatives checked against finite differences, by random projections.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include <voxgrad/core/tensor.h>

namespace [[gnu::visibility("default")]] voxgrad {

/// A function of tensors to tensors. Called several times: it must give the same values each time.
using TensorFunction = std::function<std::vector<Tensor>(std::span<const Tensor>)>;

struct GradcheckOptions {
  double eps = 1e-6;   ///< step of the central differences
  double atol = 1e-5;  ///< accepted: |analytic - numeric| <= atol + rtol * |numeric|
  double rtol = 1e-5;
  int projections = 3;     ///< random directions per input
  std::uint64_t seed = 1;  ///< of the directions
};

/// Compares d<f(inputs), u>/d(input) along random directions with central differences, for random
/// u and each input that wants a gradient, one at a time. Where a value is wrong, two random
/// projections agree with probability zero. Also checks that f gives the same values twice.
/// @throws AutogradError that names the input and both numbers, and where no input or no output
/// wants a gradient; DTypeError unless all inputs that want gradients are float64. Follows
/// torch.autograd.gradcheck.
void gradcheck(const TensorFunction& f, const std::vector<Tensor>& inputs,
               const GradcheckOptions& options = {});

/// The same for the derivative itself: gradcheck of (inputs, u) -> d<f(inputs), u>/d(inputs).
void gradgradcheck(const TensorFunction& f, const std::vector<Tensor>& inputs,
                   const GradcheckOptions& options = {});

}  // namespace voxgrad
