#include <voxgrad/optim/sgd.h>

#include <voxgrad/core/check.h>
#include <voxgrad/ops/update.h>

namespace voxgrad::optim {

SGD::SGD(std::vector<Tensor> parameters, const SGDOptions& options)
    : Optimizer("SGD", std::move(parameters), options.learning_rate,
                options.momentum != 0 ? std::vector<std::string>{"momentum_buffer"}
                                      : std::vector<std::string>{}),
      options_(options) {
  check_option("SGD", "momentum", options.momentum);
  check_option("SGD", "dampening", options.dampening, -1e300);
  check_option("SGD", "weight_decay", options.weight_decay);
  VG_CHECK(!options.nesterov || (options.momentum > 0 && options.dampening == 0), ShapeError,
           "SGD: nesterov needs momentum > 0 and dampening 0; got momentum {} and dampening {}",
           options.momentum, options.dampening);
}

void SGD::update(ParameterStep& step) {
  SGDOptions now = options_;
  now.learning_rate = learning_rate();
  sgd_update(step, now);
}

void sgd_update(ParameterStep& step, const SGDOptions& options) {
  const ops::SgdRates rates{.step = options.learning_rate,
                            .momentum = options.momentum,
                            .entering = 1 - options.dampening,
                            .decay = options.weight_decay,
                            .nesterov = options.nesterov,
                            .first = step.step == 1};
  ops::sgd_step(rates, step.parameter, step.grad,
                step.buffers.empty() ? Tensor() : step.buffers[0]);
}

}  // namespace voxgrad::optim
