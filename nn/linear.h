// The affine layer.
#pragma once

#include <optional>

#include <voxgrad/nn/module.h>

namespace [[gnu::visibility("default")]] voxgrad {
namespace nn {

struct LinearOptions {
  Index in_features = 0;
  Index out_features = 0;
  bool bias = true;
  Device device = {};               ///< of the parameters, which are drawn on the CPU
  std::optional<DType> dtype = {};  ///< default_dtype() when not given
};

/// y = x W^T + b, as torch.nn.Linear: x is (..., in_features), weight (out_features, in_features).
/// Initial values are uniform in +-1 / sqrt(in_features).
class Linear final : public Layer<Linear> {
 public:
  /// @throws ShapeError unless both numbers of features are >= 1; DTypeError unless floating.
  explicit Linear(const LinearOptions& options);

  Tensor forward(const Tensor& x) const;
  /// Draws the initial values anew.
  void reset_parameters();
  void visit(Visitor& visitor) override;
  std::string extra_repr() const override;
  const LinearOptions& options() const { return options_; }

  Tensor weight;
  Tensor bias;  ///< undefined without one

 private:
  LinearOptions options_;
};

}  // namespace nn
}  // namespace voxgrad
