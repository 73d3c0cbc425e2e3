// Limits on gradients, between backward() and step().
#pragma once

#include <span>

#include <voxgrad/core/tensor.h>

namespace [[gnu::visibility("default")]] voxgrad {
namespace optim {

/// The p-norm of all elements of all tensors together, p = `norm_type`, as
/// torch.nn.utils.get_total_norm: summed in float64, in an order fixed by the sizes. Infinity is
/// the largest absolute value, 0 the norm of no tensors.
/// @throws ShapeError unless norm_type > 0; DTypeError unless floating.
double get_total_norm(std::span<const Tensor> tensors, double norm_type = 2);

/// Scales all gradients by max_norm / (norm + 1e-6) where that is below 1, as
/// torch.nn.utils.clip_grad_norm_; parameters without a gradient are passed over.
///
/// @param norm_type  p of the p-norm over all gradients together; infinity is the largest absolute
/// @return           the norm before, of get_total_norm
/// @throws ShapeError unless max_norm >= 0 and norm_type > 0.
double clip_grad_norm_(std::span<const Tensor> parameters, double max_norm, double norm_type = 2);

/// Clamps each gradient's elements to [-limit, limit]: torch.nn.utils.clip_grad_value_.
/// @throws ShapeError unless limit >= 0.
void clip_grad_value_(std::span<const Tensor> parameters, double limit);

}  // namespace optim
}  // namespace voxgrad
