// Internal: the inner loops of the depthwise algorithm, one table per instruction set. As
// direct_kernels.h: plain data only.
#pragma once

#include <cstdint>

namespace voxgrad::ops::cpu {

/// How far from the list's first tap a position of the source lies, and the tap that it meets from
/// each line of results, or -1. A product may compute two neighbouring lines at once.
struct DepthwiseTap {
  std::int64_t source;
  std::int64_t number[2];
};

/// Taps that some rows meet. A triple is a tap and the two that follow it, each of which reads what
/// the tap before reads for the next row, so that each vector loaded serves three taps. At a border
/// the first row may miss the first tap of all triples, the last row the last tap of all triples;
/// those are not loaded.
struct DepthwiseTaps {
  const DepthwiseTap* triples;
  std::int64_t triple_count;
  const DepthwiseTap* singles;
  std::int64_t single_count;
  bool misses_first = false;  ///< the source then begins with what the first row reads second
  bool misses_last = false;
};

/// out[line][row][channel] = bias[channel] + sum over taps of
///   source[row * row_stride + tap.source + channel] * weights[tap.number[line]][channel].
template <typename T>
struct DepthwiseProduct {
  DepthwiseTaps taps;
  const T* source;
  const T* ahead;  ///< if any: rows that later calls read are fetched; they need not exist
  std::int64_t ahead_line_stride;
  std::int64_t row_stride;
  const T* weights;  ///< rows as long as the kernel has channels
  const T* bias;
  T* out;
  std::int64_t out_stride, out_line_stride;
  bool streams;  ///< vectors of a whole cache line go past the caches; they are aligned
};

/// sums[tap.number[0]][channel] += sum over rows of
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

/// Kernels for one number of channels; entry r - 1 takes r rows, product[l - 1] l lines.
template <typename T>
struct DepthwiseSet {
  int channels;
  void (*product[2][kMostDepthwiseRows])(const DepthwiseProduct<T>&);
  void (*sum[kMostDepthwiseRows])(const DepthwiseSum<T>&);
};

/// By falling number of channels: a whole vector, a half ... one channel.
template <typename T>
struct DepthwiseTable {
  int rows;       ///< entries in use of each set
  int pair_rows;  ///< of its second product; 0 where that is not faster
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
