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

/// matmul of tensors whose ranks are fixed: matrices; batches of matrices, of one batch size;
/// a matrix and a vector; vectors, of one length. @throws as matmul, ShapeError for other ranks.
Tensor mm(const Tensor& a, const Tensor& b);
Tensor bmm(const Tensor& a, const Tensor& b);
Tensor mv(const Tensor& a, const Tensor& b);
Tensor dot(const Tensor& a, const Tensor& b);
/// a[i] * b[j] of two vectors: (m, n).
Tensor outer(const Tensor& a, const Tensor& b);

/// beta * x + alpha * (a b) of matrices; x broadcasts to the product. With beta 0 the values of x
/// are not looked at. @throws as mm.
Tensor addmm(const Tensor& x, const Tensor& a, const Tensor& b, double beta = 1, double alpha = 1);
/// The same of batches of matrices. @throws as bmm.
Tensor baddbmm(const Tensor& x, const Tensor& a, const Tensor& b, double beta = 1,
               double alpha = 1);

/// x w^T + bias.
///
/// @param x     (..., in)
/// @param w     (out, in), torch.nn.Linear's layout
/// @param bias  (out), or undefined for none
/// @return      (..., out)
/// @throws ShapeError, DTypeError, DeviceError.
Tensor linear(const Tensor& x, const Tensor& w, const Tensor& bias = {});

}  // namespace voxgrad
