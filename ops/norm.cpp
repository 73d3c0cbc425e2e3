#include <voxgrad/ops/norm.h>

#include <voxgrad/core/parallel.h>
#include <voxgrad/ops/layout.h>

namespace voxgrad::ops {
namespace {

Tensor per_group(const NormShape& shape, const Tensor& like) {
  return Tensor::empty({shape.groups, shape.channels}, DType::float64, like.device());
}

const NormKernels& kernels_of(const Tensor& x) { return norm_kernels(x.device().type); }

Tensor plain(const Tensor& x) { return x.defined() ? to_contiguous(x) : x; }

Moments plain(const Moments& moments) { return {plain(moments.mean), plain(moments.variance)}; }

}  // namespace

const NormKernels& norm_kernels(DeviceType device) {
  if (device == DeviceType::cpu) return cpu::kNorm;
  no_kernels("norm", device);
}

Moments moments(const NormShape& shape, const Tensor& x) {
  Moments result{per_group(shape, x), per_group(shape, x)};
  kernels_of(x).moments(shape, to_channels_last(x), result);
  return result;
}

Tensor normalize(const NormShape& shape, const Tensor& x, const Moments& moments, double eps,
                 const Tensor& weight, const Tensor& bias) {
  Tensor y = Tensor::empty_channels_last(x.shape(), x.dtype(), x.device());
  kernels_of(x).normalize(shape, to_channels_last(x), plain(moments), eps, plain(weight),
                          plain(bias), y);
  return y;
}

NormSums norm_sums(const NormShape& shape, const Tensor& x, const Tensor& dy,
                   const Moments& moments, double eps) {
  NormSums result{per_group(shape, x), per_group(shape, x)};
  kernels_of(x).sums(shape, to_channels_last(x), to_channels_last(dy), plain(moments), eps, result);
  return result;
}

Tensor norm_input_gradient(const NormShape& shape, const Tensor& x, const Tensor& dy,
                           const Moments& moments, double eps, const Tensor& weight,
                           const NormSums& sums) {
  Tensor dx = Tensor::empty_channels_last(x.shape(), x.dtype(), x.device());
  kernels_of(x).input_gradient(shape, to_channels_last(x), to_channels_last(dy), plain(moments),
                               eps, plain(weight), sums, dx);
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
