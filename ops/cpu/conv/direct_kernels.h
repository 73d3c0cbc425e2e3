// Internal: the inner loops of the direct algorithm, one table per instruction set.
//
// The tables are compiled with the flags of their instruction set (cmake/library.cmake), so this
// header and direct_kernels.inl, which they share, must define no inline function that other files
// could link to: plain data only.
#pragma once

#include <cstdint>

namespace voxgrad::ops::cpu {

/// Source and weights of all taps along the last axis, for one tap on the two others.
template <typename T>
struct TapLine {
  const T* source;   ///< position 0 of the line, first channel
  const T* weights;  ///< [tap][channel][column]
};

/// out[row][column] = bias[row * bias_stride + column] + sum over lines, taps, channels of
///   source[shift + row * row_stride + tap * tap_stride + channel]
///   * (weights + weight_shift)[tap][channel][column].
template <typename T>
struct ProductBlock {
  const TapLine<T>* lines;
  std::int64_t line_count;
  std::int64_t shift, row_stride;
  std::int64_t taps, tap_stride, channels;
  std::int64_t weight_shift = 0;
  const T* bias;                 ///< as many as the kernel has columns
  std::int64_t bias_stride = 0;  ///< not 0: each row has its own, or sums so far
  T* out;
  std::int64_t out_stride;
  std::int64_t stored;   ///< columns to store, the first of them
  bool streams = false;  ///< vectors of a whole cache line go past the caches; they are aligned
};

/// out[row][column] = sum over channels of rows[row * row_stride + channel] *
/// weights[channel][column], for all columns of the kernel.
template <typename T>
struct MatrixBlock {
  const T* rows;
  std::int64_t row_stride;
  const T* weights;
  std::int64_t channels;
  T* out;
  std::int64_t out_stride;
};

/// out[row][column] = bias[column] + sum over channels of rows[row * row_stride + channel] *
/// weights[column][channel], for as many rows as the table's dot_rows.
template <typename T>
struct DotBlock {
  const T* rows;
  std::int64_t row_stride;
  const T* weights;
  std::int64_t channels;  ///< fill vectors of 64 bytes
  const T* bias;          ///< [row][column], the same for each row
  T* out;
};

/// sums[k][column] += (where `fresh`: =) sum over rows of x[row * x_stride + k] * y[row * y_stride
/// + column].
template <typename T>
struct SumBlock {
  const T* x;
  std::int64_t x_stride;
  const T* y;
  std::int64_t y_stride;
  std::int64_t rows;
  T* sums;  ///< rows as long as the kernel has columns
  bool fresh = false;
};

inline constexpr int kMostKernelRows = 14, kMostKernelColumns = 32;
inline constexpr int kMostDotColumns = 7;  // from 8 on, product's vectors are half full

/// Kernels for one number of columns; entry r - 1 takes r rows (products) or r values of k (sum).
template <typename T>
struct KernelSet {
  int columns;
  void (*product[kMostKernelRows])(const ProductBlock<T>&);
  void (*matrix_product[kMostKernelRows])(const MatrixBlock<T>&);
  void (*sum[kMostKernelRows])(const SumBlock<T>&);
};

/// By falling number of columns.
template <typename T>
struct KernelTable {
  int rows;  ///< entries in use of each set
  int set_count;
  KernelSet<T> sets[4];
  int dot_rows;
  void (*dot[kMostDotColumns])(const DotBlock<T>&);  ///< entry k - 1 for k columns
};

extern const KernelTable<float> kPortableFloat, kAvx2Float, kAvx512Float;
extern const KernelTable<double> kPortableDouble, kAvx2Double, kAvx512Double;

}  // namespace voxgrad::ops::cpu
