// Matrix products and the affine map. Differentiable.
#pragma once

#include <voxgrad/core/tensor.h>

namespace [[gnu::visibility("default")]] voxgrad {

/// Matrix product by torch.matmul's rules: (m, k) x (k, n) -> (m, n); a first vector counts as a
/// row and a second one as a column, and the axis goes again; axes before the last two are batches
/// and broadcast.
/// @throws ShapeError where sizes do not fit or a tensor has rank 0; DTypeError unless both have
/// one floating dtype; DeviceError.
Tensor matmul(const Tensor& a, const Tensor& b);

/// x w^T + bias.
///
/// @param x     (..., in)
/// @param w     (out, in), torch.nn.Linear's layout
/// @param bias  (out), or undefined for none
/// @return      (..., out)
/// @throws ShapeError, DTypeError, DeviceError.
Tensor linear(const Tensor& x, const Tensor& w, const Tensor& bias = {});

}  // namespace voxgrad
