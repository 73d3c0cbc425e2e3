// Internal: included by one file per instruction set. A block of results stays in registers while
// the sum runs: each step loads a few vectors of columns and multiplies them with one number of
// each row.
#include <utility>

#include <voxgrad/ops/cpu/conv/direct_kernels.h>
#include <voxgrad/ops/cpu/conv/vectors.inl>

namespace voxgrad::ops::cpu {
namespace {

using std::int64_t;

// Adds the products of one tap's channels; `fetch(channel)` prefetches.
template <typename T, typename Vector, int kVectors, int kRows, typename Fetch>
[[gnu::always_inline]] inline void add_channels(const T* source, int64_t stride, const T* weights,
                                                int64_t channels, const Fetch& fetch,
                                                Vector (&sums)[kRows][kVectors]) {
  constexpr int kLanes = sizeof(Vector) / sizeof(T), kColumns = kVectors * kLanes;
  for (int64_t channel = 0; channel < channels; ++channel, weights += kColumns) {
    fetch(channel);
    Vector w[kVectors];
#pragma GCC unroll 2
    for (int v = 0; v < kVectors; ++v) load(w[v], weights + v * kLanes);
#pragma GCC unroll 16
    for (int row = 0; row < kRows; ++row) {
      const T value = source[row * stride + channel];
#pragma GCC unroll 2
      for (int v = 0; v < kVectors; ++v) sums[row][v] += value * w[v];
    }
  }
}

// Prefetched are the line after this one and what the next rows read of this one, which no
// prefetcher of the processor foresees, and weights: they come from the second cache.
template <typename T, typename Vector, int kVectors, int kRows>
[[gnu::always_inline]] inline void add_products(const ProductBlock<T>& block,
                                                Vector (&sums)[kRows][kVectors]) {
  constexpr int kColumns = kVectors * sizeof(Vector) / sizeof(T);
  constexpr int kCacheLine = 64 / sizeof(T), kWeightsAhead = 8 * kColumns;
  for (int64_t line = 0; line < block.line_count; ++line) {
    const T* source = block.lines[line].source + block.shift;
    const T* weights = block.lines[line].weights + block.weight_shift;
    const T* next = block.lines[line + 1 < block.line_count ? line + 1 : line].source + block.shift;
    for (int64_t tap = 0; tap < block.taps; ++tap, source += block.tap_stride) {
      const T* ahead = source + kRows * block.row_stride;
      const auto fetch = [=](int64_t channel) __attribute__((always_inline)) {
        __builtin_prefetch(next + channel * kCacheLine);
        __builtin_prefetch(ahead + channel * kCacheLine);
#pragma GCC unroll 2
        for (int i = 0; i < kColumns; i += kCacheLine)
          __builtin_prefetch(weights + channel * kColumns + kWeightsAhead + i);
      };
      add_channels(source, block.row_stride, weights, block.channels, fetch, sums);
      weights += block.channels * kColumns;
    }
  }
}

template <bool kStreams, typename T, typename Vector, int kVectors, int kRows>
[[gnu::always_inline]] inline void store_sums(const ProductBlock<T>& block,
                                              const Vector (&sums)[kRows][kVectors]) {
  constexpr int kLanes = sizeof(Vector) / sizeof(T), kColumns = kVectors * kLanes;
  if (block.stored < kColumns) {
    T all[kRows][kColumns];
    __builtin_memcpy(all, sums, sizeof(all));
    for (int row = 0; row < kRows; ++row) {
      T* to = block.out + row * block.out_stride;
      for (int64_t i = 0; i < block.stored; ++i) to[i] = all[row][i];
    }
    return;
  }
#pragma GCC unroll 16
  for (int row = 0; row < kRows; ++row) {
#pragma GCC unroll 2
    for (int v = 0; v < kVectors; ++v) {
      put(block.out + row * block.out_stride + v * kLanes, sums[row][v], kStreams);
    }
  }
}

template <bool kStreams, typename T, int kLanes, int kVectors, int kRows>
void product_to(const ProductBlock<T>& block) {
  using Vector = typename VectorOf<T, kLanes>::Type;
  Vector sums[kRows][kVectors];
#pragma GCC unroll 16
  for (int row = 0; row < kRows; ++row) {
#pragma GCC unroll 2
    for (int v = 0; v < kVectors; ++v) {
      load(sums[row][v], block.bias + row * block.bias_stride + v * kLanes);
    }
  }
  add_products(block, sums);
  store_sums<kStreams>(block, sums);
}

// Two functions: the choice between them would cost the inner loop registers.
template <typename T, int kLanes, int kVectors, int kRows>
void product(const ProductBlock<T>& block) {
  (block.streams ? product_to<true, T, kLanes, kVectors, kRows>
                 : product_to<false, T, kLanes, kVectors, kRows>)(block);
}

// As product, for one line of one tap: it is called often, with few channels.
template <typename T, int kLanes, int kVectors, int kRows>
void matrix_product(const MatrixBlock<T>& block) {
  using Vector = typename VectorOf<T, kLanes>::Type;
  Vector sums[kRows][kVectors] = {};
  const T* ahead = block.rows + kRows * block.row_stride;
  const auto fetch = [=](int64_t channel) __attribute__((always_inline)) {
    __builtin_prefetch(ahead + channel * (64 / sizeof(T)));
  };
  add_channels(block.rows, block.row_stride, block.weights, block.channels, fetch, sums);
#pragma GCC unroll 16
  for (int row = 0; row < kRows; ++row) {
#pragma GCC unroll 2
    for (int v = 0; v < kVectors; ++v) {
      store(block.out + row * block.out_stride + v * kLanes, sums[row][v]);
    }
  }
}

template <typename T, int kLanes, int kVectors, int kRows>
void sum(const SumBlock<T>& block) {
  using Vector = typename VectorOf<T, kLanes>::Type;
  Vector sums[kRows][kVectors];
#pragma GCC unroll 16
  for (int k = 0; k < kRows; ++k) {
#pragma GCC unroll 2
    for (int v = 0; v < kVectors; ++v) {
      sums[k][v] = Vector{};
      if (!block.fresh) load(sums[k][v], block.sums + (k * kVectors + v) * kLanes);
    }
  }
  const T* x = block.x;
  const T* y = block.y;
  for (int64_t row = 0; row < block.rows; ++row) {
    __builtin_prefetch(x + 8 * block.x_stride);
    __builtin_prefetch(y + 8 * block.y_stride);
    if constexpr (kVectors > 1) __builtin_prefetch(y + 8 * block.y_stride + kLanes);
    Vector values[kVectors];
#pragma GCC unroll 2
    for (int v = 0; v < kVectors; ++v) load(values[v], y + v * kLanes);
#pragma GCC unroll 16
    for (int k = 0; k < kRows; ++k) {
      const T value = x[k];
#pragma GCC unroll 2
      for (int v = 0; v < kVectors; ++v) sums[k][v] += value * values[v];
    }
    x += block.x_stride;
    y += block.y_stride;
  }
#pragma GCC unroll 16
  for (int k = 0; k < kRows; ++k) {
#pragma GCC unroll 2
    for (int v = 0; v < kVectors; ++v) store(block.sums + (k * kVectors + v) * kLanes, sums[k][v]);
  }
}

// Sums of neighbouring lanes: those of a, then those of b.
template <typename Vector, std::size_t... pair>
[[gnu::always_inline]] inline void add_pairs(const Vector& a, const Vector& b, Vector& sums,
                                             std::index_sequence<pair...>) {
  sums = __builtin_shufflevector(a, b, (2 * pair)...) +
         __builtin_shufflevector(a, b, (2 * pair + 1)...);
}

// vectors[0] <- the sum of the lanes of each of kCount vectors, in order.
template <int kLanes, int kCount, typename Vector>
[[gnu::always_inline]] inline void add_lanes(Vector* vectors) {
#pragma GCC unroll 8
  for (int i = 0; i < kCount / 2; ++i) {
    add_pairs(vectors[2 * i], vectors[2 * i + 1], vectors[i], std::make_index_sequence<kLanes>());
  }
  if constexpr (kCount > 2) add_lanes<kLanes, kCount / 2>(vectors);
}

// sums[row] <- products of one column, lane by lane. `kFetches`: the rows two blocks on are
// prefetched.
template <bool kFetches, typename T, typename Vector, int kLanes>
[[gnu::always_inline]] inline void multiply_rows(const DotBlock<T>& block, const T* weights,
                                                 Vector (&sums)[kLanes]) {
  const int64_t stride = block.row_stride;
#pragma GCC unroll 16
  for (int row = 0; row < kLanes; ++row) sums[row] = Vector{};
  for (int64_t channel = 0; channel < block.channels; channel += kLanes) {
    Vector w, value;
    load(w, weights + channel);
    const T* from = block.rows + channel;
#pragma GCC unroll 16
    for (int row = 0; row < kLanes; ++row, from += stride) {
      if constexpr (kFetches) __builtin_prefetch(from + 2 * kLanes * stride);
      load(value, from);
      sums[row] += value * w;
      asm("" : "+r"(from));  // else compilers prepare an address for each row, in memory
    }
  }
}

// A vector holds neighbouring channels. As many rows as it has lanes, so that their sums fill one.
template <typename T, int kLanes>
void dot(const DotBlock<T>& block) {
  T results[kMostDotColumns][kLanes];
  for (int64_t column = 0; column < block.columns; ++column) {
    typename VectorOf<T, kLanes>::Type sums[kLanes];
    const T* weights = block.weights + column * block.channels;
    if (column == 0) multiply_rows<true>(block, weights, sums);
    else multiply_rows<false>(block, weights, sums);
    add_lanes<kLanes, kLanes>(sums);
    sums[0] += block.bias[column];
    store(results[column], sums[0]);
  }
  for (int row = 0; row < kLanes; ++row) {
    for (int64_t column = 0; column < block.columns; ++column) {
      block.out[row * block.columns + column] = results[column][row];
    }
  }
}

/// Fills entries 1 ... kRows of a set.
template <typename T, int kLanes, int kVectors, int kRows>
constexpr KernelSet<T> kernel_set() {
  KernelSet<T> set{};
  if constexpr (kRows > 1) set = kernel_set<T, kLanes, kVectors, kRows - 1>();
  set.columns = kLanes * kVectors;
  set.product[kRows - 1] = product<T, kLanes, kVectors, kRows>;
  set.matrix_product[kRows - 1] = matrix_product<T, kLanes, kVectors, kRows>;
  set.sum[kRows - 1] = sum<T, kLanes, kVectors, kRows>;
  return set;
}

/// For vectors of kBytes bytes and blocks of at most kRows rows: two vectors of columns, one, a
/// half, a quarter.
template <typename T, int kBytes, int kRows>
constexpr KernelTable<T> kernel_table() {
  constexpr int kLanes = kBytes / static_cast<int>(sizeof(T));
  KernelTable<T> table{kRows, 2, {}, kLanes, dot<T, kLanes>};
  table.sets[0] = kernel_set<T, kLanes, 2, kRows>();
  table.sets[1] = kernel_set<T, kLanes, 1, kRows>();
  if constexpr (kLanes >= 4) table.sets[table.set_count++] = kernel_set<T, kLanes / 2, 1, kRows>();
  if constexpr (kLanes >= 8) table.sets[table.set_count++] = kernel_set<T, kLanes / 4, 1, kRows>();
  return table;
}

}  // namespace
}  // namespace voxgrad::ops::cpu
