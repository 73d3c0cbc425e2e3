// Limits on gradients, between backward() and step().
#pragma once

#include <span>

#include <voxgrad/core/tensor.h>

namespace [[gnu::visibility("default")]] voxgrad {
namespace optim {

/// Scales all gradients by max_norm / (norm + 1e-6) where that is below 1, as
/// torch.nn.utils.clip_grad_norm_; parameters without a gradient are passed over.
///
/// @param norm_type  p of the p-norm over all gradients together; infinity is the largest absolute
/// @return           the norm before; summed in float64, in an order fixed by the sizes
/// @throws ShapeError unless max_norm >= 0 and norm_type > 0; DeviceError unless on the CPU.
double clip_grad_norm_(std::span<const Tensor> parameters, double max_norm, double norm_type = 2);

/// Clamps each gradient's elements to [-limit, limit]: torch.nn.utils.clip_grad_value_.
/// @throws ShapeError unless limit >= 0; DeviceError unless on the CPU.
void clip_grad_value_(std::span<const Tensor> parameters, double limit);

}  // namespace optim
}  // namespace voxgrad
