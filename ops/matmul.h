// Internal: matrix products of values, no graph.
#pragma once

#include <optional>

#include <voxgrad/ops/operand.h>

namespace [[gnu::visibility("default")]] voxgrad {
namespace ops {

/// a (batch..., m, k) times b (batch..., k, n), of one dtype, not boolean; the batch axes
/// broadcast. Integers wrap around. The result is plain.
Tensor matmul(const Tensor& a, const Tensor& b);

struct MatmulKernels {
  /// Operands with equal batch axes; of the last two axes of a and b one has stride 1 and the
  /// other's rows do not overlap.
  void (*matmul)(const Operand& a, const Operand& b, const Operand& out);
};
/// @throws DeviceError where the device has none.
const MatmulKernels& matmul_kernels(DeviceType device);

namespace cpu {
extern const MatmulKernels kMatmul;
}

/// How BLAS reads a matrix: rows `row` elements apart, or columns when `transposed`.
struct MatrixLayout {
  bool transposed;
  Index row;
};
/// Nothing where neither axis runs with stride 1, or rows overlap: the matrix must be copied first.
std::optional<MatrixLayout> matrix_layout(Index rows, Index columns, Index row_stride,
                                          Index column_stride);

}  // namespace ops
}  // namespace voxgrad
