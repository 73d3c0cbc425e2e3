// Cutting, padding, mirroring and scaling of volumes: tensors of shape (depth, height, width), no
// graph.
#pragma once

#include <array>

#include <voxgrad/core/tensor.h>

namespace [[gnu::visibility("default")]] voxgrad {

/// One number per axis of a volume: depth, height, width.
using Size3 = std::array<Index, 3>;

/// A copy of the box that begins at `start`, any dtype. @throws ShapeError when it does not lie
/// inside the volume.
Tensor crop_volume(const Tensor& volume, const Size3& start, const Size3& size);

/// A copy with `low` voxels of `value` before and `high` after each axis, any dtype; `value` is
/// converted to it.
/// @throws ShapeError when a width is negative or `value` does not fit into an integer dtype.
Tensor pad_volume(const Tensor& volume, const Size3& low, const Size3& high, double value = 0);

/// A copy, mirrored along the axes that are true, any dtype. @throws ShapeError unless rank 3.
Tensor flip_volume(const Tensor& volume, const std::array<bool, 3>& axes);

/// (volume - mean) / standard deviation over all voxels, float32; zeros where all voxels are equal.
/// @throws ShapeError unless rank 3 and not empty.
Tensor standardize_volume(const Tensor& volume);

}  // namespace voxgrad
