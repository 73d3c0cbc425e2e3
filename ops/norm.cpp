#include <voxgrad/ops/norm.h>

#include <voxgrad/core/parallel.h>
#include <voxgrad/ops/elementwise.h>
#include <voxgrad/ops/layout.h>
#include <voxgrad/ops/reduce.h>

namespace voxgrad::ops {
namespace {

Tensor per_group(const NormShape& shape, const Tensor& like) {
  return Tensor::empty({shape.groups, shape.channels}, DType::float64, like.device());
}

const NormKernels& kernels_of(const Tensor& x) { return norm_kernels(x.device()); }

Tensor plain(const Tensor& x) { return x.defined() ? to_contiguous(x) : x; }

Moments plain(const Moments& moments) { return {plain(moments.mean), plain(moments.variance)}; }

NormOutput plain(const NormOutput& output) {
  return {output.eps, plain(output.weight), plain(output.bias), output.slope};
}

/// (groups, channels): the mean of each run of `merged` channels, at each of them.
Tensor mean_of_runs(const NormShape& shape, Index merged, const Tensor& x) {
  const Shape runs{shape.groups, shape.channels / merged, merged};
  const Tensor split = x.alias(runs, contiguous_strides(runs), x.offset());
  const Tensor total = reduce(ReduceOp::sum, split, {false, false, true}, true);
  const Tensor mean =
      binary(BinaryOp::div, total, scalar(static_cast<double>(merged), DType::float64, x.device()));
  Tensor result = Tensor::empty(split.shape(), DType::float64, x.device());
  copy_into(result, mean);
  return result.alias(x.shape(), contiguous_strides(x.shape()), 0);
}

}  // namespace

const NormKernels& norm_kernels(Device device) {
  return select_kernels(device, cpu::kNorm, cuda::kNorm);
}

Moments moments(const NormShape& shape, const Tensor& x) {
  Moments result{per_group(shape, x), per_group(shape, x)};
  kernels_of(x).moments(shape, to_channels_last(x), result);
  return result;
}

Tensor normalize(const NormShape& shape, const Tensor& x, const Moments& moments,
                 const NormOutput& output) {
  Tensor y = Tensor::empty_channels_last(x.shape(), x.dtype(), x.device());
  kernels_of(x).normalize(shape, to_channels_last(x), plain(moments), plain(output), y);
  return y;
}

NormSums norm_sums(const NormShape& shape, const Tensor& x, const Tensor& dy,
                   const Moments& moments, const NormOutput& output) {
  NormSums result{per_group(shape, x), per_group(shape, x)};
  kernels_of(x).sums(shape, to_channels_last(x), to_channels_last(dy), plain(moments),
                     plain(output), result);
  return result;
}

Moments merge_moments(const NormShape& shape, Index merged, const Moments& moments) {
  if (merged == 1) return moments;
  const Tensor mean = mean_of_runs(shape, merged, moments.mean);
  // Channels have equal numbers of elements: the variance within them, and that of their means.
  const Tensor apart = binary(BinaryOp::sub, moments.mean, mean);
  const Tensor squares =
      binary(BinaryOp::add, moments.variance, binary(BinaryOp::mul, apart, apart));
  return {mean, mean_of_runs(shape, merged, squares)};
}

NormSums merge_sums(const NormShape& shape, Index merged, const NormSums& sums,
                    const Tensor& weight) {
  const Tensor scale = weight.defined() ? convert(weight, DType::float64) : weight;
  const auto merge = [&](const Tensor& x) {
    const Tensor weighted = scale.defined() ? binary(BinaryOp::mul, x, scale) : x;
    return merged == 1 ? weighted : mean_of_runs(shape, merged, weighted);
  };
  return {merge(sums.dy), merge(sums.dy_xhat)};
}

Tensor norm_input_gradient(const NormShape& shape, const Tensor& x, const Tensor& dy,
                           const Moments& moments, const NormOutput& output, const NormSums& sums) {
  Tensor dx = Tensor::empty_channels_last(x.shape(), x.dtype(), x.device());
  kernels_of(x).input_gradient(shape, to_channels_last(x), to_channels_last(dy), plain(moments),
                               plain(output), sums, dx);
  return dx;
}

Tensor add_groups(const NormShape& shape, const Tensor& sums, DType dtype) {
  Tensor result = Tensor::empty({shape.channels}, dtype, sums.device());
  kernels_of(sums).add_groups(shape, sums, result);
  return result;
}

void update_running(const NormShape& shape, const Moments& moments, double momentum,
                    Moments running) {
  const NoCancel whole;
  kernels_of(moments.mean).update_running(shape, moments, momentum, running);
}

}  // namespace voxgrad::ops
