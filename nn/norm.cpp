#include <voxgrad/nn/norm.h>

#include <cmath>

#include <voxgrad/autograd/functions/creation.h>
#include <voxgrad/autograd/functions/norm.h>
#include <voxgrad/autograd/grad_mode.h>
#include <voxgrad/core/check.h>
#include <voxgrad/nn/init.h>
#include <voxgrad/nn/layer_support.h>

namespace voxgrad::nn {
namespace {

template <typename Options>
void make_state(std::string_view op, const Options& options, NormState& state) {
  VG_CHECK(options.num_features >= 1, ShapeError, "{}: num_features must be >= 1; got {}", op,
           options.num_features);
  VG_CHECK(options.eps >= 0 && std::isfinite(options.eps), ShapeError,
           "{}: eps must be >= 0 and finite; got {}", op, options.eps);
  VG_CHECK(!options.momentum || (*options.momentum >= 0 && *options.momentum <= 1), ShapeError,
           "{}: momentum must be in [0, 1]; got {}", op, *options.momentum);
  const Shape channels{options.num_features};
  const DType dtype = options.dtype.value_or(default_dtype());
  if (options.affine) {
    state.weight = init::ones_(make_parameter(channels, dtype));
    state.bias = init::zeros_(make_parameter(channels, dtype));
  }
  if (options.track_running_stats) {
    state.running_mean = init::zeros_(Tensor::empty(channels, dtype));
    state.running_var = init::ones_(Tensor::empty(channels, dtype));
    state.num_batches_tracked = init::zeros_(Tensor::empty({}, DType::int64));
  }
}

void visit_state(NormState& state, Visitor& visitor) {
  visitor.parameter("weight", state.weight);
  visitor.parameter("bias", state.bias);
  visitor.buffer("running_mean", state.running_mean);
  visitor.buffer("running_var", state.running_var);
  visitor.buffer("num_batches_tracked", state.num_batches_tracked);
}

template <typename Options>
std::string repr_of(const Options& options) {
  return fmt::format("{}, eps={}, momentum={}, affine={}, track_running_stats={}",
                     options.num_features, options.eps,
                     options.momentum ? fmt::format("{}", *options.momentum) : "None",
                     python_bool(options.affine), python_bool(options.track_running_stats));
}

}  // namespace

template <int Rank>
BatchNorm<Rank>::BatchNorm(const BatchNormOptions& options) : options_(options) {
  make_state(type_name(), options, *this);
}

template <int Rank>
Tensor BatchNorm<Rank>::forward(const Tensor& x, double negative_slope) {
  VG_CHECK(x.dim() == Rank + 2 || (Rank == 1 && x.dim() == 2), ShapeError,
           "{}: x must have {}{} axes; got shape {}", type_name(), Rank == 1 ? "2 or " : "",
           Rank + 2, voxgrad::to_string(x.shape()));
  VG_CHECK(x.size(1) == options_.num_features, ShapeError,
           "{}: x must have {} channels on axis 1; got shape {}", type_name(),
           options_.num_features, voxgrad::to_string(x.shape()));
  const bool training = this->is_training();
  const bool tracks = running_mean.defined();
  double momentum = options_.momentum.value_or(0);
  if (training && tracks && !options_.momentum) momentum = 1 / (num_batches_tracked.item() + 1);
  Tensor y = batch_norm(x, {.running_mean = running_mean,
                            .running_variance = running_var,
                            .weight = this->weight,
                            .bias = this->bias,
                            .training = training || !tracks,
                            .momentum = momentum,
                            .eps = options_.eps,
                            .negative_slope = negative_slope});
  if (training && tracks) {
    // After the batch was taken, so that one that is refused does not count.
    const NoGrad no_grad;
    // Added there, which waits for nothing.
    num_batches_tracked.add_(scalar(1, DType::int64, num_batches_tracked.device()));
  }
  return y;
}

template <int Rank>
void BatchNorm<Rank>::visit(Visitor& visitor) {
  visit_state(*this, visitor);
}

template <int Rank>
std::string BatchNorm<Rank>::type_name() const {
  return fmt::format("BatchNorm{}d", Rank);
}

template <int Rank>
std::string BatchNorm<Rank>::extra_repr() const {
  return repr_of(options_);
}

template <int Rank>
InstanceNorm<Rank>::InstanceNorm(const InstanceNormOptions& options) : options_(options) {
  make_state(type_name(), options, *this);
}

template <int Rank>
Tensor InstanceNorm<Rank>::forward(const Tensor& x, double negative_slope) {
  VG_CHECK(x.dim() == Rank + 2 || x.dim() == Rank + 1, ShapeError,
           "{}: x must have {} axes, or {} unbatched; got shape {}", type_name(), Rank + 2,
           Rank + 1, voxgrad::to_string(x.shape()));
  const bool batched = x.dim() == Rank + 2;
  VG_CHECK(x.size(batched ? 1 : 0) == options_.num_features, ShapeError,
           "{}: x must have {} channels on axis {}; got shape {}", type_name(),
           options_.num_features, batched ? 1 : 0, voxgrad::to_string(x.shape()));
  const Tensor y = instance_norm(batched ? x : x.unsqueeze(0),
                                 {.running_mean = running_mean,
                                  .running_variance = running_var,
                                  .weight = this->weight,
                                  .bias = this->bias,
                                  .use_input_stats = this->is_training() || !running_mean.defined(),
                                  .momentum = options_.momentum.value_or(0),
                                  .eps = options_.eps,
                                  .negative_slope = negative_slope});
  return batched ? y : y.squeeze(0);
}

template <int Rank>
void InstanceNorm<Rank>::visit(Visitor& visitor) {
  visit_state(*this, visitor);
}

template <int Rank>
std::string InstanceNorm<Rank>::type_name() const {
  return fmt::format("InstanceNorm{}d", Rank);
}

template <int Rank>
std::string InstanceNorm<Rank>::extra_repr() const {
  return repr_of(options_);
}

template class BatchNorm<1>;
template class BatchNorm<2>;
template class BatchNorm<3>;
template class InstanceNorm<1>;
template class InstanceNorm<2>;
template class InstanceNorm<3>;

}  // namespace voxgrad::nn
