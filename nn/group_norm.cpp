// The norms without running statistics: GroupNorm and LayerNorm.
#include <algorithm>
#include <cmath>

#include <voxgrad/autograd/functions/norm.h>
#include <voxgrad/core/check.h>
#include <voxgrad/nn/init.h>
#include <voxgrad/nn/layer_support.h>
#include <voxgrad/nn/norm.h>

namespace voxgrad::nn {
namespace {

void check_eps(std::string_view op, double eps) {
  VG_CHECK(eps >= 0 && std::isfinite(eps), ShapeError, "{}: eps must be >= 0 and finite; got {}",
           op, eps);
}

}  // namespace

GroupNorm::GroupNorm(const GroupNormOptions& options) : options_(options) {
  const Index groups = options.num_groups, channels = options.num_channels;
  VG_CHECK(groups >= 1 && channels >= 1 && channels % groups == 0, ShapeError,
           "GroupNorm: num_groups must divide num_channels; got {} and {}", groups, channels);
  check_eps("GroupNorm", options.eps);
  if (!options.affine) return;
  weight = init::ones_(make_parameter({channels}, options.dtype));
  bias = init::zeros_(make_parameter({channels}, options.dtype));
}

Tensor GroupNorm::forward(const Tensor& x) const {
  VG_CHECK(x.dim() >= 2 && x.size(1) == options_.num_channels, ShapeError,
           "GroupNorm: x must have {} channels on axis 1; got shape {}", options_.num_channels,
           voxgrad::to_string(x.shape()));
  return group_norm(x, options_.num_groups, {.weight = weight, .bias = bias, .eps = options_.eps});
}

void GroupNorm::visit(Visitor& visitor) {
  visitor.parameter("weight", weight);
  visitor.parameter("bias", bias);
}

std::string GroupNorm::extra_repr() const {
  return fmt::format("{}, {}, eps={}, affine={}", options_.num_groups, options_.num_channels,
                     python_float(options_.eps), python_bool(options_.affine));
}

LayerNorm::LayerNorm(const LayerNormOptions& options) : options_(options) {
  const Shape& shape = options.normalized_shape;
  VG_CHECK(!shape.empty() && *std::ranges::min_element(shape) >= 1, ShapeError,
           "LayerNorm: normalized_shape must have at least one size, all >= 1; got {}",
           voxgrad::to_string(shape));
  check_eps("LayerNorm", options.eps);
  if (!options.elementwise_affine) return;
  weight = init::ones_(make_parameter(shape, options.dtype));
  if (options.bias) bias = init::zeros_(make_parameter(shape, options.dtype));
}

Tensor LayerNorm::forward(const Tensor& x) const {
  return layer_norm(x, options_.normalized_shape,
                    {.weight = weight, .bias = bias, .eps = options_.eps});
}

void LayerNorm::visit(Visitor& visitor) {
  visitor.parameter("weight", weight);
  visitor.parameter("bias", bias);
}

std::string LayerNorm::extra_repr() const {
  const Shape& shape = options_.normalized_shape;
  return fmt::format("({}{}), eps={}, elementwise_affine={}", fmt::join(shape, ", "),
                     shape.size() == 1 ? "," : "", python_float(options_.eps),
                     python_bool(options_.elementwise_affine));
}

}  // namespace voxgrad::nn
