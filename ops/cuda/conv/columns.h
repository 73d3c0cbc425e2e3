// Internal: im2col on the GPU: columns[row][group][tap][channel], a chunk of rows and a block of
// taps at a time.
#pragma once

#include <voxgrad/ops/cuda/conv/rows.h>
#include <voxgrad/ops/cuda/gemm.h>

namespace voxgrad::ops::cuda {

/// How the columns of one gather are cut: by geometry and dtype alone, never by a limit, since
/// cuBLAS may round differently with other sizes.
struct ColumnChunks {
  Index rows = 0;        ///< all of them
  Index chunk_rows = 0;  ///< the last chunk may be shorter
  Index block_taps = 0;  ///< taps whose columns are in memory at once
  Index size = 0;        ///< elements of the largest piece

  /// @param channels  of all groups
  ColumnChunks(const Gather& map, Index channels, DType dtype);
  Index chunks() const { return (rows + chunk_rows - 1) / chunk_rows; }
};

/// Rows and taps of a gather as matrices, one for each group: the source itself where it lies so
/// (1x1 kernels), else gathered into `memory`.
template <typename T>
struct Columns {
  const Gather& map;
  Volumes<const T> source;
  Index groups, channels;  ///< channels of one group
  T* memory;

  /// (rows, taps * channels), a batch of `groups`.
  Matrix operator()(Range rows, Range taps) const;
};

}  // namespace voxgrad::ops::cuda
