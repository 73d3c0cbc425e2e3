// Adam and AdamW.
#pragma once

#include <voxgrad/optim/optimizer.h>

namespace [[gnu::visibility("default")]] voxgrad {
namespace optim {

struct AdamOptions {
  double learning_rate = 1e-3;
  double beta1 = 0.9;       ///< decay of the mean gradient
  double beta2 = 0.999;     ///< decay of the mean squared gradient
  double eps = 1e-8;        ///< added to the root
  double weight_decay = 0;  ///< added to the gradient, times the parameter
  bool amsgrad = false;     ///< divide by the largest mean square so far
};

struct AdamWOptions {
  double learning_rate = 1e-3;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double eps = 1e-8;
  double weight_decay = 1e-2;  ///< decoupled: p *= 1 - learning_rate * weight_decay
  bool amsgrad = false;
};

/// Adam's step on one dense parameter with buffers exp_avg, exp_avg_sq and with amsgrad
/// max_exp_avg_sq; `decoupled` is AdamW's weight decay.
void adam_update(ParameterStep& step, const AdamOptions& options, bool decoupled);

/// torch.optim.Adam (Kingma and Ba, https://arxiv.org/abs/1412.6980): with m and v the decaying
/// means of g and g^2, p -= learning_rate / (1 - beta1^t) * m / (sqrt(v) / sqrt(1 - beta2^t) +
/// eps).
class Adam : public Optimizer {
 public:
  /// @throws ShapeError for options outside their ranges; else as Optimizer.
  explicit Adam(std::vector<Tensor> parameters, const AdamOptions& options = {});
  const AdamOptions& options() const { return options_; }

 protected:
  Adam(std::string_view name, std::vector<Tensor> parameters, const AdamOptions& options,
       bool decoupled);

 private:
  void update(ParameterStep& step) override;
  AdamOptions options_;
  bool decoupled_;
};

/// torch.optim.AdamW (Loshchilov and Hutter, https://arxiv.org/abs/1711.05101): Adam whose weight
/// decay acts on the parameter and not through the gradient.
class AdamW final : public Adam {
 public:
  explicit AdamW(std::vector<Tensor> parameters, const AdamWOptions& options = {});
};

}  // namespace optim
}  // namespace voxgrad
