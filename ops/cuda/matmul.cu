// Matrix products: cuBLAS for floating types; integers, which only tests and labels multiply, one
// element a part.
#include <voxgrad/ops/matmul.h>

#include <type_traits>

#include <voxgrad/ops/cuda/gemm.h>
#include <voxgrad/ops/cuda/launch.h>
#include <voxgrad/ops/cuda/walk.h>
#include <voxgrad/ops/layout.h>

namespace voxgrad::ops::cuda {

namespace {

Matrix matrix_of(const Operand& x) {
  const std::size_t rank = x.shape.size();
  const MatrixLayout layout = *matrix_layout(x.shape[rank - 2], x.shape[rank - 1],
                                             x.strides[rank - 2], x.strides[rank - 1]);
  return {.data = x.data, .row = layout.row, .transposed = layout.transposed};
}

std::span<const Index> batch_part(const std::vector<Index>& values) {
  return std::span(values).first(values.size() - 2);
}

/// Calls run(offsets of out, a and b) for all batch indices but those of the innermost axis.
template <typename Run>
void for_each_outer(const StridedAxes<3>& batch, std::size_t axis, StridedAxes<3>::Offsets at,
                    const Run& run) {
  if (axis + 1 == batch.axes().size()) return run(at);
  const auto& outer = batch.axes()[axis];
  for (Index i = 0; i < outer.size; ++i) {
    for_each_outer(batch, axis + 1, at, run);
    for (std::size_t k = 0; k < 3; ++k) at[k] += outer.steps[k];
  }
}

const std::byte* moved(const void* data, Index elements, DType dtype) {
  return static_cast<const std::byte*>(data) + elements * static_cast<Index>(size_of(dtype));
}

void multiply_floating(const Operand& a, const Operand& b, const Operand& out) {
  const std::size_t rank = out.shape.size();
  const StridedAxes<3> batch(batch_part(out.shape), {batch_part(out.strides), batch_part(a.strides),
                                                     batch_part(b.strides)});
  const auto& inner = batch.inner();
  Product product{.dtype = a.dtype,
                  .m = out.shape[rank - 2],
                  .n = out.shape[rank - 1],
                  .k = a.shape[rank - 1],
                  .count = inner.size,
                  .a = matrix_of(a),
                  .b = matrix_of(b),
                  .c_row = out.shape[rank - 1],
                  .c_batch = inner.steps[0]};
  product.a.batch = inner.steps[1];
  product.b.batch = inner.steps[2];
  for_each_outer(batch, 0, {}, [&](const auto& at) {
    Product now = product;
    now.c = const_cast<std::byte*>(moved(out.data, at[0], out.dtype));
    now.a.data = moved(a.data, at[1], a.dtype);
    now.b.data = moved(b.data, at[2], b.dtype);
    multiply(now);
  });
}

/// The same product of integers, which wraps around.
template <typename T>
struct MultiplyIntegers {
  Walk<3> walk;  // elements of out, with those of a's row 0 ... and b's column
  Index k, a_step, b_step;
  T* out;
  const T* a;
  const T* b;
  __device__ void operator()(Index i) const {
    using W = std::make_unsigned_t<T>;
    const auto [at] = walk(i);
    W sum = 0;
    for (Index l = 0; l < k; ++l)
      sum += static_cast<W>(a[at[1] + l * a_step]) * static_cast<W>(b[at[2] + l * b_step]);
    out[at[0]] = static_cast<T>(sum);
  }
};

template <typename T>
void multiply_integers(const Operand& a, const Operand& b, const Operand& out) {
  const std::size_t rank = out.shape.size();
  Strides rows = a.strides, columns = b.strides;
  rows[rank - 1] = 0;
  columns[rank - 2] = 0;
  const Walk<3> places(StridedAxes<3>(out.shape, {out.strides, rows, columns}));
  launch("matmul", places.count(),
         MultiplyIntegers<T>{places, a.shape[rank - 1], a.strides[rank - 1], b.strides[rank - 2],
                             out.as<T>(), a.as<const T>(), b.as<const T>()});
}

void matmul(const Operand& a, const Operand& b, const Operand& out) {
  if (a.shape.back() == 0) return kLayout.fill(out, 0);  // BLAS wants sizes above 0
  visit_dtype(a.dtype, [&]<typename T>() {
    if constexpr (std::is_floating_point_v<T>) multiply_floating(a, b, out);
    else if constexpr (!std::is_same_v<T, bool>) multiply_integers<T>(a, b, out);
  });
}

}  // namespace

const MatmulKernels kMatmul = {matmul};

}  // namespace voxgrad::ops::cuda
