// Matrix products and the affine map. Differentiable.
#pragma once

#include <initializer_list>
#include <span>
#include <string_view>

#include <voxgrad/core/tensor.h>

namespace [[gnu::visibility("default")]] voxgrad {

/// Matrix product by torch.matmul's rules: (m, k) x (k, n) -> (m, n); a first vector counts as a
/// row and a second one as a column, and the axis goes again; axes before the last two are batches
/// and broadcast.
/// @throws ShapeError where sizes do not fit or a tensor has rank 0; DTypeError unless both have
/// one dtype, which is not boolean; DeviceError. Integers wrap around.
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

/// Sum of products by Einstein's convention, as torch.einsum: "bij,bjk->bik" is bmm. A letter names
/// an axis, "..." the axes that have no letter; axes of one letter are of one size, or of size 1.
/// Letters that the result does not have are summed over; a letter twice in a term takes the
/// diagonal. Without "->" the result has the letters that occur once, in order. Operands are
/// contracted from left to right.
/// @throws ShapeError where equation and shapes do not fit; DTypeError unless those that are
/// summed over have one dtype, not boolean (else they promote); DeviceError.
Tensor einsum(std::string_view equation, std::span<const Tensor> operands);
inline Tensor einsum(std::string_view equation, std::initializer_list<Tensor> operands) {
  return einsum(equation, std::span(operands.begin(), operands.size()));
}

/// Sum of products over pairs of axes; the result has the other axes of a, then those of b.
/// @throws as matmul; IndexError for wrong axes.
Tensor tensordot(const Tensor& a, const Tensor& b, std::span<const Index> a_axes,
                 std::span<const Index> b_axes);

/// x w^T + bias.
///
/// @param x     (..., in)
/// @param w     (out, in), torch.nn.Linear's layout
/// @param bias  (out), or undefined for none
/// @return      (..., out)
/// @throws ShapeError, DTypeError, DeviceError.
Tensor linear(const Tensor& x, const Tensor& w, const Tensor& bias = {});

/// Whether products of float32 on GPUs, convolutions among them, may round their factors to TF32
/// (10 bits behind the point, in place of 23), which is several times as fast. False at first; for
/// the whole process; the CPU takes no notice.
void set_allow_tf32(bool on);
bool allow_tf32();

}  // namespace voxgrad
