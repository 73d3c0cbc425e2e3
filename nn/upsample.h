// Resampling as a layer.
#pragma once

#include <voxgrad/autograd/functions/resample.h>
#include <voxgrad/nn/module.h>

namespace [[gnu::visibility("default")]] voxgrad {
namespace nn {

/// interpolate with fixed options: torch.nn.Upsample.
class Upsample final : public Layer<Upsample> {
 public:
  /// @throws ShapeError unless one of size and scale_factor is given.
  explicit Upsample(const InterpolateOptions& options);
  /// @param x  (batch, channels, size...)
  Tensor forward(const Tensor& x) const;
  void visit(Visitor&) override {}
  /// PyTorch's, which names the linear modes by their rank: here the number of sizes or scale
  /// factors, so one of them for all axes is 'linear'.
  std::string extra_repr() const override;

 private:
  InterpolateOptions options_;
};

}  // namespace nn
}  // namespace voxgrad
