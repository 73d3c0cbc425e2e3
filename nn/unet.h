// A U-Net of any rank: encoder and decoder of convolution blocks with skip connections
// (Ronneberger et al., https://arxiv.org/abs/1505.04597; in three dimensions Cicek et al.,
// https://arxiv.org/abs/1606.06650).
#pragma once

#include <optional>
#include <vector>

#include <voxgrad/nn/container.h>
#include <voxgrad/nn/conv.h>

namespace [[gnu::visibility("default")]] voxgrad {
namespace nn {

enum class UNetNorm { none, batch, instance };
enum class UNetActivation { relu, leaky_relu };

struct UNetOptions {
  Index in_channels = 1;
  Index out_channels = 2;                         ///< classes
  std::vector<Index> channels = {8, 16, 32, 64};  ///< per level, the finest first
  int convs_per_level = 2;
  Spatial kernel_size = 3;             ///< of the blocks' convolutions, which keep the size
  UNetNorm norm = UNetNorm::instance;  ///< affine
  UNetActivation activation = UNetActivation::leaky_relu;
  double negative_slope = 0.01;
  std::optional<DType> dtype = {};  ///< default_dtype() when not given
};

/// Each level is convs_per_level times convolution, norm, activation. Maximum pooling by 2 leads
/// down; a transposed convolution of kernel and stride 2 leads up, its output fitted to the skip,
/// so that any size works from 2^(levels - 1) on. Skips are joined in front. A convolution of
/// kernel 1 makes the result.
///
/// Names: "encoder.<level>.<number>", "up.<step>", "decoder.<step>.<number>", "head"; initial
/// values are drawn in this order.
template <int Rank>
class UNet final : public Layer<UNet<Rank>> {
 public:
  /// @throws ShapeError unless there is a level and all numbers are >= 1.
  explicit UNet(const UNetOptions& options);

  /// @param x  (batch, in_channels, size...)
  /// @return   (batch, out_channels, size...): logits
  /// @throws ShapeError for other ranks and channels, and for sizes below 2^(levels - 1).
  Tensor forward(const Tensor& x);
  void visit(Visitor& visitor) override;
  std::string type_name() const override;
  const UNetOptions& options() const { return options_; }

 private:
  UNetOptions options_;
  ModuleList<Sequential> encoder_;
  ModuleList<ConvTranspose<Rank>> up_;
  ModuleList<Sequential> decoder_;
  Conv<Rank> head_;
};

extern template class UNet<1>;
extern template class UNet<2>;
extern template class UNet<3>;

using UNet1d = UNet<1>;
using UNet2d = UNet<2>;
using UNet3d = UNet<3>;

}  // namespace nn
}  // namespace voxgrad
