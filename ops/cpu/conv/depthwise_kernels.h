// Internal: the inner loops of the depthwise algorithm, one table per instruction set. As
// direct_kernels.h: plain data only.
#pragma once

#include <cstdint>

namespace voxgrad::ops::cpu {

/// One tap, or the first of a run.
struct DepthwiseTap {
  std::int64_t source;  ///< what it reads for the first row, from what the list's first tap reads
  std::int64_t number;
};

/// Taps that some rows meet. A run is `run_taps` neighbouring taps, an odd number, each of which
/// reads what the tap before reads for the next row, so that each vector loaded serves them all.
/// Where a run holds all taps of an axis, rows at a border may miss some at its ends, but never all
/// of them: of the vectors that the rows read in order, so many at either end do not exist and are
/// not loaded; the source then begins with the first that does.
struct DepthwiseTaps {
  int run_taps = 1;
  const DepthwiseTap* runs = nullptr;
  std::int64_t run_count = 0;
  const DepthwiseTap* singles = nullptr;
  std::int64_t single_count = 0;
  int missing_first = 0;
  int missing_last = 0;
};

/// out[row][channel] = bias[channel] + sum over taps of
///   source[row * row_stride + tap.source + channel] * weights[tap.number][channel].
template <typename T>
struct DepthwiseProduct {
  DepthwiseTaps taps;
  const T* source;
  const T* ahead;  ///< if any: rows that later calls read are fetched; they need not exist
  std::int64_t row_stride;
  const T* weights;  ///< rows as long as the kernel has channels
  const T* bias;
  T* out;
  std::int64_t out_stride;
  bool streams;  ///< vectors of a whole cache line go past the caches; they are aligned
};

/// sums[tap.number][channel] += sum over rows of
///   x[row * row_stride + tap.source + channel] * y[row * y_stride + channel].
template <typename T>
struct DepthwiseSum {
  DepthwiseTaps taps;
  const T* x;
  std::int64_t row_stride;
  const T* y;
  std::int64_t y_stride;
  T* sums;  ///< rows as long as the kernel has channels
};

inline constexpr int kMostDepthwiseRows = 16;
inline constexpr int kMostRunTaps = 7;

/// Where there are no runs, kernels for the shortest serve.
static constexpr int run_kind(int run_taps) { return run_taps > 3 ? run_taps / 2 - 1 : 0; }

/// Kernels for one number of channels; entry [run_kind(run_taps)][r - 1] takes r rows.
template <typename T>
struct DepthwiseSet {
  int channels;
  void (*product[run_kind(kMostRunTaps) + 1][kMostDepthwiseRows])(const DepthwiseProduct<T>&);
  void (*sum[run_kind(kMostRunTaps) + 1][kMostDepthwiseRows])(const DepthwiseSum<T>&);
};

/// By falling number of channels: a whole vector, a half ... one channel.
template <typename T>
struct DepthwiseTable {
  int rows, run_taps;  ///< entries in use of each set are for at most so many
  int set_count;
  DepthwiseSet<T> sets[5];
};

template <typename T>
const DepthwiseTable<T>& portable_depthwise();
template <typename T>
const DepthwiseTable<T>& avx2_depthwise();
template <typename T>
const DepthwiseTable<T>& avx512_depthwise();

}  // namespace voxgrad::ops::cpu
