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
/// Of the device's type; from here on this thread's kernels run on that device.
const MatmulKernels& matmul_kernels(Device device);

namespace cpu {
extern const MatmulKernels kMatmul;
}
namespace cuda {
extern const MatmulKernels kMatmul;
}

/// Whether products of float32 on GPUs, convolutions among them, may round their factors to TF32
/// (10 bits behind the point, in place of 23). False at first; for the whole process, but for where
/// a Tf32Scope lives.
void set_allow_tf32(bool on);
bool allow_tf32();

/// What allow_tf32() says on this thread while one lives, whatever is set meanwhile.
class Tf32Scope {
 public:
  explicit Tf32Scope(bool on);
  ~Tf32Scope();
  Tf32Scope(const Tf32Scope&) = delete;
  Tf32Scope& operator=(const Tf32Scope&) = delete;

 private:
  std::optional<bool> outer_;
};

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
