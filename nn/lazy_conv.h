// Convolutions that take in_channels from their first input, as torch.nn.LazyConv3d and its like.
//
//   nn::LazyConv3d conv({.out_channels = 8, .kernel_size = 3});
//   conv(x);  // from here on a Conv3d(x.size(1), 8, ...)
#pragma once

#include <optional>

#include <voxgrad/nn/conv.h>

namespace [[gnu::visibility("default")]] voxgrad {
namespace nn {

/// What both have in common. Before the first input there are no parameters, so run the network
/// once before its parameters() go to an optimizer, before weights are loaded into it, and before
/// to(). Where the options give no dtype, that of the first input is taken; device likewise.
template <typename Self, typename Convolution>
class LazyLayer : public Layer<Self> {
 public:
  using Options = typename Convolution::Options;

  /// Throws as Convolution's constructor does; @throws ShapeError when in_channels is given.
  explicit LazyLayer(const Options& options);

  /// The layer that the first input made; nullptr before.
  const Convolution* made() const { return made_ ? &*made_ : nullptr; }
  void visit(Visitor& visitor) override;
  std::string type_name() const override;
  std::string extra_repr() const override;

 protected:
  /// Draws the initial values at the first call. @throws ShapeError for an input without channels,
  /// and when groups do not divide them; DTypeError for an input of another dtype.
  Convolution& made_for(const Tensor& x);

 private:
  Options options_;
  std::optional<Convolution> made_;
};

template <int Rank>
class LazyConv final : public LazyLayer<LazyConv<Rank>, Conv<Rank>> {
 public:
  using LazyLayer<LazyConv<Rank>, Conv<Rank>>::LazyLayer;
  /// As Conv's.
  Tensor forward(const Tensor& x) { return this->made_for(x).forward(x); }
};

template <int Rank>
class LazyConvTranspose final : public LazyLayer<LazyConvTranspose<Rank>, ConvTranspose<Rank>> {
 public:
  using LazyLayer<LazyConvTranspose<Rank>, ConvTranspose<Rank>>::LazyLayer;
  /// As ConvTranspose's.
  Tensor forward(const Tensor& x, const OutputFit& fit = {}) {
    return this->made_for(x).forward(x, fit);
  }
  Tensor operator()(const Tensor& x, const OutputFit& fit = {}) { return forward(x, fit); }
};

extern template class LazyLayer<LazyConv<1>, Conv<1>>;
extern template class LazyLayer<LazyConv<2>, Conv<2>>;
extern template class LazyLayer<LazyConv<3>, Conv<3>>;
extern template class LazyLayer<LazyConvTranspose<1>, ConvTranspose<1>>;
extern template class LazyLayer<LazyConvTranspose<2>, ConvTranspose<2>>;
extern template class LazyLayer<LazyConvTranspose<3>, ConvTranspose<3>>;

using LazyConv1d = LazyConv<1>;
using LazyConv2d = LazyConv<2>;
using LazyConv3d = LazyConv<3>;
using LazyConvTranspose1d = LazyConvTranspose<1>;
using LazyConvTranspose2d = LazyConvTranspose<2>;
using LazyConvTranspose3d = LazyConvTranspose<3>;

}  // namespace nn
}  // namespace voxgrad
