// Internal: included by one file per instruction set. A vector holds neighbouring channels. The
// results of a few rows (slots x and y), or the rows of y (slot w), stay in registers while the
// taps run past them.
#include <voxgrad/ops/cpu/conv/depthwise_kernels.h>
#include <voxgrad/ops/cpu/conv/vectors.inl>

namespace voxgrad::ops::cpu {
namespace {

using std::int64_t;

// Whether vector `at` of those that kRows rows meet with a run of kTaps taps exists: row r and the
// run's tap t meet number r + t.
template <int kTaps, int kRows>
[[gnu::always_inline]] inline bool exists(const DepthwiseTaps& taps, int at) {
  constexpr int kVectors = kRows + kTaps - 1;
  if (at < kTaps - 1 && at < taps.missing_first) return false;
  return at < kRows || at < kVectors - taps.missing_last;
}

// results[row] += sum over kTaps taps of source[row + tap] * weights[tap]. Without kBorder all
// vectors exist.
template <int kTaps, int kRows, bool kBorder, typename Vector, typename T>
[[gnu::always_inline]] inline void add_products(const DepthwiseTaps& taps, const T* source,
                                                int64_t stride, const T* weights, Vector* results) {
  constexpr int kLanes = sizeof(Vector) / sizeof(T);
  Vector w[kTaps];
#pragma GCC unroll 7
  for (int tap = 0; tap < kTaps; ++tap) load(w[tap], weights + tap * kLanes);
#pragma GCC unroll 22
  for (int at = 0; at < kRows + kTaps - 1; ++at) {
    if (kBorder && !exists<kTaps, kRows>(taps, at)) continue;
    Vector value;
    load(value, source);
    source += stride;
    hold(value);
#pragma GCC unroll 7
    for (int tap = 0; tap < kTaps; ++tap) {
      if (0 <= at - tap && at - tap < kRows) results[at - tap] += value * w[tap];
    }
  }
}

// sums[tap] += sum over rows of source[row + tap] * y[row].
template <int kTaps, int kRows, bool kBorder, typename Vector, typename T>
[[gnu::always_inline]] inline void add_sums(const DepthwiseTaps& taps, const T* source,
                                            int64_t stride, const Vector* y, T* sums) {
  constexpr int kLanes = sizeof(Vector) / sizeof(T);
  Vector sum[kTaps];
#pragma GCC unroll 7
  for (int tap = 0; tap < kTaps; ++tap) load(sum[tap], sums + tap * kLanes);
#pragma GCC unroll 22
  for (int at = 0; at < kRows + kTaps - 1; ++at) {
    if (kBorder && !exists<kTaps, kRows>(taps, at)) continue;
    Vector value;
    load(value, source);
    source += stride;
    hold(value);
#pragma GCC unroll 7
    for (int tap = 0; tap < kTaps; ++tap) {
      if (0 <= at - tap && at - tap < kRows) sum[tap] += value * y[at - tap];
    }
  }
#pragma GCC unroll 7
  for (int tap = 0; tap < kTaps; ++tap) store(sums + tap * kLanes, sum[tap]);
}

// The lines that the results go to, which a store would wait for; put() need not.
template <typename Vector, int kRows, typename T>
[[gnu::always_inline]] inline void fetch_results(const DepthwiseProduct<T>& block) {
  if (sizeof(Vector) == kLineBytes && block.streams) return;
#pragma GCC unroll 16
  for (int row = 0; row < kRows; ++row) __builtin_prefetch(block.out + row * block.out_stride, 1);
}

// The products of all runs.
template <int kTaps, int kRows, bool kBorder, typename Vector, typename T>
[[gnu::always_inline]] inline void add_runs(const DepthwiseProduct<T>& block, Vector* results) {
  constexpr int kLanes = sizeof(Vector) / sizeof(T);
  const DepthwiseTaps taps = block.taps;
  for (int64_t i = 0, row = 0; i < taps.run_count; ++i) {
    if (block.ahead != nullptr) {
      // Into the second cache: the first has no room for them beside what this call reads.
      for (; row * taps.run_count < (i + 1) * kRows; ++row) {
        __builtin_prefetch(block.ahead + row * block.row_stride, 0, 2);
      }
    }
    const DepthwiseTap& tap = taps.runs[i];
    add_products<kTaps, kRows, kBorder>(taps, block.source + tap.source, block.row_stride,
                                        block.weights + tap.number * kLanes, results);
  }
}

inline bool at_border(const DepthwiseTaps& taps) {
  return taps.missing_first > 0 || taps.missing_last > 0;
}

template <typename T, int kLanes, int kRows, int kTaps>
void product(const DepthwiseProduct<T>& block) {
  using Vector = typename VectorOf<T, kLanes>::Type;
  Vector results[kRows];
#pragma GCC unroll 16
  for (int row = 0; row < kRows; ++row) load(results[row], block.bias);
  fetch_results<Vector, kRows>(block);
  if (at_border(block.taps)) add_runs<kTaps, kRows, true>(block, results);
  else add_runs<kTaps, kRows, false>(block, results);
  for (int64_t i = 0; i < block.taps.single_count; ++i) {
    const DepthwiseTap& tap = block.taps.singles[i];
    add_products<1, kRows, false>(block.taps, block.source + tap.source, block.row_stride,
                                  block.weights + tap.number * kLanes, results);
  }
#pragma GCC unroll 16
  for (int row = 0; row < kRows; ++row) {
    put(block.out + row * block.out_stride, results[row], block.streams);
  }
}

template <int kTaps, int kRows, bool kBorder, typename Vector, typename T>
[[gnu::always_inline]] inline void add_all(const DepthwiseSum<T>& block, const DepthwiseTap* list,
                                           int64_t count, const Vector* y) {
  constexpr int kLanes = sizeof(Vector) / sizeof(T);
  const DepthwiseSum<T> all = block;  // for all the compiler knows, stores of sums change the block
  for (int64_t i = 0; i < count; ++i) {
    add_sums<kTaps, kRows, kBorder>(all.taps, all.x + list[i].source, all.row_stride, y,
                                    all.sums + list[i].number * kLanes);
  }
}

template <typename T, int kLanes, int kRows, int kTaps>
void sum(const DepthwiseSum<T>& block) {
  typename VectorOf<T, kLanes>::Type y[kRows];
#pragma GCC unroll 16
  for (int row = 0; row < kRows; ++row) load(y[row], block.y + row * block.y_stride);
  const DepthwiseTaps& taps = block.taps;
  if (at_border(taps)) add_all<kTaps, kRows, true>(block, taps.runs, taps.run_count, y);
  else add_all<kTaps, kRows, false>(block, taps.runs, taps.run_count, y);
  add_all<1, kRows, false>(block, taps.singles, taps.single_count, y);
}

/// Fills the entries for at most kRows rows and kTaps taps.
template <typename T, int kLanes, int kRows, int kTaps>
constexpr void fill_set(DepthwiseSet<T>& set) {
  if constexpr (kRows > 1) fill_set<T, kLanes, kRows - 1, kTaps>(set);
  set.product[run_kind(kTaps)][kRows - 1] = product<T, kLanes, kRows, kTaps>;
  set.sum[run_kind(kTaps)][kRows - 1] = sum<T, kLanes, kRows, kTaps>;
}

template <typename T, int kLanes, int kRows, int kTaps>
constexpr void fill_taps(DepthwiseSet<T>& set) {
  if constexpr (kTaps > 3) fill_taps<T, kLanes, kRows, kTaps - 2>(set);
  fill_set<T, kLanes, kRows, kTaps>(set);
}

template <typename T, int kLanes, int kRows, int kTaps>
constexpr void add_sets(DepthwiseTable<T>& table) {
  DepthwiseSet<T>& set = table.sets[table.set_count++];
  set.channels = kLanes;
  fill_taps<T, kLanes, kRows, kTaps>(set);
  if constexpr (kLanes > 1) add_sets<T, kLanes / 2, kRows, kTaps>(table);
}

/// For vectors of kBytes bytes, at most kRows rows and runs of at most kTaps taps: the results, a
/// run's weights and a value are in registers.
template <typename T, int kBytes, int kRows, int kTaps>
constexpr DepthwiseTable<T> depthwise_table() {
  static_assert(kRows <= kMostDepthwiseRows && kTaps <= kMostRunTaps);
  DepthwiseTable<T> table{kRows, kTaps, 0, {}};
  add_sets<T, kBytes / static_cast<int>(sizeof(T)), kRows, kTaps>(table);
  return table;
}

}  // namespace
}  // namespace voxgrad::ops::cpu
