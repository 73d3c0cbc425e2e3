#include <voxgrad/autograd/functions/norm.h>

#include <array>
#include <cmath>
#include <limits>
#include <numeric>

#include <voxgrad/autograd/functions/elementwise.h>
#include <voxgrad/autograd/functions/operands.h>
#include <voxgrad/autograd/functions/reduce.h>
#include <voxgrad/autograd/functions/shape.h>
#include <voxgrad/autograd/node.h>
#include <voxgrad/core/check.h>
#include <voxgrad/ops/layout.h>
#include <voxgrad/ops/norm.h>

namespace voxgrad {
namespace {

/// What the public functions come down to.
struct Normalization {
  std::string_view op;
  ops::NormShape shape;
  Index merged = 1;  // consecutive channels that share their statistics
  bool per_sample;   // statistics per sample, not over the batch
  bool constant;     // statistics are given, not computed from x
  double eps;
  double slope = 1;  // of the rectifier that follows

  ops::NormOutput output(const Tensor& weight, const Tensor& bias) const {
    return {.eps = eps, .weight = weight, .bias = bias, .slope = slope};
  }
};

/// What a rule keeps.
struct NormSaved {
  explicit NormSaved(std::span<const Tensor> saved)
      : x(saved[0]), weight(saved[1]), bias(saved[2]), moments{saved[3], saved[4]} {}

