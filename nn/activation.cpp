#include <voxgrad/nn/activation.h>

#include <fmt/format.h>

#include <voxgrad/autograd/functions/elementwise.h>

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

}  // namespace voxgrad::nn
