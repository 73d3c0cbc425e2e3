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

// The lane that result `at` takes its first (kOdd: second) summand from. Neighbouring units of
// kUnit lanes are added; each stretch of kStretch lanes holds the sums of a's, then those of b's.
template <int kStretch, int kUnit, int kOdd>
constexpr std::size_t lane_of_pair(std::size_t at, std::size_t lanes) {
  const std::size_t start = at / kStretch * kStretch, unit = at % kStretch / kUnit;
  const std::size_t half = kStretch / kUnit / 2;
  return (unit < half ? 0 : lanes) + start + (2 * (unit % half) + kOdd) * kUnit + at % kUnit;
}

template <int kStretch, int kUnit, typename Vector, std::size_t... at>
[[gnu::always_inline]] inline void add_pairs(const Vector& a, const Vector& b, Vector& sums,
                                             std::index_sequence<at...>) {
  constexpr std::size_t kLanes = sizeof...(at);
  sums = __builtin_shufflevector(a, b, lane_of_pair<kStretch, kUnit, 0>(at, kLanes)...) +
         __builtin_shufflevector(a, b, lane_of_pair<kStretch, kUnit, 1>(at, kLanes)...);
}

// vectors[0] <- the sum of the lanes of each of kCount vectors, in order. Neighbours are added:
// first inside parts of 16 bytes, where shuffles are cheap, then whole parts.
template <typename T, int kLanes, int kCount, typename Vector>
[[gnu::always_inline]] inline void add_lanes(Vector* vectors) {
  constexpr int kNear = 16 / static_cast<int>(sizeof(T));
  constexpr bool kInside = kCount * kNear > kLanes;
#pragma GCC unroll 8
  for (int i = 0; i < kCount / 2; ++i) {
    add_pairs<kInside ? kNear : kLanes, kInside ? 1 : kNear>(
        vectors[2 * i], vectors[2 * i + 1], vectors[i], std::make_index_sequence<kLanes>());
  }
  if constexpr (kCount > 2) add_lanes<T, kLanes, kCount / 2>(vectors);
}

// kLanes results that follow each other, from number kPart * kLanes on; each is a sum of one
// vector. The rows two blocks on are prefetched.
template <typename T, int kLanes, int kColumns, int kPart>
[[gnu::always_inline]] inline void dot_part(const DotBlock<T>& block) {
  using Vector = typename VectorOf<T, kLanes>::Type;
  constexpr int kFirst = kPart * kLanes;
  const int64_t stride = block.row_stride;
  Vector sums[kLanes] = {};
  for (int64_t channel = 0; channel < block.channels; channel += kLanes) {
    Vector w[kColumns], value;
#pragma GCC unroll 7
    for (int k = 0; k < kColumns; ++k) load(w[k], block.weights + k * block.channels + channel);
    const T* from = block.rows + kFirst / kColumns * stride + channel;
    load(value, from);
#pragma GCC unroll 16
    for (int i = 0; i < kLanes; ++i) {
      const int column = (kFirst + i) % kColumns;
      if (column == 0) {
        if (i > 0) {
          from += stride;
          asm("" : "+r"(from));  // else compilers prepare an address for each row, in memory
          load(value, from);
        }
        __builtin_prefetch(from + 2 * kLanes * stride);
      }
      sums[i] += value * w[column];
    }
  }
  add_lanes<T, kLanes, kLanes>(sums);
  Vector bias;
  load(bias, block.bias + kFirst);
  store(block.out + kFirst, sums[0] + bias);
}

// A vector holds neighbouring channels. As many rows as it has lanes, so that the results fill
// vectors.
template <typename T, int kLanes, int kColumns>
void dot(const DotBlock<T>& block) {
  [&]<int... part>(std::integer_sequence<int, part...>) {
    (dot_part<T, kLanes, kColumns, part>(block), ...);
  }(std::make_integer_sequence<int, kColumns>());
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
  KernelTable<T> table{kRows, 2, {}, kLanes, {}};
  [&]<int... k>(std::integer_sequence<int, k...>) {
    ((table.dot[k] = dot<T, kLanes, k + 1>), ...);
  }(std::make_integer_sequence<int, kMostDotColumns>());
  table.sets[0] = kernel_set<T, kLanes, 2, kRows>();
  table.sets[1] = kernel_set<T, kLanes, 1, kRows>();
  if constexpr (kLanes >= 4) table.sets[table.set_count++] = kernel_set<T, kLanes / 2, 1, kRows>();
  if constexpr (kLanes >= 8) table.sets[table.set_count++] = kernel_set<T, kLanes / 4, 1, kRows>();
  return table;
}

}  // namespace
}  // namespace voxgrad::ops::cpu
