#include <voxgrad/nn/linear.h>

#include <voxgrad/autograd/functions/linear.h>
#include <voxgrad/core/check.h>
#include <voxgrad/nn/layer_support.h>

namespace voxgrad::nn {

Linear::Linear(const LinearOptions& options) : options_(options) {
  VG_CHECK(options.in_features >= 1 && options.out_features >= 1, ShapeError,
           "Linear: in_features and out_features must be >= 1; got {} and {}", options.in_features,
           options.out_features);
  weight = make_parameter({options.out_features, options.in_features}, options.dtype);
  if (options.bias) bias = make_parameter({options.out_features}, options.dtype);
  reset_parameters();
  to(options.device);
}

Tensor Linear::forward(const Tensor& x) const { return linear(x, weight, bias); }

void Linear::reset_parameters() { reset_weight_and_bias(weight, bias); }

void Linear::visit(Visitor& visitor) {
  visitor.parameter("weight", weight);
  visitor.parameter("bias", bias);
}

std::string Linear::extra_repr() const {
  return fmt::format("in_features={}, out_features={}, bias={}", options_.in_features,
                     options_.out_features, python_bool(options_.bias));
}

}  // namespace voxgrad::nn
