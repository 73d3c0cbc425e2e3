#include <voxgrad/nn/lazy_conv.h>

#include <algorithm>

#include <voxgrad/core/check.h>

namespace voxgrad::nn {
namespace {

template <int Rank>
std::string lazy_name(const Conv<Rank>*) {
  return fmt::format("LazyConv{}d", Rank);
}

template <int Rank>
std::string lazy_name(const ConvTranspose<Rank>*) {
  return fmt::format("LazyConvTranspose{}d", Rank);
}

template <typename Convolution>
std::string lazy_name() {
  return lazy_name(static_cast<const Convolution*>(nullptr));
}

}  // namespace

template <typename Self, typename Convolution>
LazyLayer<Self, Convolution>::LazyLayer(const Options& options) : options_(options) {
  const std::string name = lazy_name<Convolution>();
  VG_CHECK(options.in_channels == 0, ShapeError,
           "{}: in_channels is taken from the first input; got {}", name, options.in_channels);
  Options known = options;
  known.in_channels = std::max<Index>(options.groups, 1);
  Convolution::check(known, name);
}

template <typename Self, typename Convolution>
Convolution& LazyLayer<Self, Convolution>::made_for(const Tensor& x) {
  if (made_) return *made_;
  constexpr int rank = Convolution::rank;
  VG_CHECK(x.dim() == rank + 2 || x.dim() == rank + 1, ShapeError,
           "{}: x must be (batch, channels, size...) or (channels, size...) with {} sizes; got {}",
           lazy_name<Convolution>(), rank, x.shape());
  Options options = options_;
  options.in_channels = x.size(x.dim() - rank - 1);
  if (!options.dtype) options.dtype = x.dtype();
  VG_CHECK(*options.dtype == x.dtype() && is_floating(x.dtype()), DTypeError,
           "{}: the first input must have the layer's dtype, float32 or float64; got {}",
           lazy_name<Convolution>(), name(x.dtype()));
  if (options.device == Device()) options.device = x.device();
  made_.emplace(options);
  return *made_;
}

template <typename Self, typename Convolution>
void LazyLayer<Self, Convolution>::visit(Visitor& visitor) {
  if (made_) made_->visit(visitor);
}

template <typename Self, typename Convolution>
std::string LazyLayer<Self, Convolution>::type_name() const {
  return made_ ? made_->type_name() : lazy_name<Convolution>();
}

template <typename Self, typename Convolution>
std::string LazyLayer<Self, Convolution>::extra_repr() const {
  return made_ ? made_->extra_repr() : Convolution::describe(options_);
}

template class LazyLayer<LazyConv<1>, Conv<1>>;
template class LazyLayer<LazyConv<2>, Conv<2>>;
template class LazyLayer<LazyConv<3>, Conv<3>>;
template class LazyLayer<LazyConvTranspose<1>, ConvTranspose<1>>;
template class LazyLayer<LazyConvTranspose<2>, ConvTranspose<2>>;
template class LazyLayer<LazyConvTranspose<3>, ConvTranspose<3>>;

}  // namespace voxgrad::nn
