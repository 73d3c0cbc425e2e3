#include <voxgrad/autograd/functions/loss.h>

#include <array>

#include <voxgrad/autograd/functions/elementwise.h>
#include <voxgrad/autograd/functions/loss_support.h>
#include <voxgrad/autograd/functions/reduce.h>
#include <voxgrad/autograd/functions/shape.h>
#include <voxgrad/autograd/functions/softmax.h>
#include <voxgrad/autograd/node.h>
#include <voxgrad/core/check.h>
#include <voxgrad/ops/elementwise.h>
#include <voxgrad/ops/layout.h>
#include <voxgrad/ops/loss.h>

namespace voxgrad {
namespace {

void check_labels_dtype(std::string_view op, const Tensor& labels) {
  VG_CHECK(labels.defined(), DTypeError, "{}: labels must be defined", op);
  const DType dtype = labels.dtype();
  VG_CHECK(dtype == DType::int64 || dtype == DType::int32 || dtype == DType::uint8, DTypeError,
           "{}: labels must be int64, int32 or uint8; got {}", op, name(dtype));
}

/// scores (batch, classes, size...), labels (batch, size...).
void check_pair(std::string_view op, const Tensor& scores, const Tensor& labels) {
  check_scores(op, scores);
  check_labels_dtype(op, labels);
  VG_CHECK(scores.dim() >= 2 && scores.size(1) >= 1, ShapeError,
           "{}: scores must be (batch, classes, size...) with at least one class; got {}", op,
           scores.shape());
  Shape wanted = scores.shape();
  wanted.erase(wanted.begin() + 1);
  VG_CHECK(labels.shape() == wanted, ShapeError,
           "{}: labels must have shape {} for scores {}; got {}", op, wanted, scores.shape(),
           labels.shape());
  VG_CHECK(labels.device() == scores.device(), DeviceError,
           "{}: scores and labels must be on one device; got {} and {}", op,
           to_string(scores.device()), to_string(labels.device()));
}

void check_weight(std::string_view op, const Tensor& weight, const Tensor& scores) {
  if (!weight.defined()) return;
  VG_CHECK(weight.dim() == 1 && weight.size(0) == scores.size(1), ShapeError,
           "{}: weight must have shape [{}], one per class; got {}", op, scores.size(1),
           weight.shape());
  VG_CHECK(weight.dtype() == scores.dtype(), DTypeError,
           "{}: weight must be {} as the scores; got {}", op, name(scores.dtype()),
           name(weight.dtype()));
  VG_CHECK(weight.device() == scores.device(), DeviceError,
           "{}: scores and weight must be on one device; got {} and {}", op,
           to_string(scores.device()), to_string(weight.device()));
}

/// Gradient of the cross entropy from functions that can be differentiated again: (softmax * sum of
/// target - target) * grad.
Tensor composed_cross_entropy_gradient(const ops::LabelTerms& terms, std::span<const Tensor> saved,
                                       Tensor grad) {
  const auto& [logits, labels, weight, totals] = std::tie(saved[0], saved[1], saved[2], saved[3]);
  const Tensor target = ops::target(terms, labels, logits.size(1), weight, logits.dtype());
  if (totals.defined()) grad = grad / totals.select(0, 1).to(grad.dtype());
  if (grad.dim() > 0) grad = grad.unsqueeze(1);
  return (softmax(logits, 1) * sum(target, {1}, true) - target) * grad;
}

/// The loss of a reduction from ops::cross_entropy's results, without history.
Tensor cross_entropy_value(const ops::CrossEntropy& entropy, Reduction reduction, DType dtype) {
  if (reduction == Reduction::none) return entropy.losses;
  const NoGrad values_only;
  const Tensor total = entropy.totals.select(0, 0);
  return (reduction == Reduction::mean ? total / entropy.totals.select(0, 1) : total.clone())
      .to(dtype);
}

Tensor batched_cross_entropy(const Tensor& logits, const Tensor& labels,
                             const CrossEntropyOptions& options) {
  const ops::LabelTerms terms{.op = "cross_entropy",
                              .ignore_index = options.ignore_index,
                              .smoothing = options.label_smoothing};
  const Reduction reduction = options.reduction;
  const Tensor values = ops::scores_layout(logits);
  const ops::CrossEntropy entropy =
      ops::cross_entropy(terms, values, labels, options.weight, reduction == Reduction::none);
  Rule rule = [terms](std::span<const Tensor> saved, std::span<const Tensor> grads, Needs) {
    if (grad_enabled())
      return std::vector<Tensor>{composed_cross_entropy_gradient(terms, saved, grads[0])};
    return std::vector<Tensor>{
        ops::cross_entropy_gradient(terms, saved[0], saved[1], saved[2], saved[3], grads[0])};
  };
  return record_one("cross_entropy", {logits},
                    cross_entropy_value(entropy, reduction, logits.dtype()), std::move(rule),
                    SavedTensor::with_data(logits, values), labels,
                    options.weight.defined() ? options.weight.detach() : Tensor(),
                    reduction == Reduction::mean ? entropy.totals : Tensor());
}

/// f(scores, labels) with a batch axis, which is taken off a result that has it and should not.
template <typename F>
Tensor with_batch(const Tensor& scores, const Tensor& labels, const F& f) {
  if (scores.dim() != 1) return f(scores, labels);
  const Tensor result = f(scores.unsqueeze(0), labels.unsqueeze(0));
  return result.dim() == 1 ? result.squeeze(0) : result;
}

/// Checks that hold for scores with and without a batch.
void check_classification(std::string_view op, const Tensor& scores, const Tensor& labels,
                          const Tensor& weight) {
  check_scores(op, scores);
  check_labels_dtype(op, labels);
  if (scores.dim() == 1) {
    VG_CHECK(labels.dim() == 0, ShapeError, "{}: labels must have shape [] for scores {}; got {}",
             op, scores.shape(), labels.shape());
    check_pair(op, scores.unsqueeze(0), labels.unsqueeze(0));
    check_weight(op, weight, scores.unsqueeze(0));
  } else {
    check_pair(op, scores, labels);
    check_weight(op, weight, scores);
  }
}

void check_probabilities(const Tensor& logits, const Tensor& targets, const Tensor& weight) {
  check_same("cross_entropy", logits, targets);
  VG_CHECK(logits.dim() >= 1, ShapeError,
           "cross_entropy: scores must be (batch, classes, size...) or (classes); got {}",
           logits.shape());
  const Tensor batch = logits.dim() == 1 ? logits.detach().unsqueeze(0) : logits;
  VG_CHECK(batch.size(1) >= 1, ShapeError, "cross_entropy: needs at least one class; got {}",
           logits.shape());
  check_weight("cross_entropy", weight, batch);
}

/// Cross entropy with a probability for each class; both (batch, classes, size...).
Tensor soft_cross_entropy(const Tensor& logits, const Tensor& targets,
                          const CrossEntropyOptions& options) {
  const auto classes = static_cast<double>(logits.size(1));
  const double smoothing = options.label_smoothing;
  Tensor share = targets;
  if (smoothing > 0) share = targets * (1 - smoothing) + smoothing / classes;
  if (options.weight.defined()) {
    Shape along(logits.shape().size(), 1);
    along[1] = logits.size(1);
    share = share * options.weight.reshape(along);
  }
  const Tensor losses = neg(sum(log_softmax(logits, 1) * share, {1}));
  return reduced(losses, options.reduction);
}

Tensor spread_sums(const ops::LabelTerms& terms, const Shape& shape, const Tensor& labels,
                   const Tensor& shared, const Tensor& scores);

/// (sum of scores where the label is the class, sum of scores) per sample and class; linear, the
/// adjoint of spread_sums.
std::array<Tensor, 2> class_sums(const ops::LabelTerms& terms, const Tensor& scores,
                                 const Tensor& labels, Tensor* label_counts = nullptr) {
  ops::Overlap sums = ops::overlap(terms, scores, labels);
  if (label_counts) *label_counts = sums.labels;
  std::array results{sums.shared, sums.scores};
  if (!wants_graph({scores})) return results;
  std::vector<SavedTensor> saved;
  saved.emplace_back(labels);
  const Rule rule = [terms, shape = scores.shape()](std::span<const Tensor> kept,
                                                    std::span<const Tensor> grads, Needs) {
    return std::vector<Tensor>{spread_sums(terms, shape, kept[0], grads[0], grads[1])};
  };
  record("dice_sums", std::span(&scores, 1), results, std::move(saved), rule);
  return results;
}

Tensor spread_sums(const ops::LabelTerms& terms, const Shape& shape, const Tensor& labels,
                   const Tensor& shared, const Tensor& scores) {
  const Rule rule = [terms](std::span<const Tensor> saved, std::span<const Tensor> grads, Needs) {
    const auto sums = class_sums(terms, grads[0], saved[0]);
    return std::vector<Tensor>{sums[0], sums[1]};
  };
  return record_one("dice_sums_backward", {shared, scores},
                    ops::overlap_adjoint(terms, shape, labels, shared, scores), rule, labels);
}

}  // namespace

Tensor cross_entropy(const Tensor& logits, const Tensor& labels,
                     const CrossEntropyOptions& options) {
  const bool probabilities = labels.defined() && logits.defined() && is_floating(labels.dtype()) &&
                             labels.shape() == logits.shape();
  if (probabilities) {
    check_probabilities(logits, labels, options.weight);
  } else {
    check_classification("cross_entropy", logits, labels, options.weight);
  }
  VG_CHECK(options.label_smoothing >= 0 && options.label_smoothing <= 1, ShapeError,
           "cross_entropy: label_smoothing must be in [0, 1]; got {}", options.label_smoothing);
  return with_batch(logits, labels, [&](const Tensor& scores, const Tensor& targets) {
    return probabilities ? soft_cross_entropy(scores, targets, options)
                         : batched_cross_entropy(scores, targets, options);
  });
}

Tensor nll_loss(const Tensor& log_probabilities, const Tensor& labels,
                const NllLossOptions& options) {
  check_classification("nll_loss", log_probabilities, labels, options.weight);
  const ops::LabelTerms terms{.op = "nll_loss", .ignore_index = options.ignore_index};
  return with_batch(log_probabilities, labels, [&](const Tensor& scores, const Tensor& classes) {
    const Tensor target =
        ops::target(terms, classes, scores.size(1), options.weight, scores.dtype());
    // Where the target is 0 the logarithm may be -infinity.
    const Tensor losses = sum(where(ne(target, 0), -(scores * target), 0.0), {1});
    if (options.reduction == Reduction::mean) return sum(losses) / sum(target);
    return reduced(losses, options.reduction);
  });
}

// Source: nnU-Net v2, nnunetv2/training/loss/dice.py (MemoryEfficientSoftDiceLoss); defaults as its
// trainer sets them.
Tensor dice_loss(const Tensor& logits, const Tensor& labels, const DiceLossOptions& options) {
  check_pair("dice_loss", logits, labels);
  VG_CHECK(logits.numel() > 0, ShapeError,
           "dice_loss: there must be something to compare; got logits {}", logits.shape());
  VG_CHECK(options.smooth >= 0, ShapeError, "dice_loss: smooth must not be negative; got {}",
           options.smooth);
  const Index classes = logits.size(1);
  const ops::LabelTerms terms{
      .op = "dice_loss", .ignore_index = options.ignore_index, .first_class = classes == 1 ? 1 : 0};
  const Tensor p = classes == 1 ? sigmoid(logits) : softmax(logits, 1);
  Tensor label_sums;
  const auto sums = class_sums(terms, p, labels, &label_sums);
  const auto counted = [&](const Tensor& x) {
    const Tensor foreground =
        classes > 1 && !options.include_background ? x.narrow(1, 1, classes - 1) : x;
    return options.batch_dice ? sum(foreground, {0}) : foreground;
  };
  const Tensor numerator = counted(sums[0]) * 2.0 + options.smooth;
  const Tensor denominator = counted(sums[1]) + counted(label_sums) + options.smooth;
  return 1.0 - mean(numerator / clamp(denominator, 1e-8, kInfinity));
}

Tensor one_hot(const Tensor& labels, Index classes) {
  check_labels_dtype("one_hot", labels);
  VG_CHECK(classes >= 1, ShapeError, "one_hot: classes must be at least 1; got {}", classes);
  return ops::one_hot(labels, classes);
}

}  // namespace voxgrad
