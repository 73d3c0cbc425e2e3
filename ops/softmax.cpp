#include <voxgrad/ops/softmax.h>

#include <voxgrad/ops/layout.h>

namespace voxgrad::ops {
namespace {

Tensor dense(const Tensor& x) { return x.is_dense() ? x : to_channels_last(x); }

Tensor in_layout_of(const Tensor& y, const Tensor& x) {
  if (x.strides() == y.strides()) return x;
  Tensor copy = Tensor::empty_like(y, x.dtype());
  copy_into(copy, x);
  return copy;
}

}  // namespace

const SoftmaxKernels& softmax_kernels(Device device) {
  return select_kernels(device, cpu::kSoftmax, cuda::kSoftmax);
}

ClassShape class_shape(const Tensor& x, int axis) {
  const Index classes = x.size(axis);
  if (x.numel() == 0) return {0, classes, 1};
  // The stride of an axis of size 1 says nothing.
  const Index inner = classes == 1 ? 1 : x.stride(axis);
  return {x.numel() / classes / inner, classes, inner};
}

Tensor softmax(const Tensor& x, int axis, bool logarithm) {
  const Tensor from = dense(x);
  Tensor y = Tensor::empty_like(from);
  softmax_kernels(x.device()).softmax(class_shape(from, axis), logarithm, from, y);
  return y;
}

Tensor softmax_gradient(const Tensor& y, const Tensor& dy, int axis, bool logarithm) {
  const Tensor values = dense(y);
  Tensor dx = Tensor::empty_like(values);
  softmax_kernels(y.device())
      .softmax_gradient(class_shape(values, axis), logarithm, values, in_layout_of(values, dy), dx);
  return dx;
}

}  // namespace voxgrad::ops
