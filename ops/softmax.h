// Internal: softmax over one axis, and what the losses over class scores need of it: values, no
// graph.
#pragma once

#include <voxgrad/core/tensor.h>

namespace [[gnu::visibility("default")]] voxgrad {
namespace ops {

/// A dense tensor seen from one axis: x[outer][classes][inner]. Channels-last tensors have inner 1.
/// A position is an (outer, inner) pair, numbered outer * inner_size + inner.
struct ClassShape {
  Index outer = 0;
  Index classes = 0;
  Index inner = 1;
  constexpr Index positions() const { return outer * inner; }
};

/// `x` must be dense and `axis` in [0, dim).
ClassShape class_shape(const Tensor& x, int axis);

/// Operands of one kernel lie in one memory order.
struct SoftmaxKernels {
  void (*softmax)(const ClassShape&, bool logarithm, const Tensor& x, Tensor& y);
  void (*softmax_gradient)(const ClassShape&, bool logarithm, const Tensor& y, const Tensor& dy,
                           Tensor& dx);
};

/// Of the device's type; from here on this thread's kernels run on that device.
const SoftmaxKernels& softmax_kernels(Device device);

namespace cpu {
extern const SoftmaxKernels kSoftmax;
}
namespace cuda {
extern const SoftmaxKernels kSoftmax;
}

/// exp(x) / sum of exp(x) along the axis, or its logarithm; the memory order of x where x is dense,
/// else channels-last.
Tensor softmax(const Tensor& x, int axis, bool logarithm);

/// Gradient of softmax by x from its result y: y * (dy - sum(dy * y)), for the logarithm dy -
/// exp(y) * sum(dy).
Tensor softmax_gradient(const Tensor& y, const Tensor& dy, int axis, bool logarithm);

}  // namespace ops
}  // namespace voxgrad
