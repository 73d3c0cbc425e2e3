#include <voxgrad/optim/adam.h>

#include <algorithm>
#include <cmath>

#include <voxgrad/core/parallel.h>
#include <voxgrad/optim/pass.h>

namespace voxgrad::optim {
namespace {

// Computed in double and rounded once to the parameter's dtype, in PyTorch's order of operations.
template <typename T>
struct Rates {
  T keep;    // what decoupled weight decay leaves of the parameter
  T decay;   // weight decay through the gradient
  T enter1;  // 1 - beta1
  T beta2, enter2;
  T correction;  // sqrt(1 - beta2^t)
  T eps;
  T step;  // -learning_rate / (1 - beta1^t)
};

template <typename T>
struct Arrays {
  T* p;
  const T* g;
  T* m;
  T* v;
  T* largest;  // null without amsgrad
};

// Rates come by value: through a reference the compiler must expect the stores to change them, and
// vectorises nothing.
template <typename T, bool Amsgrad>
void update_range(const Rates<T> rates, const Arrays<T>& arrays, Index begin, Index end) {
  T* __restrict p = arrays.p + begin;
  const T* __restrict g = arrays.g + begin;
  T* __restrict m = arrays.m + begin;
  T* __restrict v = arrays.v + begin;
  [[maybe_unused]] T* __restrict largest = Amsgrad ? arrays.largest + begin : nullptr;
  for (Index i = 0; i < end - begin; ++i) {
    const T kept = p[i] * rates.keep;
    const T grad = decayed(g[i], rates.decay, kept);
    m[i] += rates.enter1 * (grad - m[i]);
    v[i] = v[i] * rates.beta2 + rates.enter2 * grad * grad;
    T square = v[i];
    if constexpr (Amsgrad) {
      // std::max would drop a NaN that arrives second.
      square = largest[i] = largest[i] >= square ? largest[i] : square;
    }
    const T root = std::sqrt(square) / rates.correction + rates.eps;
    p[i] = kept + rates.step * m[i] / root;
  }
}

}  // namespace

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
  visit_floating(step.parameter.dtype(), [&]<typename T>() {
    const Rates<T> rates{
        .keep = static_cast<T>(decoupled ? 1 - options.learning_rate * options.weight_decay : 1),
        .decay = static_cast<T>(decoupled ? 0 : options.weight_decay),
        .enter1 = static_cast<T>(1 - options.beta1),
        .beta2 = static_cast<T>(options.beta2),
        .enter2 = static_cast<T>(1 - options.beta2),
        .correction = static_cast<T>(std::sqrt(correction2)),
        .eps = static_cast<T>(options.eps),
        .step = static_cast<T>(-options.learning_rate / correction1)};
    Arrays<T> arrays{step.parameter.mutable_data<T>(), step.grad.data<T>(),
                     step.buffers[0].mutable_data<T>(), step.buffers[1].mutable_data<T>(), nullptr};
    if (options.amsgrad) arrays.largest = step.buffers[2].mutable_data<T>();
    parallel_ranges(step.parameter.numel(), kGrain, [&](Index begin, Index end) {
      if (options.amsgrad) {
        update_range<T, true>(rates, arrays, begin, end);
      } else {
        update_range<T, false>(rates, arrays, begin, end);
      }
    });
  });
}

}  // namespace voxgrad::optim
