#include <voxgrad/nn/init.h>

#include <cmath>

#include <voxgrad/autograd/grad_mode.h>
#include <voxgrad/core/check.h>

namespace voxgrad::nn::init {
namespace {

void check_floating(std::string_view op, const Tensor& tensor) {
  VG_CHECK(is_floating(tensor.dtype()), DTypeError, "{}: the tensor must be floating; got {}", op,
           name(tensor.dtype()));
}

/// Calls fill(T* elements, count) and puts the elements into the tensor in row-major order.
template <typename Fill>
void fill_in_order(Tensor& tensor, Fill fill) {
  const NoGrad no_grad;
  const bool direct = tensor.device() == Device{} && tensor.is_contiguous();
  Tensor values = direct ? tensor : Tensor::empty(tensor.shape(), tensor.dtype());
  visit_floating(tensor.dtype(),
                 [&]<typename T>() { fill(values.mutable_data<T>(), values.numel()); });
  if (!direct) tensor.detach().copy_(values.to(tensor.device()));
}

/// Deviation of the Kaiming initialisations; 0 where there is no fan.
double kaiming_std(const Tensor& tensor, const KaimingOptions& options) {
  const Fans fans = calculate_fans(tensor);
  const Index fan = options.mode == FanMode::in ? fans.in : fans.out;
  if (fan == 0) return 0;
  return calculate_gain(options.nonlinearity, options.a) / std::sqrt(static_cast<double>(fan));
}

}  // namespace

Fans calculate_fans(const Tensor& weight) {
  VG_CHECK(weight.dim() >= 2, ShapeError,
           "calculate_fans: a weight must have at least 2 axes; got shape {}",
           voxgrad::to_string(weight.shape()));
  const Index taps = element_count(std::span(weight.shape()).subspan(2));
  return {weight.size(1) * taps, weight.size(0) * taps};
}

double calculate_gain(Nonlinearity nonlinearity, double slope) {
  switch (nonlinearity) {
    case Nonlinearity::linear:
    case Nonlinearity::sigmoid: return 1;
    case Nonlinearity::tanh: return 5.0 / 3;
    case Nonlinearity::relu: return std::sqrt(2.0);
    case Nonlinearity::leaky_relu: break;
  }
  return std::sqrt(2.0 / (1 + slope * slope));
}

Tensor uniform_(Tensor tensor, double from, double to, Generator& generator) {
  check_floating("uniform_", tensor);
  fill_in_order(tensor,
                [&](auto* out, Index count) { fill_uniform(out, count, from, to, generator); });
  return tensor;
}

Tensor normal_(Tensor tensor, double mean, double std, Generator& generator) {
  check_floating("normal_", tensor);
  fill_in_order(tensor,
                [&](auto* out, Index count) { fill_normal(out, count, mean, std, generator); });
  return tensor;
}

Tensor constant_(Tensor tensor, double value) {
  const NoGrad no_grad;
  tensor.detach().fill_(value);
  return tensor;
}

Tensor zeros_(Tensor tensor) { return constant_(std::move(tensor), 0); }

Tensor ones_(Tensor tensor) { return constant_(std::move(tensor), 1); }

Tensor kaiming_uniform_(Tensor tensor, const KaimingOptions& options, Generator& generator) {
  const double bound = std::sqrt(3.0) * kaiming_std(tensor, options);
  return uniform_(std::move(tensor), -bound, bound, generator);
}

Tensor kaiming_normal_(Tensor tensor, const KaimingOptions& options, Generator& generator) {
  const double std = kaiming_std(tensor, options);
  return normal_(std::move(tensor), 0, std, generator);
}

}  // namespace voxgrad::nn::init
