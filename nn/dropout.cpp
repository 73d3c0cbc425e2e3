#include <voxgrad/nn/dropout.h>

#include <voxgrad/autograd/functions/dropout.h>
#include <voxgrad/core/check.h>
#include <voxgrad/nn/layer_support.h>

namespace voxgrad::nn {
namespace {

void check_options(std::string_view op, const DropoutOptions& options) {
  VG_CHECK(options.p >= 0 && options.p <= 1, ShapeError, "{}: p must be in [0, 1]; got {}", op,
           options.p);
}

std::string repr_of(const DropoutOptions& options) {
  return fmt::format("p={}, inplace={}", python_float(options.p), python_bool(options.inplace));
}

}  // namespace

Dropout::Dropout(const DropoutOptions& options) : options_(options) {
  check_options("Dropout", options);
}

Tensor Dropout::forward(const Tensor& x) const {
  if (!options_.inplace) return dropout(x, options_.p, is_training());
  Tensor same = x;
  return dropout_(same, options_.p, is_training());
}

std::string Dropout::extra_repr() const { return repr_of(options_); }

template <int Rank>
FeatureDropout<Rank>::FeatureDropout(const DropoutOptions& options) : options_(options) {
  check_options(type_name(), options);
}

template <int Rank>
Tensor FeatureDropout<Rank>::forward(const Tensor& x) const {
  VG_CHECK(x.dim() == Rank + 2 || x.dim() == Rank + 1, ShapeError,
           "{}: x must have {} axes, or {} unbatched; got shape {}", type_name(), Rank + 2,
           Rank + 1, voxgrad::to_string(x.shape()));
  const bool batched = x.dim() == Rank + 2, training = this->is_training();
  Tensor batch = batched ? x : x.unsqueeze(0);
  if (options_.inplace) {
    feature_dropout_(batch, options_.p, training);
    return x;
  }
  const Tensor y = feature_dropout(batch, options_.p, training);
  return batched ? y : y.squeeze(0);
}

template <int Rank>
std::string FeatureDropout<Rank>::type_name() const {
  return fmt::format("Dropout{}d", Rank);
}

template <int Rank>
std::string FeatureDropout<Rank>::extra_repr() const {
  return repr_of(options_);
}

template class FeatureDropout<1>;
template class FeatureDropout<2>;
template class FeatureDropout<3>;

}  // namespace voxgrad::nn
