// Internal: losses between class scores and integer labels: values, no graph.
//
// Scores lie plain or channels-last, (batch, classes, size...); labels lie plain, (batch, size...),
// int64, int32 or uint8. So label i belongs to position i of class_shape(scores, 1). Labels outside
// their range throw IndexError before anything visible is written.
#pragma once

#include <optional>
#include <string_view>

#include <voxgrad/core/tensor.h>
#include <voxgrad/ops/softmax.h>

namespace [[gnu::visibility("default")]] voxgrad {
namespace ops {

/// Which labels count, and how.
struct LabelTerms {
  std::string_view op;                ///< for error texts
  std::optional<Index> ignore_index;  ///< positions with this label count nothing
  double smoothing = 0;               ///< share of the target spread over all classes
  Index first_class = 0;              ///< label of channel 0; labels below it belong to no channel
};

/// Per sample and class, in the dtype of the scores: sums over positions that count.
struct Overlap {
  Tensor shared;  ///< of scores where the label is the class
  Tensor scores;  ///< of scores
  Tensor labels;  ///< of 1 where the label is the class
};

/// `weight` is (classes), plain, or undefined (1).
struct LossKernels {
  /// totals (float64): sum of the losses, sum of the weights of the labels. losses (positions), may
  /// be undefined.
  void (*cross_entropy)(const ClassShape&, const LabelTerms&, const Tensor& scores,
                        const Tensor& labels, const Tensor& weight, Tensor& losses, Tensor& totals);
  /// grad: one element or one per position, divided by totals[1] where totals is defined.
  void (*cross_entropy_gradient)(const ClassShape&, const LabelTerms&, const Tensor& scores,
                                 const Tensor& labels, const Tensor& weight, const Tensor& totals,
                                 const Tensor& grad, Tensor& dscores);
  void (*target)(const ClassShape&, const LabelTerms&, const Tensor& labels, const Tensor& weight,
                 Tensor& result);
  void (*one_hot)(Index classes, const Tensor& labels, Tensor& result);
  void (*overlap)(const ClassShape&, const LabelTerms&, Index samples, const Tensor& scores,
                  const Tensor& labels, Overlap& result);
  void (*overlap_adjoint)(const ClassShape&, const LabelTerms&, Index samples, const Tensor& labels,
                          const Tensor& shared, const Tensor& scores, Tensor& result);
};

/// Of the device's type; from here on this thread's kernels run on that device.
const LossKernels& loss_kernels(Device device);

namespace cpu {
extern const LossKernels kLoss;
}
namespace cuda {
extern const LossKernels kLoss;
}

/// x itself where it lies plain or channels-last, else a channels-last copy.
Tensor scores_layout(const Tensor& x);

struct CrossEntropy {
  Tensor losses;  ///< (batch, size...); undefined unless asked for
  Tensor totals;  ///< (2), float64: sum of the losses, sum of the weights of the labels
};

/// Loss of a position with label y: weight[y] * (1 - s) * -logp[y] + s / classes * sum of weight *
/// -logp, s the smoothing.
CrossEntropy cross_entropy(const LabelTerms& terms, const Tensor& scores, const Tensor& labels,
                           const Tensor& weight, bool each);

/// Gradient of the losses by the scores; totals defined: of their mean.
Tensor cross_entropy_gradient(const LabelTerms& terms, const Tensor& scores, const Tensor& labels,
                              const Tensor& weight, const Tensor& totals, const Tensor& grad);

/// The factor of -logp in each position's loss: (batch, classes, size...), channels-last, in
/// `dtype`.
Tensor target(const LabelTerms& terms, const Tensor& labels, Index classes, const Tensor& weight,
              DType dtype);

/// int64 (labels' shape, classes): 1 at the label.
Tensor one_hot(const Tensor& labels, Index classes);

/// Linear in scores.
Overlap overlap(const LabelTerms& terms, const Tensor& scores, const Tensor& labels);

/// The adjoint of overlap's first two results: `scores` everywhere that counts, plus `shared` where
/// the label is the class. Of the given shape, channels-last.
Tensor overlap_adjoint(const LabelTerms& terms, const Shape& shape, const Tensor& labels,
                       const Tensor& shared, const Tensor& scores);

}  // namespace ops
}  // namespace voxgrad
