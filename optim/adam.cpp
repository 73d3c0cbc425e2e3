#include <voxgrad/optim/adam.h>

#include <cmath>

#include <voxgrad/ops/update.h>

namespace voxgrad::optim {

Adam::Adam(std::string_view name, std::vector<Tensor> parameters, const AdamOptions& options,
           bool decoupled)
    : Optimizer(name, std::move(parameters), options.learning_rate,
                options.amsgrad
                    ? std::vector<std::string>{"exp_avg", "exp_avg_sq", "max_exp_avg_sq"}
                    : std::vector<std::string>{"exp_avg", "exp_avg_sq"}),
      options_(options),
      decoupled_(decoupled) {
  check_option(name, "beta1", options.beta1, 0, 1);
  check_option(name, "beta2", options.beta2, 0, 1);
  check_option(name, "eps", options.eps);
  check_option(name, "weight_decay", options.weight_decay);
}

Adam::Adam(std::vector<Tensor> parameters, const AdamOptions& options)
    : Adam("Adam", std::move(parameters), options, false) {}

AdamW::AdamW(std::vector<Tensor> parameters, const AdamWOptions& options)
    : Adam("AdamW", std::move(parameters),
           AdamOptions{options.learning_rate, options.beta1, options.beta2, options.eps,
                       options.weight_decay, options.amsgrad},
           true) {}

void Adam::update(ParameterStep& step) {
  AdamOptions now = options_;
  now.learning_rate = learning_rate();
  adam_update(step, now, decoupled_);
}

void adam_update(ParameterStep& step, const AdamOptions& options, bool decoupled) {
  const double t = static_cast<double>(step.step);
  const double correction1 = 1 - std::pow(options.beta1, t);
  const double correction2 = 1 - std::pow(options.beta2, t);
  const ops::AdamRates rates{
      .keep = decoupled ? 1 - options.learning_rate * options.weight_decay : 1,
      .decay = decoupled ? 0 : options.weight_decay,
      .enter1 = 1 - options.beta1,
      .beta2 = options.beta2,
      .enter2 = 1 - options.beta2,
      .correction = std::sqrt(correction2),
      .eps = options.eps,
      .step = -options.learning_rate / correction1};
  ops::adam_step(rates, step.parameter, step.grad, step.buffers[0], step.buffers[1],
                 options.amsgrad ? step.buffers[2] : Tensor());
}

}  // namespace voxgrad::optim
