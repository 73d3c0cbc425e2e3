// Losses. Labels are int64, int32 or uint8 tensors of class numbers; they and the weights of
// classes get no gradient.
#pragma once

#include <optional>

#include <voxgrad/core/tensor.h>

namespace [[gnu::visibility("default")]] voxgrad {

/// How the losses of the elements become the result.
enum class Reduction : std::uint8_t {
  mean,  ///< a scalar: divided by the number of elements; with labels by the sum of their weights
  sum,   ///< a scalar
  none,  ///< one loss each
};

struct CrossEntropyOptions {
  Tensor weight = {};         ///< (classes), dtype of the logits; undefined is 1
  Index ignore_index = -100;  ///< positions with this label count nothing and get no gradient
  Reduction reduction = Reduction::mean;
  double label_smoothing = 0;  ///< in [0, 1]: share of the target spread over all classes
};

/// Cross entropy of softmax(logits) along axis 1: torch.nn.functional.cross_entropy with class
/// numbers.
///
/// Floating labels are probabilities for each class instead: then ignore_index means nothing, the
/// mean is over positions, and the labels (and a weight) may want gradients.
///
/// @param logits  (batch, classes, size...) or (classes); floating
/// @param labels  (batch, size...) or (), in [0, classes) or ignore_index; or probabilities of the
/// shape and dtype of the logits
/// @return a scalar; (batch, size...) with Reduction::none. NaN for the mean over no position.
/// @throws ShapeError, DTypeError, DeviceError on operands that do not fit; IndexError on labels
/// out of range.
Tensor cross_entropy(const Tensor& logits, const Tensor& labels,
                     const CrossEntropyOptions& options = {});

struct NllLossOptions {
  Tensor weight = {};
  Index ignore_index = -100;
  Reduction reduction = Reduction::mean;
};

/// -weight[label] * log_probabilities[label]: cross_entropy after log_softmax. Shapes and errors as
/// there.
Tensor nll_loss(const Tensor& log_probabilities, const Tensor& labels,
                const NllLossOptions& options = {});

/// (x - y)^2. @throws ShapeError unless the shapes are equal; DTypeError, DeviceError.
Tensor mse_loss(const Tensor& x, const Tensor& y, Reduction reduction = Reduction::mean);

/// |x - y|. Errors as mse_loss.
Tensor l1_loss(const Tensor& x, const Tensor& y, Reduction reduction = Reduction::mean);

/// -(y log p + (1 - y) log(1 - p)) with logarithms of at least -100, as
/// torch.nn.functional.binary_cross_entropy.
///
/// @param p  probabilities in [0, 1]
/// @param y  targets in [0, 1], of the same shape and dtype
/// @throws ShapeError also when a probability lies outside [0, 1] or is NaN; else as mse_loss.
Tensor binary_cross_entropy(const Tensor& p, const Tensor& y,
                            Reduction reduction = Reduction::mean);

struct BinaryCrossEntropyOptions {
  Tensor weight = {};  ///< factor of the losses; broadcasts to them; undefined is 1
  Reduction reduction = Reduction::mean;
};
Tensor binary_cross_entropy(const Tensor& p, const Tensor& y,
                            const BinaryCrossEntropyOptions& options);

struct BceWithLogitsOptions {
  Tensor weight = {};      ///< factor of the losses; broadcasts to them; undefined is 1
  Tensor pos_weight = {};  ///< factor of the positive targets; broadcasts to x; undefined is 1
  Reduction reduction = Reduction::mean;
};

/// binary_cross_entropy(sigmoid(x), y), safe for large x.
Tensor binary_cross_entropy_with_logits(const Tensor& x, const Tensor& y,
                                        const BceWithLogitsOptions& options = {});

/// d^2 / (2 beta) where d = |x - y| < beta, else d - beta / 2. Errors as mse_loss; ShapeError for
/// beta < 0.
Tensor smooth_l1_loss(const Tensor& x, const Tensor& y, double beta = 1,
                      Reduction reduction = Reduction::mean);

/// d^2 / 2 where d = |x - y| <= delta, else delta * (d - delta / 2). Errors as mse_loss; ShapeError
/// unless delta > 0.
Tensor huber_loss(const Tensor& x, const Tensor& y, double delta = 1,
                  Reduction reduction = Reduction::mean);

struct KlDivOptions {
  Reduction reduction = Reduction::mean;
  bool batchmean = false;   ///< the sum over the size of axis 0, in the place of `reduction`
  bool log_target = false;  ///< the target is given as logarithms too
};

/// t * (log t - x), 0 - t * x at t = 0: the divergence of exp(x) from the target, as
/// torch.nn.functional.kl_div.
///
/// @param x  logarithms of probabilities
/// @param target  probabilities t, of the same shape and dtype
/// @throws as mse_loss; ShapeError for batchmean of rank 0.
Tensor kl_div(const Tensor& x, const Tensor& target, const KlDivOptions& options = {});

/// The cosine of the angle between vectors along `axis`, with lengths of at least eps.
/// @return the broadcast shape of both without that axis
/// @throws ShapeError where they do not broadcast; IndexError; DTypeError unless floating.
Tensor cosine_similarity(const Tensor& x, const Tensor& y, Index axis = 1, double eps = 1e-8);

struct DiceLossOptions {
  bool batch_dice = false;                 ///< sums over the whole batch, not per sample
  bool include_background = false;         ///< count class 0 too; one channel is always foreground
  double smooth = 1e-5;                    ///< added to numerator and denominator
  std::optional<Index> ignore_index = {};  ///< positions with this label count nothing
};

/// 1 - mean over samples and classes of (2 * sum(p * g) + smooth) / max(sum(p) + sum(g) + smooth,
/// 1e-8), with p = softmax(logits) along axis 1 and g the one-hot labels. With one channel p =
/// sigmoid(logits) and g is 1 where the label is 1.
///
/// The soft Dice of nnU-Net v2 (MemoryEfficientSoftDiceLoss), which returns the negative mean
/// without the 1.
///
/// @param logits  (batch, classes, size...); floating
/// @param labels  (batch, size...), in [0, classes), or {0, 1} for one channel
/// @return a scalar in about [0, 1]
/// @throws ShapeError, DTypeError, DeviceError, IndexError as cross_entropy; ShapeError on an empty
/// batch.
Tensor dice_loss(const Tensor& logits, const Tensor& labels, const DiceLossOptions& options = {});

/// int64 (labels' shape..., classes): 1 at each label, else 0; torch.nn.functional.one_hot.
/// @throws DTypeError unless labels are integers; ShapeError unless classes >= 1; IndexError on
/// labels outside [0, classes).
Tensor one_hot(const Tensor& labels, Index classes);

}  // namespace voxgrad
