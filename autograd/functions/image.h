// Rearrangements of images and volumes: between channels and places, and windows into columns.
#pragma once

#include <voxgrad/core/conv_geometry.h>
#include <voxgrad/core/tensor.h>

namespace [[gnu::visibility("default")]] voxgrad {

/// Channels spread over places: (batch..., channels * factor^rank, size...) to (batch..., channels,
/// size * factor...), where channel (c, i, j) goes to row h * factor + i, column w * factor + j.
/// torch.nn.functional.pixel_shuffle for rank 2, the default; 1 and 3 are an addition.
///
/// @return channels-last
/// @throws ShapeError unless x has rank + 1 axes or more, the channels divide and factor >= 1.
Tensor pixel_shuffle(const Tensor& x, Index factor, int rank = 2);

/// The inverse of pixel_shuffle. @throws ShapeError unless the factor divides the sizes.
Tensor pixel_unshuffle(const Tensor& x, Index factor, int rank = 2);

/// One number for all spatial axes, or one each. The kernel is required.
struct WindowOptions {
  Spatial kernel;
  Spatial dilation = 1;
  Spatial padding = 0;  ///< zeros on both sides
  Spatial stride = 1;
  /// Spatial axes, 1 to 3; x may then be unbatched. 0: as many as the kernel has numbers, or, where
  /// it is one number, as x has after batch and channels.
  int rank = 0;
};

/// Every window as a column: torch.nn.functional.unfold.
///
/// @param x  (batch, channels, size...) or, where the rank is given, (channels, size...)
/// @return   (batch, channels * product of the kernel, number of windows), both in row-major order;
/// plain
/// @throws ShapeError on sizes and options that do not fit, or without any window.
Tensor im2col(const Tensor& x, const WindowOptions& options);

/// The adjoint of im2col, which sums what windows share: torch.nn.functional.fold.
///
/// @param columns  (batch, channels * product of the kernel, number of windows), or without a batch
/// @param size     of the result, one per spatial axis
/// @return   (batch, channels, size...)
/// @throws ShapeError as im2col.
Tensor col2im(const Tensor& columns, const Shape& size, const WindowOptions& options);

}  // namespace voxgrad
