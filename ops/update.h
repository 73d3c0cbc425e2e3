// Internal: what optimizers do to parameters, and clipping to gradients: values, no graph.
#pragma once

#include <voxgrad/ops/operand.h>

namespace [[gnu::visibility("default")]] voxgrad {
namespace ops {

/// A step of gradient descent with momentum; rounded to the parameter's dtype by the kernels.
struct SgdRates {
  double step;      ///< learning rate
  double momentum;  ///< what is kept of the buffer
  double entering;  ///< the gradient's share in it
  double decay;     ///< of the parameter, added to the gradient
  bool nesterov;
  bool first;  ///< the buffer starts as the gradient
};

/// A step of Adam; rounded to the parameter's dtype by the kernels, in PyTorch's order of
/// operations.
struct AdamRates {
  double keep;    ///< what decoupled weight decay leaves of the parameter
  double decay;   ///< weight decay through the gradient
  double enter1;  ///< 1 - beta1
  double beta2, enter2;
  double correction;  ///< sqrt(1 - beta2^t)
  double eps;
  double step;  ///< -learning_rate / (1 - beta1^t)
};

/// Of one shape, dtype, device and memory order, dense; floating. `momentum`: undefined without.
void sgd_step(const SgdRates& rates, Tensor& parameter, const Tensor& grad, Tensor momentum);
/// The same; `largest` of the mean squares: undefined without amsgrad.
void adam_step(const AdamRates& rates, Tensor& parameter, const Tensor& grad, Tensor mean,
               Tensor square, Tensor largest);

/// Elements that one sum of power_sums covers.
inline constexpr Index kPowerSumChunk = Index{1} << 15;
/// Sums of |x|^p, or for p infinite the largest |x|, NaN winning; x is dense and floating.
///
/// @param sums  dense float64 of x's device: one for each kPowerSumChunk elements of x's memory
void power_sums(const Tensor& x, double p, Tensor& sums);

/// x to [-limit, limit], any strides; NaN stays.
void clip(Tensor& x, double limit);

/// Kernels get dense memory of `count` elements; null for what is undefined.
struct UpdateKernels {
  void (*sgd)(const SgdRates&, DType, Index count, void* parameter, const void* grad,
              void* momentum);
  void (*adam)(const AdamRates&, DType, Index count, void* parameter, const void* grad, void* mean,
               void* square, void* largest);
  void (*power_sums)(Device, double p, DType, Index count, const void* x, double* sums);
  void (*clip)(const Operand& x, double limit);
};
/// Of the device's type; from here on this thread's kernels run on that device.
const UpdateKernels& update_kernels(Device device);

namespace cpu {
extern const UpdateKernels kUpdate;
}
namespace cuda {
extern const UpdateKernels kUpdate;
}

}  // namespace ops
}  // namespace voxgrad
