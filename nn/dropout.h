// Dropout as layers, which act in training mode only and draw from default_generator().
#pragma once

#include <voxgrad/nn/module.h>

namespace [[gnu::visibility("default")]] voxgrad {
namespace nn {

struct DropoutOptions {
  double p = 0.5;  ///< probability of a zero, in [0, 1]
  bool inplace = false;
};

/// Zeros among the elements: torch.nn.Dropout.
class Dropout final : public Layer<Dropout> {
 public:
  /// @throws ShapeError unless p is in [0, 1].
  explicit Dropout(const DropoutOptions& options = {});
  Tensor forward(const Tensor& x) const;
  void visit(Visitor&) override {}
  std::string extra_repr() const override;

 private:
  DropoutOptions options_;
};

/// Zeros among whole channels: torch.nn.Dropout{1,2,3}d.
template <int Rank>
class FeatureDropout final : public Layer<FeatureDropout<Rank>> {
 public:
  /// @throws ShapeError unless p is in [0, 1].
  explicit FeatureDropout(const DropoutOptions& options = {});
  /// @param x  (batch, channels, size...) or (channels, size...)
  /// @throws ShapeError for other ranks.
  Tensor forward(const Tensor& x) const;
  void visit(Visitor&) override {}
  std::string type_name() const override;
  std::string extra_repr() const override;

 private:
  DropoutOptions options_;
};

extern template class FeatureDropout<1>;
extern template class FeatureDropout<2>;
extern template class FeatureDropout<3>;

using Dropout1d = FeatureDropout<1>;
using Dropout2d = FeatureDropout<2>;
using Dropout3d = FeatureDropout<3>;

}  // namespace nn
}  // namespace voxgrad
