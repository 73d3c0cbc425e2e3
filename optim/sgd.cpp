#include <voxgrad/optim/sgd.h>

#include <voxgrad/core/check.h>
#include <voxgrad/core/parallel.h>
#include <voxgrad/optim/pass.h>

namespace voxgrad::optim {
namespace {

// The options as the arithmetic takes them, rounded to the parameter's dtype as PyTorch does.
template <typename T>
struct Rates {
  T step, momentum, entering, decay;
  bool nesterov;
};

template <typename T>
void update_plain(const Rates<T>& rates, T* __restrict p, const T* __restrict g, Index count) {
  for (Index i = 0; i < count; ++i) {
    const T grad = decayed(g[i], rates.decay, p[i]);
    p[i] += -rates.step * grad;
  }
}

template <typename T>
void update_momentum(const Rates<T>& rates, bool first, T* __restrict p, const T* __restrict g,
                     T* __restrict b, Index count) {
  for (Index i = 0; i < count; ++i) {
    const T grad = decayed(g[i], rates.decay, p[i]);
    const T moving = first ? grad : b[i] * rates.momentum + rates.entering * grad;
    b[i] = moving;
    p[i] += -rates.step * (rates.nesterov ? grad + rates.momentum * moving : moving);
  }
}

}  // namespace

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
  visit_floating(step.parameter.dtype(), [&]<typename T>() {
    const Rates<T> rates{static_cast<T>(options.learning_rate), static_cast<T>(options.momentum),
                         static_cast<T>(1 - options.dampening),
                         static_cast<T>(options.weight_decay), options.nesterov};
    T* const p = step.parameter.mutable_data<T>();
    const T* const g = step.grad.data<T>();
    T* const b = step.buffers.empty() ? nullptr : step.buffers[0].mutable_data<T>();
    parallel_ranges(step.parameter.numel(), kGrain, [&](Index begin, Index end) {
      if (b == nullptr) {
        update_plain(rates, p + begin, g + begin, end - begin);
      } else {
        update_momentum(rates, step.step == 1, p + begin, g + begin, b + begin, end - begin);
      }
    });
  });
}

}  // namespace voxgrad::optim
