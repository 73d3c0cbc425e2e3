// Sums of scores per sample and class, and their adjoint.
#include <voxgrad/ops/cuda/fold.h>
#include <voxgrad/ops/cuda/labels.h>
#include <voxgrad/ops/cuda/loss_kernels.h>
#include <voxgrad/ops/cuda/score_statistics.h>

namespace voxgrad::ops::cuda {
namespace {

struct Sums {
  double shared, scores, labels;
};

struct AddSums {
  using Total = Sums;
  static constexpr Total identity() { return {0, 0, 0}; }
  static constexpr Total merge(Total a, Total b) {
    return {a.shared + b.shared, a.scores + b.scores, a.labels + b.labels};
  }
};

/// Of one class and sample.
template <typename T>
struct OverlapElement {
  const Labels& labels;
  const T* x;
  Index step, first_label, channel;
  __device__ Sums operator()(Index j) const {
    const Index y = labels(first_label + j);
    const double score = static_cast<double>(x[j * step]);
    const bool mine = y == channel;
    return {mine ? score : 0.0, y == kIgnored ? 0.0 : score, mine ? 1.0 : 0.0};
  }
};

/// Outputs are (sample, class), `size` positions each.
template <typename T>
struct Overlaps {
  using Merge = AddSums;
  Labels labels;
  const T* x;
  Index size;
  bool channels_last;
  __device__ Sums operator()(Index output, Index first, Index step) const {
    const Index classes = labels.rule.classes;
    const Divided place = divide(output, classes);
    const Index sample = place.quotient * size;
    const Index start = sample * classes + place.rest * (channels_last ? 1 : size);
    const OverlapElement<T> element{labels, x + start, channels_last ? classes : 1, sample,
                                    place.rest};
    return fold_elements<Merge, 8>(element, first, step, size);
  }
};

template <typename T>
struct StoreSums {
  T *shared, *scores, *labels;
  __device__ void operator()(Index output, const Sums& total) const {
    shared[output] = static_cast<T>(total.shared);
    scores[output] = static_cast<T>(total.scores);
    labels[output] = static_cast<T>(total.labels);
  }
};

template <typename T>
struct Spread {
  ClassShape shape;
  Labels labels;
  Index size;
  const T *shared, *scores;
  T* to;
  __device__ void operator()(Index i) const {
    const auto [position, channel] = place_of(shape, i);
    const Index y = labels(position);
    const Index sum = divide(position, size).quotient * shape.classes + channel;
    T value = y == kIgnored ? T(0) : scores[sum];
    if (y == channel) value += shared[sum];
    to[i] = value;
  }
};

Index size_of_samples(const ClassShape& shape, Index samples) {
  return samples > 0 ? shape.positions() / samples : 0;
}

}  // namespace

void overlap(const ClassShape& shape, const LabelTerms& terms, Index samples, const Tensor& scores,
             const Tensor& labels, Overlap& result) {
  check_labels(labels, terms, shape.classes);
  const Index size = size_of_samples(shape, samples);
  const bool channels_last = shape.inner == 1;
  const FoldShape sums = channels_last ? FoldShape{samples, size, shape.classes}
                                       : FoldShape{samples * shape.classes, size, 1};
  visit_floating(scores.dtype(), [&]<typename T>() {
    fold(terms.op, sums,
         Overlaps<T>{Labels(labels, terms, shape.classes), scores.data<T>(), size, channels_last},
         StoreSums<T>{result.shared.mutable_data<T>(), result.scores.mutable_data<T>(),
                      result.labels.mutable_data<T>()});
  });
}

void overlap_adjoint(const ClassShape& shape, const LabelTerms& terms, Index samples,
                     const Tensor& labels, const Tensor& shared, const Tensor& scores,
                     Tensor& result) {
  visit_floating(result.dtype(), [&]<typename T>() {
    launch(terms.op, result.numel(),
           Spread<T>{shape, Labels(labels, terms, shape.classes), size_of_samples(shape, samples),
                     shared.data<T>(), scores.data<T>(), result.mutable_data<T>()});
  });
}

}  // namespace voxgrad::ops::cuda
