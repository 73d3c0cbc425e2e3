#include <voxgrad/nn/activation.h>

#include <voxgrad/autograd/functions/activation.h>
#include <voxgrad/autograd/functions/elementwise.h>
#include <voxgrad/core/check.h>
#include <voxgrad/nn/init.h>
#include <voxgrad/nn/layer_support.h>

namespace voxgrad::nn {

Tensor ReLU::forward(const Tensor& x) const {
  if (!options_.inplace) return relu(x);
  Tensor same = x;
  return relu_(same);
}

std::string ReLU::extra_repr() const { return options_.inplace ? "inplace=True" : ""; }

Tensor LeakyReLU::forward(const Tensor& x) const {
  if (!options_.inplace) return leaky_relu(x, options_.negative_slope);
  Tensor same = x;
  return leaky_relu_(same, options_.negative_slope);
}

std::string LeakyReLU::extra_repr() const {
  return fmt::format("negative_slope={}{}", options_.negative_slope,
                     options_.inplace ? ", inplace=True" : "");
}

Tensor Sigmoid::forward(const Tensor& x) const { return sigmoid(x); }

Tensor ELU::forward(const Tensor& x) const {
  if (!options_.inplace) return elu(x, options_.alpha);
  Tensor same = x;
  return elu_(same, options_.alpha);
}

std::string ELU::extra_repr() const {
  return fmt::format("alpha={}{}", python_float(options_.alpha),
                     options_.inplace ? ", inplace=True" : "");
}

Tensor GELU::forward(const Tensor& x) const { return options_.tanh ? gelu_tanh(x) : gelu(x); }

std::string GELU::extra_repr() const {
  return options_.tanh ? "approximate='tanh'" : "approximate='none'";
}

Tensor SiLU::forward(const Tensor& x) const {
  if (!options_.inplace) return silu(x);
  Tensor same = x;
  return silu_(same);
}

std::string SiLU::extra_repr() const { return options_.inplace ? "inplace=True" : ""; }

PReLU::PReLU(const PReLUOptions& options) {
  VG_CHECK(options.num_parameters >= 1, ShapeError, "PReLU: num_parameters must be >= 1; got {}",
           options.num_parameters);
  weight = init::constant_(make_parameter({options.num_parameters}, options.dtype), options.init);
}

Tensor PReLU::forward(const Tensor& x) const { return prelu(x, weight); }

std::string PReLU::extra_repr() const { return fmt::format("num_parameters={}", weight.numel()); }

}  // namespace voxgrad::nn
