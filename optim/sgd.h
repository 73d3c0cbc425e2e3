// Stochastic gradient descent.
#pragma once

#include <voxgrad/optim/optimizer.h>

namespace [[gnu::visibility("default")]] voxgrad {
namespace optim {

struct SGDOptions {
  double learning_rate = 1e-3;
  double momentum = 0;
  double dampening = 0;     ///< the gradient enters the momentum with 1 - dampening, from step 2 on
  double weight_decay = 0;  ///< added to the gradient, times the parameter
  bool nesterov = false;    ///< needs momentum > 0 and dampening 0
};

/// SGD's step on one dense parameter, with momentum_buffer where there is momentum.
void sgd_update(ParameterStep& step, const SGDOptions& options);

/// torch.optim.SGD: b = momentum * b + (1 - dampening) * g (b = g at the first step), then
/// p -= learning_rate * b, or with nesterov p -= learning_rate * (g + momentum * b).
class SGD final : public Optimizer {
 public:
  /// @throws ShapeError for options outside their ranges; else as Optimizer.
  explicit SGD(std::vector<Tensor> parameters, const SGDOptions& options = {});
  const SGDOptions& options() const { return options_; }

 private:
  void update(ParameterStep& step) override;
  SGDOptions options_;
};

}  // namespace optim
}  // namespace voxgrad
