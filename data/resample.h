// Volumes at a coarser resolution, and results brought back to the input's. Shape (depth, height,
// width), no graph.
//
// A coarse voxel covers a block of factor^3 voxels. Where a size is no multiple of the factor, the
// last block along that axis is smaller, so nothing is cut off: the coarse size is size / factor,
// rounded up.
#pragma once

#include <voxgrad/core/tensor.h>
#include <voxgrad/data/volume.h>

namespace [[gnu::visibility("default")]] voxgrad {

/// Sizes of a volume at 1 / factor of its resolution, rounded up.
Size3 coarse_size(const Size3& size, Index factor);

/// The mean of each block, any dtype -> float32. @throws ShapeError unless rank 3 and factor 1
/// to 64.
Tensor block_mean(const Tensor& volume, Index factor);

/// The most frequent value of each block, any dtype; of equally frequent ones the smallest (a
/// mask's tie is background).
/// @throws ShapeError unless rank 3 and factor 1 to 64.
Tensor block_majority(const Tensor& labels, Index factor);

/// Each voxel takes the value of the block it lies in, any dtype. @throws ShapeError unless
/// `volume` has coarse_size(size, factor).
Tensor upsample_blocks(const Tensor& volume, Index factor, const Size3& size);

/// Trilinear between the blocks' centres, float32 -> float32; beyond the outermost centres the
/// value stays. The same as PyTorch's interpolate(mode="trilinear", align_corners=False) where
/// sizes are multiples of the factor.
/// @throws ShapeError unless `volume` has coarse_size(size, factor); DTypeError unless float32.
Tensor upsample_linear(const Tensor& volume, Index factor, const Size3& size);

}  // namespace voxgrad
