// Losses as layers, for networks that hold them as members; the functions are in
// autograd/functions/loss.h.
#pragma once

#include <voxgrad/autograd/functions/loss.h>
#include <voxgrad/nn/module.h>

namespace [[gnu::visibility("default")]] voxgrad {
namespace nn {

/// cross_entropy with fixed options: torch.nn.CrossEntropyLoss.
class CrossEntropyLoss final : public Layer<CrossEntropyLoss> {
 public:
  explicit CrossEntropyLoss(const CrossEntropyOptions& options = {}) : options_(options) {}
  Tensor forward(const Tensor& logits, const Tensor& labels) const {
    return cross_entropy(logits, labels, options_);
  }
  void visit(Visitor& visitor) override { visitor.buffer("weight", options_.weight); }

 private:
  CrossEntropyOptions options_;
};

/// dice_loss with fixed options.
class DiceLoss final : public Layer<DiceLoss> {
 public:
  explicit DiceLoss(const DiceLossOptions& options = {}) : options_(options) {}
  Tensor forward(const Tensor& logits, const Tensor& labels) const {
    return dice_loss(logits, labels, options_);
  }
  void visit(Visitor&) override {}

 private:
  DiceLossOptions options_;
};

/// mse_loss: torch.nn.MSELoss.
class MSELoss final : public Layer<MSELoss> {
 public:
  explicit MSELoss(Reduction reduction = Reduction::mean) : reduction_(reduction) {}
  Tensor forward(const Tensor& x, const Tensor& y) const { return mse_loss(x, y, reduction_); }
  void visit(Visitor&) override {}

 private:
  Reduction reduction_;
};

}  // namespace nn
}  // namespace voxgrad
