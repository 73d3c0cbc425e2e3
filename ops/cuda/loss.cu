// Losses over classes. Sums are those of fold(), in float64; what is made of each score is made
// element by element. Only the functions that see labels first check them, since that waits for the
// device; in the others a label that stands for nothing counts nothing.
#include <voxgrad/ops/loss.h>

#include <voxgrad/ops/cuda/labels.h>
#include <voxgrad/ops/cuda/loss_kernels.h>
#include <voxgrad/ops/cuda/score_statistics.h>
#include <voxgrad/ops/norm_function.h>

namespace voxgrad::ops::cuda {
namespace {

struct WeightElement {
  const Parameter& each;
  __device__ double operator()(Index c) const { return each[c]; }
};

struct AllWeights {
  using Merge = AddDoubles;
  Parameter each;
  Index classes;
  __device__ double operator()(Index, Index first, Index step) const {
    return fold_elements<Merge>(WeightElement{each}, first, step, classes);
  }
};

struct StoreDouble {
  double* to;
  __device__ void operator()(Index, double total) const { *to = total; }
};

/// What a label's losses are made of: share is that of each class in the smoothed target.
struct Weights {
  Parameter each;
  const double* sum;  ///< over classes; null: it counts nothing
  double share, rest;

  /// `memory` holds the sum, one number.
  Weights(const Tensor& weight, const LabelTerms& terms, Index classes, double* memory)
      : each(weight, 1),
        sum(nullptr),
        share(terms.smoothing / static_cast<double>(classes)),
        rest(1 - terms.smoothing) {
    if (share == 0) return;
    fold(terms.op, {1, classes, 1}, AllWeights{each, classes}, StoreDouble{memory});
    sum = memory;
  }

  /// Of the logarithm of the sum of powers, for a label of channel y.
  __device__ double log_factor(Index y) const { return rest * each[y] + spread(); }
  __device__ double spread() const { return sum ? share * *sum : 0; }
};

struct LossAndWeight {
  double loss, weight;
};

struct AddLosses {
  using Total = LossAndWeight;
  static constexpr Total identity() { return {0, 0}; }
  static constexpr Total merge(Total a, Total b) { return {a.loss + b.loss, a.weight + b.weight}; }
};

template <typename T>
struct CrossEntropyElement {
  ClassShape shape;
  Labels labels;
  Weights weights;
  const ScoreStatistics<T>* statistics;
  const T* scores;
  T* losses;  // may be null

  // -logp[c] = (largest - x[c]) + log(sum): in this order large scores lose nothing.
  __device__ LossAndWeight operator()(Index position) const {
    const Index y = labels(position);
    LossAndWeight result{0, 0};
    if (y >= 0) {
      const auto [largest, sum] = statistics[position];
      const T* x = scores + start_of(shape, position);
      result.weight = weights.each[y];
      result.loss = weights.rest * result.weight * apart(largest, x[y * shape.inner]) +
                    weights.log_factor(y) * static_cast<double>(std::log(sum));
      for (Index c = 0; weights.share > 0 && c < shape.classes; ++c)
        result.loss += weights.share * weights.each[c] * apart(largest, x[c * shape.inner]);
    }
    if (losses) losses[position] = static_cast<T>(result.loss);
    return result;
  }

