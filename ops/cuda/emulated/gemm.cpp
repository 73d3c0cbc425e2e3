// Matrix products on the library's own OpenBLAS.
#include <bit>
#include <cstdint>
#include <vector>

#include <voxgrad/ops/cuda/gemm.h>

#include <device_launch.h>
#include <voxgrad/ops/cpu/blas.h>
#include <voxgrad/ops/matmul.h>

namespace voxgrad::ops::cuda {
namespace {

/// To the nearest with 10 bits behind the point, as TF32 has; halves away from zero.
float rounded_to_tf32(float x) {
  constexpr std::uint32_t kLast = 1U << 13;
  const auto bits = std::bit_cast<std::uint32_t>(x);
  const bool is_finite = (bits & 0x7f800000U) != 0x7f800000U;
  return is_finite ? std::bit_cast<float>((bits + kLast / 2) & ~(kLast - 1)) : x;
}

/// Matrix i of the batch in TF32, written to `memory`, and its new row distance.
Matrix in_tf32(const Matrix& matrix, Index i, Index rows, Index columns,
               std::vector<float>& memory) {
  if (matrix.transposed) std::swap(rows, columns);
  const float* from = static_cast<const float*>(matrix.data) + i * matrix.batch;
  memory.clear();
  for (Index r = 0; r < rows; ++r) {
    for (Index c = 0; c < columns; ++c) {
      memory.push_back(rounded_to_tf32(from[r * matrix.row + c]));
    }
  }
  return {.data = memory.data(), .row = columns, .transposed = matrix.transposed};
}

template <typename T>
void multiply_one(const Product& p, const Matrix& a, const Matrix& b, T* c) {
  cpu::gemm<T>(a.transposed, b.transposed, p.m, p.n, p.k, T(1), static_cast<const T*>(a.data),
               a.row, static_cast<const T*>(b.data), b.row, p.add ? T(1) : T(0), c, p.c_row);
}

template <typename T>
Matrix of_batch(const Matrix& matrix, Index i) {
  Matrix result = matrix;
  result.data = static_cast<const T*>(matrix.data) + i * matrix.batch;
  return result;
}

}  // namespace

void multiply(const Product& p) {
  const DeviceMemoryAccess access;
  const bool tf32 = p.dtype == DType::float32 && allow_tf32();
  std::vector<float> a, b;
  visit_floating(p.dtype, [&]<typename T>() {
    for (Index i = 0; i < p.count; ++i) {
      multiply_one<T>(p, tf32 ? in_tf32(p.a, i, p.m, p.k, a) : of_batch<T>(p.a, i),
                      tf32 ? in_tf32(p.b, i, p.k, p.n, b) : of_batch<T>(p.b, i),
                      static_cast<T*>(p.c) + i * p.c_batch);
    }
  });
}

}  // namespace voxgrad::ops::cuda