  const Tensor &x, &weight, &bias;
  ops::Moments moments;
};

void check_parameter(std::string_view op, std::string_view what, const Tensor& x,
                     const Tensor& parameter) {
  if (!parameter.defined()) return;
  VG_CHECK(parameter.dim() == 1 && parameter.size(0) == x.size(1), ShapeError,
           "{}: {} must have shape [{}], the channels of x; got {} for x {}", op, what, x.size(1),
           parameter.shape(), x.shape());
  VG_CHECK(parameter.dtype() == x.dtype(), DTypeError,
           "{}: {} must have the dtype of x, {}; got {}", op, what, name(x.dtype()),
           name(parameter.dtype()));
  VG_CHECK(parameter.device() == x.device(), DeviceError,
           "{}: {} must be on the device of x, {}; got {}", op, what, to_string(x.device()),
           to_string(parameter.device()));
}

void check_input(std::string_view op, const Tensor& x, double eps) {
  VG_CHECK(x.defined() && is_floating(x.dtype()), DTypeError,
           "{}: x must be float32 or float64; got {}", op,
           x.defined() ? name(x.dtype()) : "an undefined tensor");
  VG_CHECK(eps >= 0, ShapeError, "{}: eps must not be negative; got {}", op, eps);
}

/// What all but layer norm ask.
template <typename Options>
void check_channels(std::string_view op, const Tensor& x, const Options& options) {
  check_input(op, x, options.eps);
  VG_CHECK(x.dim() >= 2, ShapeError, "{}: x must be (batch, channels, size...); got {}", op,
           x.shape());
  check_parameter(op, "weight", x, options.weight);
  check_parameter(op, "bias", x, options.bias);
}

template <typename Options>
void check(std::string_view op, const Tensor& x, const Options& options, bool running_required) {
  check_channels(op, x, options);
  check_parameter(op, "running_mean", x, options.running_mean);
  check_parameter(op, "running_variance", x, options.running_variance);
  const bool mean = options.running_mean.defined(), variance = options.running_variance.defined();
  VG_CHECK(options.negative_slope >= 0 && std::isfinite(options.negative_slope), ShapeError,
           "{}: negative_slope must be at least 0 and finite; got {}", op, options.negative_slope);
  VG_CHECK(mean == variance, ShapeError,
           "{}: running_mean and running_variance go together; got only running_{}", op,
           mean ? "mean" : "variance");
  VG_CHECK(
      mean || !running_required, ShapeError,
      "{}: running_mean and running_variance are required where the statistics of x are not used",
      op);
}

/// A tensor of (channels) that broadcasts against x.
Tensor along_channels(const Tensor& parameter, const Tensor& x) {
  Shape shape(x.shape().size(), 1);
  shape[1] = parameter.numel();
  return parameter.reshape(shape);
}

/// All axes of x but that of the channels; without the batch too where statistics are per sample.
std::vector<Index> reduced_axes(const Tensor& x, bool per_sample) {
  std::vector<Index> axes;
  for (Index a = 0; a < x.dim(); ++a) {
    if (a > 1 || (a == 0 && !per_sample)) axes.push_back(a);
  }
  return axes;
}

/// The mean of what shares statistics, which broadcasts against x.
Tensor mean_over(const Normalization& n, const Tensor& x) {
  if (n.merged == 1) return mean(x, reduced_axes(x, n.per_sample), true);
  // (batch, groups, channels of a group, size...)
  Shape split = x.shape(), spread(x.shape().size(), 1);
  split[1] /= n.merged;
  split.insert(split.begin() + 2, n.merged);
  std::vector<Index> axes(split.size() - 2);
  std::iota(axes.begin(), axes.end(), Index{2});
  const Tensor means = mean(x.reshape(split), axes, true).flatten(1);
  spread[0] = x.size(0);
  spread[1] = x.size(1);
  return means.unsqueeze(2).expand({x.size(0), split[1], n.merged}).reshape(spread);
}

/// What of the gradient the rectifier lets through: a function of grad that is linear almost
/// everywhere.
Tensor let_through(const Normalization& n, const NormSaved& saved, const Tensor& grad) {
  if (n.slope == 1) return grad;
  const Tensor y =
      ops::normalize(n.shape, saved.x, saved.moments, n.output(saved.weight, saved.bias));
  return n.slope == 0 ? where(le(y, 0), 0.0, grad) : where(gt(y, 0), grad, grad * n.slope);
}

/// The gradients from functions that can be differentiated again.
std::vector<Tensor> composed_gradients(const Normalization& n, const NormSaved& saved,
                                       const Tensor& result_grad, Needs needs) {
  const auto& [x, weight, bias, moments] = saved;
  const auto all_axes = reduced_axes(x, false);
  const auto given = [&, &x = x](const Tensor& t) { return along_channels(t.to(x.dtype()), x); };
  const bool computed = !n.constant;
  const Tensor grad = let_through(n, saved, result_grad);
  const Tensor centered = x - (computed ? mean_over(n, x) : given(moments.mean));
  const Tensor variance = computed ? mean_over(n, square(centered)) : given(moments.variance);
  const Tensor factor = 1.0 / sqrt(variance + n.eps);
  const Tensor xhat = centered * factor;
  std::vector<Tensor> result(3);
  if (needs[0]) {
    const Tensor g = weight.defined() ? grad * along_channels(weight, x) : grad;
    result[0] =
        computed ? factor * (g - mean_over(n, g) - xhat * mean_over(n, g * xhat)) : factor * g;
  }
  if (needs[1]) result[1] = sum(grad * xhat, all_axes);
  if (needs[2]) result[2] = sum(grad, all_axes);
  return result;
}

std::vector<Tensor> fused_gradients(const Normalization& n, const NormSaved& saved,
                                    const Tensor& grad, Needs needs) {
  const auto& [x, weight, bias, moments] = saved;
  const ops::NormOutput output = n.output(weight, bias);
  std::vector<Tensor> result(3);
  const Tensor dy = ops::to_channels_last(grad);
  ops::NormSums sums;
  if (!n.constant || needs[1] || needs[2]) sums = ops::norm_sums(n.shape, x, dy, moments, output);
  if (needs[0]) {
    const ops::NormSums through =
        n.constant ? ops::NormSums{} : ops::merge_sums(n.shape, n.merged, sums, weight);
    result[0] = ops::norm_input_gradient(n.shape, x, dy, moments, output, through);
  }
  if (needs[1]) result[1] = ops::add_groups(n.shape, sums.dy_xhat, x.dtype());
  if (needs[2]) result[2] = ops::add_groups(n.shape, sums.dy, x.dtype());
  return result;
}

/// Whether zero elements give all there is: then no statistics exist and none are needed.
ops::Moments no_moments(const Normalization& n, const Tensor& x) {
  ops::Moments moments{
      Tensor::empty({n.shape.groups, n.shape.channels}, DType::float64, x.device()),
      Tensor::empty({n.shape.groups, n.shape.channels}, DType::float64, x.device())};
  ops::fill(moments.mean, 0);
  ops::fill(moments.variance, 0);
  return moments;
}

ops::Moments moments_of(const Normalization& n, const Tensor& x) {
  if (n.constant) return no_moments(n, x);
  return ops::merge_moments(n.shape, n.merged, ops::moments(n.shape, x));
}

/// x is kept for the gradient anyway, so the result need not be: where nobody writes there unseen.
void attach_norm_recipe(const Normalization& n, const Tensor& x, const Tensor& values,
                        const ops::Moments& moments, const Tensor& weight, const Tensor& bias,
                        Tensor& y) {
  if (!sees_writes(values)) return;
  std::vector<SavedTensor> inputs;
  inputs.push_back(SavedTensor::with_data(x, values));
  for (const Tensor& small : {moments.mean, moments.variance, weight, bias}) {
    inputs.emplace_back(frozen(small));
  }
  attach_recipe(y, std::move(inputs), [n](std::span<const Tensor> in) {
    return ops::normalize(n.shape, in[0], {in[1], in[2]}, n.output(in[3], in[4]));
  });
}

Tensor normalized(const Normalization& n, const Tensor& x, const ops::Moments& moments,
                  const Tensor& weight, const Tensor& bias) {
  const Tensor values = ops::to_channels_last(x);
  Tensor y = ops::normalize(n.shape, values, moments, n.output(weight, bias));
  if (!wants_graph({x, weight, bias})) return y;
  attach_norm_recipe(n, x, values, moments, weight, bias, y);
  Rule rule = [n](std::span<const Tensor> kept, std::span<const Tensor> grads, Needs needs) {
    const NormSaved saved(kept);
    // The empty tensor has nothing to differentiate twice.
    const bool again = grad_enabled() && saved.x.numel() > 0;
    return (again ? composed_gradients : fused_gradients)(n, saved, grads[0], needs);
  };
  return record_one(n.op, {x, weight, bias}, std::move(y), std::move(rule),
                    SavedTensor::with_data(x, values), weight,
                    n.slope == 1 ? Tensor() : frozen(bias), moments.mean, moments.variance);
}

ops::NormShape norm_shape(const Tensor& x, bool per_sample) {
  Index voxels = 1;
  for (Index a = 2; a < x.dim(); ++a) voxels *= x.size(a);
  if (per_sample) return {x.size(0), voxels, x.size(1)};
  return {1, x.size(0) * voxels, x.size(1)};
}

template <typename Options>
Tensor with_running_statistics(std::string_view op, const Tensor& x, const Options& options) {
  check(op, x, options, true);
  const Normalization n{.op = op,
                        .shape = norm_shape(x, false),
                        .per_sample = false,
                        .constant = true,
                        .eps = options.eps,
                        .slope = options.negative_slope};
  return normalized(n, x, {options.running_mean.detach(), options.running_variance.detach()},
                    options.weight, options.bias);
}

template <typename Options>
Tensor with_own_statistics(std::string_view op, const Tensor& x, const Options& options,
                           bool per_sample) {
  const Normalization n{.op = op,
                        .shape = norm_shape(x, per_sample),
                        .per_sample = per_sample,
                        .constant = x.numel() == 0,
                        .eps = options.eps,
                        .slope = options.negative_slope};
  const ops::Moments moments = moments_of(n, x);
  Tensor y = normalized(n, x, moments, options.weight, options.bias);
  if (options.running_mean.defined() && !n.constant) {
    ops::update_running(n.shape, moments, options.momentum,
                        {options.running_mean, options.running_variance});
  }
  return y;
}

/// The p-norm along axes, which stay with size 1. Where it is 0 its gradient is 0.
Tensor length_along(const Tensor& x, double p, std::span<const Index> axes) {
  if (p == 0) return sum(ne(x, 0).to(x.dtype()), axes, true);
  if (p == 1) return sum(abs(x), axes, true);
  if (std::isinf(p)) return amax(abs(x), axes, true);
  // Roots and low powers have infinite slopes at 0: zeros take the place of what they would give.
  const Tensor zero = eq(x, 0);
  const Tensor powers = p == 2 ? square(x) : where(zero, 0.0, pow(abs(where(zero, 1.0, x)), p));
  const Tensor total = sum(powers, axes, true);
  const Tensor nothing = eq(total, 0);
  return where(nothing, 0.0, pow(where(nothing, 1.0, total), 1 / p));
}

}  // namespace

Tensor batch_norm(const Tensor& x, const BatchNormOptions& options) {
  if (x.defined() && x.shape() == Shape{0}) {  // legal in PyTorch: no channels
    return batch_norm(x.unsqueeze(0), options).squeeze(0);
  }
  if (!options.training) return with_running_statistics("batch_norm", x, options);
  check("batch_norm", x, options, false);
  VG_CHECK(norm_shape(x, false).rows != 1, ShapeError,
           "batch_norm: training needs more than one value per channel; got x {}", x.shape());
  return with_own_statistics("batch_norm", x, options, false);
}

Tensor instance_norm(const Tensor& x, const InstanceNormOptions& options) {
  if (!options.use_input_stats) return with_running_statistics("instance_norm", x, options);
  check("instance_norm", x, options, false);
  VG_CHECK(x.dim() >= 3 && norm_shape(x, true).rows != 1, ShapeError,
           "instance_norm: each sample needs more than one value per channel; got x {}", x.shape());
  return with_own_statistics("instance_norm", x, options, true);
}

Tensor group_norm(const Tensor& x, Index groups, const GroupNormOptions& options) {
  check_channels("group_norm", x, options);
  VG_CHECK(groups >= 1 && x.size(1) % groups == 0, ShapeError,
           "group_norm: groups must divide the channels; got {} groups for x {}", groups,
           x.shape());
  VG_CHECK(x.numel() != groups, ShapeError,
           "group_norm: needs more than one value per group; got {} groups for x {}", groups,
           x.shape());
  const Normalization n{.op = "group_norm",
                        .shape = norm_shape(x, true),
                        .merged = std::max<Index>(1, x.size(1) / groups),
                        .per_sample = true,
                        .constant = x.numel() == 0,
                        .eps = options.eps};
  return normalized(n, x, moments_of(n, x), options.weight, options.bias);
}

Tensor layer_norm(const Tensor& x, std::span<const Index> normalized_shape,
                  const LayerNormOptions& options) {
  check_input("layer_norm", x, options.eps);
  const std::size_t rank = x.shape().size(), kept = rank - std::min(rank, normalized_shape.size());
  const Shape wanted(normalized_shape.begin(), normalized_shape.end());
  VG_CHECK(!wanted.empty() &&
               Shape(x.shape().begin() + static_cast<Index>(kept), x.shape().end()) == wanted,
           ShapeError,
           "layer_norm: x must end with the normalized_shape {}, of at least one axis; got {}",
           wanted, x.shape());
  for (const auto& [what, parameter] :
       {std::pair{"weight", options.weight}, {"bias", options.bias}}) {
    if (!parameter.defined()) continue;
    check_same_device("layer_norm", x, parameter);
    VG_CHECK(parameter.shape() == wanted, ShapeError,
             "layer_norm: {} must have the normalized_shape {}; got {}", what, wanted,
             parameter.shape());
    VG_CHECK(parameter.dtype() == x.dtype(), DTypeError,
             "layer_norm: {} must have the dtype of x, {}; got {}", what, name(x.dtype()),
             name(parameter.dtype()));
  }
  // Each row is a sample of one channel.
  const Index row = element_count(wanted);
  const Tensor rows = x.reshape({row > 0 ? x.numel() / row : 0, 1, row});
  const Normalization n{.op = "layer_norm",
                        .shape = norm_shape(rows, true),
                        .per_sample = true,
                        .constant = x.numel() == 0,
                        .eps = options.eps};
  Tensor y = normalized(n, rows, moments_of(n, rows), {}, {}).reshape(x.shape());
  if (options.weight.defined()) y = y * options.weight;
  return options.bias.defined() ? y + options.bias : y;
}

Tensor normalize(const Tensor& x, double p, Index axis, double eps) {
  check_input("normalize", x, eps);
  VG_CHECK(p >= 0, ShapeError, "normalize: p must be at least 0; got {}", p);
  const std::array axes{static_cast<Index>(normalize_axis("normalize", axis, x.dim()))};
  return x / clamp(length_along(x, p, axes), eps, std::numeric_limits<double>::infinity());
}

}  // namespace voxgrad