 private:
  __device__ static double apart(T largest, T x) { return static_cast<double>(largest - x); }
};

/// All positions are of one output.
template <typename T>
struct AllLosses {
  using Merge = AddLosses;
  CrossEntropyElement<T> element;
  __device__ LossAndWeight operator()(Index, Index first, Index step) const {
    return fold_elements<Merge, 4>(element, first, step, element.shape.positions());
  }
};

struct StoreTotals {
  double* to;
  __device__ void operator()(Index, const LossAndWeight& total) const {
    to[0] = total.loss;
    to[1] = total.weight;
  }
};

void cross_entropy(const ClassShape& shape, const LabelTerms& terms, const Tensor& scores,
                   const Tensor& labels, const Tensor& weight, Tensor& losses, Tensor& totals) {
  check_labels(labels, terms, shape.classes);
  DeviceArray<double> sum(1);
  const Weights weights(weight, terms, shape.classes, sum.data());
  visit_floating(scores.dtype(), [&]<typename T>() {
    const T* x = scores.data<T>();
    DeviceArray<ScoreStatistics<T>> statistics = score_statistics(terms.op, shape, x);
    const CrossEntropyElement<T> element{
        shape,   Labels(labels, terms, shape.classes),
        weights, statistics.data(),
        x,       losses.defined() ? losses.mutable_data<T>() : nullptr};
    fold(terms.op, {1, shape.positions(), 1}, AllLosses<T>{element},
         StoreTotals{totals.mutable_data<double>()});
  });
}

/// dscore[c] = exp(x[c] - largest) * power - weight[c] * constant, less at_label for the label's
/// class; 0 where no label counts.
template <typename T>
struct PositionGradient {
  T largest, power, constant, at_label;
  Index label;
};

// With f = weight[y] * (1 - s) and the share s / classes, times the incoming gradient g of the
// position:
//   d loss / d x[c] = g * ((f + share * sum of weights) * p[c] - f * [c == y] - share * weight[c])
template <typename T>
struct PositionGradients {
  Labels labels;
  Weights weights;
  const ScoreStatistics<T>* statistics;
  const double* totals;  // may be null
  const T* grad;
  bool one_grad;
  PositionGradient<T>* to;
  __device__ void operator()(Index i) const {
    const Index y = labels(i);
    if (y < 0) {
      to[i] = {T(0), T(0), T(0), T(0), y};
      return;
    }
    const double factor = totals ? 1 / totals[1] : 1;
    const double g = factor * static_cast<double>(grad[one_grad ? 0 : i]);
    const double f = g * weights.each[y] * weights.rest;
    const auto [largest, sum] = statistics[i];
    to[i] = {largest, static_cast<T>(f + g * weights.spread()) / sum,
             static_cast<T>(g * weights.share), static_cast<T>(f), y};
  }
};

template <typename T>
struct CrossEntropyGradient {
  ClassShape shape;
  Parameter weight;
  const PositionGradient<T>* positions;
  const T* x;
  T* dx;
  __device__ void operator()(Index i) const {
    const auto [position, channel] = place_of(shape, i);
    const PositionGradient<T>& at = positions[position];
    T value = 0;  // scores of ignored positions may hold anything
    if (at.label >= 0) {
      value =
          std::exp(x[i] - at.largest) * at.power - static_cast<T>(weight[channel]) * at.constant;
      if (channel == at.label) value -= at.at_label;
    }
    dx[i] = value;
  }
};

void cross_entropy_gradient(const ClassShape& shape, const LabelTerms& terms, const Tensor& scores,
                            const Tensor& labels, const Tensor& weight, const Tensor& totals,
                            const Tensor& grad, Tensor& dscores) {
  DeviceArray<double> sum(1);
  const Weights weights(weight, terms, shape.classes, sum.data());
  visit_floating(scores.dtype(), [&]<typename T>() {
    const T* x = scores.data<T>();
    DeviceArray<ScoreStatistics<T>> statistics = score_statistics(terms.op, shape, x);
    DeviceArray<PositionGradient<T>> gradients(shape.positions());
    auto* const positions = gradients.data();
    launch(terms.op, shape.positions(),
           PositionGradients<T>{Labels(labels, terms, shape.classes), weights, statistics.data(),
                                totals.defined() ? totals.data<double>() : nullptr, grad.data<T>(),
                                grad.numel() == 1, positions});
    launch(terms.op, scores.numel(),
           CrossEntropyGradient<T>{shape, weights.each, positions, x, dscores.mutable_data<T>()});
  });
}

template <typename T>
struct Target {
  ClassShape shape;
  Labels labels;
  Parameter weight;
  double share, rest;
  T* to;
  __device__ void operator()(Index i) const {
    const auto [position, channel] = place_of(shape, i);
    const Index y = labels(position);
    T value = y < 0 ? T(0) : static_cast<T>(share * weight[channel]);
    if (channel == y) value += static_cast<T>(rest * weight[channel]);
    to[i] = value;
  }
};

void target(const ClassShape& shape, const LabelTerms& terms, const Tensor& labels,
            const Tensor& weight, Tensor& result) {
  check_labels(labels, terms, shape.classes);
  visit_floating(result.dtype(), [&]<typename T>() {
    launch(terms.op, result.numel(),
           Target<T>{shape, Labels(labels, terms, shape.classes), Parameter(weight, 1),
                     terms.smoothing / static_cast<double>(shape.classes), 1 - terms.smoothing,
                     result.mutable_data<T>()});
  });
}

struct OneHot {
  Labels labels;
  std::int64_t* to;
  __device__ void operator()(Index i) const {
    const Divided place = divide(i, labels.rule.classes);
    to[i] = place.rest == labels(place.quotient) ? 1 : 0;
  }
};

void one_hot(Index classes, const Tensor& labels, Tensor& result) {
  const LabelTerms terms{.op = "one_hot", .ignore_index = {}};
  check_labels(labels, terms, classes);
  launch(terms.op, result.numel(),
         OneHot{Labels(labels, terms, classes), result.mutable_data<std::int64_t>()});
}

}  // namespace

const LossKernels kLoss = {.cross_entropy = cross_entropy,
                           .cross_entropy_gradient = cross_entropy_gradient,
                           .target = target,
                           .one_hot = one_hot,
                           .overlap = overlap,
                           .overlap_adjoint = overlap_adjoint};

}  // namespace voxgrad::ops::cuda
