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

// results[line][row] += sum over kTaps taps of source[row + tap] * weights[line][tap].
template <int kTaps, int kRows, int kLines, typename Vector, typename T>
[[gnu::always_inline]] inline void add_products(const DepthwiseTaps& taps, const T* source,
                                                int64_t stride, const T* const (&weights)[kLines],
                                                Vector* results) {
  constexpr int kLanes = sizeof(Vector) / sizeof(T);
  Vector w[kLines * kTaps];
#pragma GCC unroll 6
  for (int i = 0; i < kLines * kTaps; ++i) load(w[i], weights[i / kTaps] + i % kTaps * kLanes);
#pragma GCC unroll 18
  for (int at = 0; at < kRows + kTaps - 1; ++at) {
    if (misses<kTaps, kRows>(taps, at)) continue;
    Vector value;
    load(value, source);
    source += stride;
    hold(value);
#pragma GCC unroll 6
    for (int i = 0; i < kLines * kTaps; ++i) {
      const int row = at - i % kTaps;
      if (0 <= row && row < kRows) results[i / kTaps * kRows + row] += value * w[i];
    }
  }
}

// The products of kTaps taps of the list, for the lines that meet them.
template <int kTaps, int kRows, int kLines, typename Vector, typename T>
[[gnu::always_inline]] inline void add_tap(const DepthwiseProduct<T>& block,
                                           const DepthwiseTap& tap, Vector* results) {
  constexpr int kLanes = sizeof(Vector) / sizeof(T);
  const T* source = block.source + tap.source;
  if constexpr (kLines == 2) {
    if (tap.number[0] >= 0 && tap.number[1] >= 0) {
      const T* const weights[2] = {block.weights + tap.number[0] * kLanes,
                                   block.weights + tap.number[1] * kLanes};
      return add_products<kTaps, kRows, 2>(block.taps, source, block.row_stride, weights, results);
    }
    if (tap.number[0] < 0) {
      const T* const weights[1] = {block.weights + tap.number[1] * kLanes};
      return add_products<kTaps, kRows, 1>(block.taps, source, block.row_stride, weights,
                                           results + kRows);
    }
  }
  const T* const weights[1] = {block.weights + tap.number[0] * kLanes};
  add_products<kTaps, kRows, 1>(block.taps, source, block.row_stride, weights, results);
}

// Row `row` of the lines that later calls read, into the second cache: the first has no room for
// them beside what this call reads.
template <int kLines, typename T>
[[gnu::always_inline]] inline void fetch_row(const DepthwiseProduct<T>& block, int64_t row) {
#pragma GCC unroll 2
  for (int line = 0; line < kLines; ++line) {
    __builtin_prefetch(block.ahead + line * block.ahead_line_stride + row * block.row_stride, 0, 2);
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

template <typename T, int kLanes, int kRows, int kLines>
void product(const DepthwiseProduct<T>& block) {
  typename VectorOf<T, kLanes>::Type results[kLines * kRows];
#pragma GCC unroll 16
  for (int i = 0; i < kLines * kRows; ++i) load(results[i], block.bias);
  const DepthwiseTaps taps = block.taps;
  for (int64_t i = 0, row = 0; i < taps.triple_count; ++i) {
    if (block.ahead != nullptr) {
      for (; row * taps.triple_count < (i + 1) * kRows; ++row) fetch_row<kLines>(block, row);
    }
    add_tap<3, kRows, kLines>(block, taps.triples[i], results);
  }
  for (int64_t i = 0; i < taps.single_count; ++i) {
    add_tap<1, kRows, kLines>(block, taps.singles[i], results);
  }
#pragma GCC unroll 16
  for (int i = 0; i < kLines * kRows; ++i) {
    put(block.out + i / kRows * block.out_line_stride + i % kRows * block.out_stride, results[i],
        block.streams);
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
                       block.sums + taps.triples[i].number[0] * kLanes);
  }
  for (int64_t i = 0; i < taps.single_count; ++i) {
    add_sums<1, kRows>(taps, block.x + taps.singles[i].source, block.row_stride, y,
                       block.sums + taps.singles[i].number[0] * kLanes);
  }
}

/// Fills entries 1 ... kRows of a set, for pairs of lines 1 ... kPairRows.
template <typename T, int kLanes, int kRows, int kPairRows>
constexpr void fill_set(DepthwiseSet<T>& set) {
  if constexpr (kRows > 1) fill_set<T, kLanes, kRows - 1, kPairRows>(set);
  set.channels = kLanes;
  set.product[0][kRows - 1] = product<T, kLanes, kRows, 1>;
  if constexpr (kRows <= kPairRows) set.product[1][kRows - 1] = product<T, kLanes, kRows, 2>;
  set.sum[kRows - 1] = sum<T, kLanes, kRows>;
}

template <typename T, int kLanes, int kRows, int kPairRows>
constexpr void add_sets(DepthwiseTable<T>& table) {
  fill_set<T, kLanes, kRows, kPairRows>(table.sets[table.set_count++]);
  if constexpr (kLanes > 1) add_sets<T, kLanes / 2, kRows, kPairRows>(table);
}

/// For vectors of kBytes bytes and blocks of at most kRows rows, in pairs of lines kPairRows:
/// besides the results three weights, in pairs six, and a value are in registers.
template <typename T, int kBytes, int kRows, int kPairRows>
constexpr DepthwiseTable<T> depthwise_table() {
  DepthwiseTable<T> table{kRows, kPairRows, 0, {}};
  add_sets<T, kBytes / static_cast<int>(sizeof(T)), kRows, kPairRows>(table);
  return table;
}

}  // namespace
}  // namespace voxgrad::ops::cpu
