// Internal: included by one file per instruction set. A vector holds neighbouring channels. The
// results of a few rows (slots x and y), or the rows of y (slot w), stay in registers while the
// taps run past them.
#include <voxgrad/ops/cpu/conv/depthwise_kernels.h>
#include <voxgrad/ops/cpu/conv/vectors.inl>

namespace voxgrad::ops::cpu {
namespace {

using std::int64_t;

// Whether the walk of kRows rows and kTaps taps leaves out its vector number `at`, which does not
// exist.
template <int kTaps, int kRows>
[[gnu::always_inline]] inline bool misses(const DepthwiseTaps& taps, int at) {
  if (kTaps == 1) return false;
  return (at == 0 && taps.misses_first) || (at == kRows + kTaps - 2 && taps.misses_last);
}

// results[row] += sum over kTaps taps of source[row + tap] * weights[tap].
template <int kTaps, int kRows, typename Vector, typename T>
[[gnu::always_inline]] inline void add_products(const DepthwiseTaps& taps, const T* source,
                                                int64_t stride, const T* weights, Vector* results) {
  constexpr int kLanes = sizeof(Vector) / sizeof(T);
  Vector w[kTaps];
#pragma GCC unroll 3
  for (int tap = 0; tap < kTaps; ++tap) load(w[tap], weights + tap * kLanes);
#pragma GCC unroll 18
  for (int at = 0; at < kRows + kTaps - 1; ++at) {
    if (misses<kTaps, kRows>(taps, at)) continue;
    Vector value;
    load(value, source);
    source += stride;
    hold(value);
#pragma GCC unroll 3
    for (int tap = 0; tap < kTaps; ++tap) {
      if (0 <= at - tap && at - tap < kRows) results[at - tap] += value * w[tap];
    }
  }
}

// sums[tap] += sum over rows of source[row + tap] * y[row].
template <int kTaps, int kRows, typename Vector, typename T>
[[gnu::always_inline]] inline void add_sums(const DepthwiseTaps& taps, const T* source,
                                            int64_t stride, const Vector* y, T* sums) {
  constexpr int kLanes = sizeof(Vector) / sizeof(T);
  Vector sum[kTaps];
#pragma GCC unroll 3
  for (int tap = 0; tap < kTaps; ++tap) load(sum[tap], sums + tap * kLanes);
#pragma GCC unroll 18
  for (int at = 0; at < kRows + kTaps - 1; ++at) {
    if (misses<kTaps, kRows>(taps, at)) continue;
    Vector value;
    load(value, source);
    source += stride;
    hold(value);
#pragma GCC unroll 3
    for (int tap = 0; tap < kTaps; ++tap) {
      if (0 <= at - tap && at - tap < kRows) sum[tap] += value * y[at - tap];
    }
  }
#pragma GCC unroll 3
  for (int tap = 0; tap < kTaps; ++tap) store(sums + tap * kLanes, sum[tap]);
}

template <typename T, int kLanes, int kRows>
void product(const DepthwiseProduct<T>& block) {
  typename VectorOf<T, kLanes>::Type results[kRows];
#pragma GCC unroll 16
  for (int row = 0; row < kRows; ++row) load(results[row], block.bias);
  const DepthwiseTaps taps = block.taps;
  if (taps.triple_count > 0) {  // the last reads what is new: the calls before read the others
    const T* last = block.source + taps.triples[taps.triple_count - 1].source;
#pragma GCC unroll 16
    for (int row = 0; row < kRows; ++row) __builtin_prefetch(last + row * block.row_stride);
  }
  for (int64_t i = 0; i < taps.triple_count; ++i) {
    add_products<3, kRows>(taps, block.source + taps.triples[i].source, block.row_stride,
                           block.weights + taps.triples[i].number * kLanes, results);
  }
  for (int64_t i = 0; i < taps.single_count; ++i) {
    add_products<1, kRows>(taps, block.source + taps.singles[i].source, block.row_stride,
                           block.weights + taps.singles[i].number * kLanes, results);
  }
#pragma GCC unroll 16
  for (int row = 0; row < kRows; ++row) {
    put(block.out + row * block.out_stride, results[row], block.streams);
  }
}

template <typename T, int kLanes, int kRows>
void sum(const DepthwiseSum<T>& block) {
  typename VectorOf<T, kLanes>::Type y[kRows];
#pragma GCC unroll 16
  for (int row = 0; row < kRows; ++row) load(y[row], block.y + row * block.y_stride);
  const DepthwiseTaps taps = block.taps;
  for (int64_t i = 0; i < taps.triple_count; ++i) {
    add_sums<3, kRows>(taps, block.x + taps.triples[i].source, block.row_stride, y,
                       block.sums + taps.triples[i].number * kLanes);
  }
  for (int64_t i = 0; i < taps.single_count; ++i) {
    add_sums<1, kRows>(taps, block.x + taps.singles[i].source, block.row_stride, y,
                       block.sums + taps.singles[i].number * kLanes);
  }
}

/// Fills entries 1 ... kRows of a set.
template <typename T, int kLanes, int kRows>
constexpr void fill_set(DepthwiseSet<T>& set) {
  if constexpr (kRows > 1) fill_set<T, kLanes, kRows - 1>(set);
  set.channels = kLanes;
  set.product[kRows - 1] = product<T, kLanes, kRows>;
  set.sum[kRows - 1] = sum<T, kLanes, kRows>;
}

template <typename T, int kLanes, int kRows>
constexpr void add_sets(DepthwiseTable<T>& table) {
  fill_set<T, kLanes, kRows>(table.sets[table.set_count++]);
  if constexpr (kLanes > 1) add_sets<T, kLanes / 2, kRows>(table);
}

/// For vectors of kBytes bytes and blocks of at most kRows rows.
template <typename T, int kBytes, int kRows>
constexpr DepthwiseTable<T> depthwise_table() {
  DepthwiseTable<T> table{kRows, 0, {}};
  add_sets<T, kBytes / static_cast<int>(sizeof(T)), kRows>(table);
  return table;
}

}  // namespace
}  // namespace voxgrad::ops::cpu
