// Matrix products: BLAS runs on one thread per call, so the result is cut into blocks whose sizes
// follow from the shape alone.
#include <voxgrad/ops/matmul.h>

#include <algorithm>
#include <type_traits>

#include <voxgrad/ops/cpu/blas.h>
#include <voxgrad/ops/cpu/strided.h>

namespace voxgrad::ops::cpu {

namespace {

constexpr Index kBlock = 1024;          // largest rows and columns of one block
constexpr Index kSmallestBlock = 128;   // below that BLAS packs more than it multiplies
constexpr Index kBlocksWanted = 16;     // enough to keep threads busy
constexpr Index kWorthATile = 1 << 18;  // multiply-adds

struct Blocks {
  Index rows;
  Index columns;
};

Index pieces(Index size, Index block) { return (size + block - 1) / block; }

Blocks choose_blocks(Index matrices, Index m, Index n, Index k) {
  Blocks block{std::min(m, kBlock), std::min(n, kBlock)};
  while (matrices * pieces(m, block.rows) * pieces(n, block.columns) < kBlocksWanted) {
    Index& larger = block.rows >= block.columns ? block.rows : block.columns;
    if (larger < 2 * kSmallestBlock || block.rows * block.columns * k < 2 * kWorthATile) break;
    larger = (larger / 2 + 15) / 16 * 16;
  }
  return block;
}

// One matrix inside an operand: op(A)[i, j] at data + (transposed ? j * row + i : i * row + j).
template <typename T>
struct Matrix {
  const T* data;
  MatrixLayout layout;

  const T* at(Index i, Index j) const {
    return data + (layout.transposed ? j * layout.row + i : i * layout.row + j);
  }
};

MatrixLayout layout_of(const Operand& x) {
  const std::size_t rank = x.shape.size();
  return *matrix_layout(x.shape[rank - 2], x.shape[rank - 1], x.strides[rank - 2],
                        x.strides[rank - 1]);
}

std::span<const Index> batch_part(const std::vector<Index>& values) {
  return std::span(values).first(values.size() - 2);
}

/// The same product of integers, which wraps around: out is m rows of n, `row` elements apart.
template <typename T>
void multiply(Index m, Index n, Index k, const Matrix<T>& a, const Matrix<T>& b, T* out,
              Index row) {
  using W = std::make_unsigned_t<T>;
  for (Index i = 0; i < m; ++i) {
    T* to = out + i * row;
    std::fill(to, to + n, T(0));
    for (Index l = 0; l < k; ++l) {
      const auto factor = static_cast<W>(*a.at(i, l));
      const T* from = b.at(l, 0);
      const Index step = b.layout.transposed ? b.layout.row : 1;
      for (Index j = 0; j < n; ++j)
        to[j] = static_cast<T>(static_cast<W>(to[j]) + factor * static_cast<W>(from[j * step]));
    }
  }
}

template <typename T>
void run(const Operand& a, const Operand& b, const Operand& out) {
  const std::size_t rank = out.shape.size();
  const Index m = out.shape[rank - 2];
  const Index n = out.shape[rank - 1];
  const Index k = a.shape[rank - 1];
  const MatrixLayout a_layout = layout_of(a);
  const MatrixLayout b_layout = layout_of(b);
  const StridedLoop<3> batch(batch_part(out.shape), {batch_part(out.strides), batch_part(a.strides),
                                                     batch_part(b.strides)});
  const Blocks block = choose_blocks(batch.count(), m, n, k);
  const Index column_blocks = pieces(n, block.columns);
  const Index blocks = pieces(m, block.rows) * column_blocks;
  const auto body = [&](Index tile) {
    batch.walk(tile / blocks, tile / blocks + 1, [&](const auto& at, const auto&, Index) {
      const Index i = tile % blocks / column_blocks * block.rows;
      const Index j = tile % column_blocks * block.columns;
      const Index rows = std::min(block.rows, m - i), columns = std::min(block.columns, n - j);
      const Matrix<T> left{Matrix<T>{a.as<const T>() + at[1], a_layout}.at(i, 0), a_layout};
      const Matrix<T> right{Matrix<T>{b.as<const T>() + at[2], b_layout}.at(0, j), b_layout};
      T* to = out.as<T>() + at[0] + i * n + j;
      if constexpr (std::is_floating_point_v<T>) {
        gemm<T>(a_layout.transposed, b_layout.transposed, rows, columns, k, T(1), left.data,
                a_layout.row, right.data, b_layout.row, T(0), to, n);
      } else {
        multiply(rows, columns, k, left, right, to, n);
      }
    });
  };
  const Index work = block.rows * block.columns * std::max<Index>(1, k);
  parallel_ranges(batch.count() * blocks, std::max<Index>(1, kWorthATile / work),
                  [&](Index begin, Index end) {
                    for (Index tile = begin; tile < end; ++tile) body(tile);
                  });
}

void matmul(const Operand& a, const Operand& b, const Operand& out) {
  visit_dtype(a.dtype, [&]<typename T>() {
    if constexpr (!std::is_same_v<T, bool>) run<T>(a, b, out);
  });
}

}  // namespace

const MatmulKernels kMatmul = {matmul};

}  // namespace voxgrad::ops::cpu
