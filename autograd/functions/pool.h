// Maximum and average pooling of ranks 1 to 3.
#pragma once

#include <optional>

#include <voxgrad/core/conv_geometry.h>
#include <voxgrad/core/tensor.h>

namespace [[gnu::visibility("default")]] voxgrad {

/// Numbers for all spatial axes, or one per axis in the order of the sizes.
struct MaxPoolOptions {
  Spatial kernel = 2;
  std::optional<Spatial> stride = {};  ///< the kernel when not given
  Spatial padding = 0;                 ///< on both sides, at most kernel / 2; never wins
  Spatial dilation = 1;
  bool ceil_mode =
      false;  ///< also windows that end beyond the padded input, if they start inside it
  /// Spatial axes, 1 to 3; x may then be unbatched. 0: as many as the kernel has numbers, or, where
  /// it is one number, as x has after batch and channels.
  int rank = 0;
};

/// The largest value of each window; NaN wins. Its gradient goes to the first maximum in row-major
/// order.
///
/// @param x  (batch, channels, size...) or, where the rank is given, (channels, size...); floating
/// @return   (batch, channels, floor((size + 2 * padding - dilation * (kernel - 1) - 1) / stride) +
/// 1), rounded up with
///           ceil_mode as torch.nn.MaxPool{1,2,3}d does; channels-last
/// @throws ShapeError on sizes and options that do not fit or a window without any input;
/// DTypeError unless floating.
Tensor max_pool(const Tensor& x, const MaxPoolOptions& options = {});

struct MaxPoolResult {
  Tensor values;
  Tensor
      indices;  ///< int64: where each maximum lies, as a row-major index into the spatial axes of x
};

/// max_pool, and where the maxima lie: torch.nn.functional.max_pool{1,2,3}d with return_indices.
MaxPoolResult max_pool_with_indices(const Tensor& x, const MaxPoolOptions& options = {});

struct AvgPoolOptions {
  Spatial kernel = 2;
  std::optional<Spatial> stride = {};  ///< the kernel when not given
  Spatial padding = 0;                 ///< zeros on both sides, at most kernel / 2
  bool ceil_mode = false;
  bool count_include_pad = true;  ///< whether padding counts in the divisor
  Index divisor_override = 0;     ///< divides by this when positive
  int rank = 0;                   ///< as in MaxPoolOptions
};

/// The mean of each window. Shapes and errors as max_pool; torch.nn.AvgPool{1,2,3}d.
Tensor avg_pool(const Tensor& x, const AvgPoolOptions& options = {});

}  // namespace voxgrad
