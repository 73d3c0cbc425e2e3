#include <voxgrad/ops/matmul.h>

#include <algorithm>
#include <atomic>
#include <utility>

#include <voxgrad/ops/layout.h>

namespace voxgrad::ops {

namespace {

Shape batch_shape(const Tensor& x) { return {x.shape().begin(), x.shape().end() - 2}; }

Shape with_matrix(Shape batch, Index rows, Index columns) {
  batch.push_back(rows);
  batch.push_back(columns);
  return batch;
}

Tensor readable_by_blas(const Tensor& x) {
  return matrix_layout(x.size(-2), x.size(-1), x.stride(-2), x.stride(-1)) ? x : to_contiguous(x);
}

}  // namespace

namespace {
std::atomic<bool> tf32{false};
thread_local std::optional<bool> tf32_here;
}  // namespace

void set_allow_tf32(bool on) { tf32.store(on); }
bool allow_tf32() { return tf32_here.value_or(tf32.load(std::memory_order_relaxed)); }

Tf32Scope::Tf32Scope(bool on) : outer_(std::exchange(tf32_here, on)) {}
Tf32Scope::~Tf32Scope() { tf32_here = outer_; }

const MatmulKernels& matmul_kernels(Device device) {
  return select_kernels(device, cpu::kMatmul, cuda::kMatmul);
}

std::optional<MatrixLayout> matrix_layout(Index rows, Index columns, Index row_stride,
                                          Index column_stride) {
  // A single row or column may have any stride; BLAS wants one that its length would allow.
  if (columns <= 1) column_stride = 1;
  if (column_stride == 1 && (rows <= 1 || row_stride >= columns)) {
    return MatrixLayout{false, std::max<Index>(1, rows <= 1 ? columns : row_stride)};
  }
  if ((row_stride == 1 || rows <= 1) && column_stride >= rows) {
    return MatrixLayout{true, std::max<Index>(1, column_stride)};
  }
  return std::nullopt;
}

Tensor matmul(const Tensor& a, const Tensor& b) {
  const Shape batch = broadcast_shape("matmul", batch_shape(a), batch_shape(b));
  Tensor out = Tensor::empty(with_matrix(batch, a.size(-2), b.size(-1)), a.dtype(), a.device());
  if (out.numel() == 0) return out;
  const Tensor left = readable_by_blas(a);
  const Tensor right = readable_by_blas(b);
  matmul_kernels(a.device())
      .matmul(operand(left, with_matrix(batch, a.size(-2), a.size(-1))),
              operand(right, with_matrix(batch, b.size(-2), b.size(-1))), target(out));
  return out;
}

}  // namespace voxgrad::ops
