// Maximum and average pooling of ranks 1 to 3.
#pragma once

#include <initializer_list>
#include <optional>
#include <span>

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

/// Values put back to where max_pool_with_indices found them, zeros elsewhere:
/// torch.nn.functional.max_unpool{1,2,3}d. Where indices meet, one of the values stays.
///
/// @param x  (batch, channels, size...) or (channels, size...)
/// @param indices  of the shape of x, int64: row-major places in the output's spatial axes
/// @param output_size  one per spatial axis, 1 to 3
/// @throws ShapeError on shapes that do not fit; DTypeError; IndexError on indices outside.
Tensor max_unpool(const Tensor& x, const Tensor& indices, std::span<const Index> output_size);
inline Tensor max_unpool(const Tensor& x, const Tensor& indices,
                         std::initializer_list<Index> output_size) {
  return max_unpool(x, indices, std::span(output_size.begin(), output_size.size()));
}

struct AvgPoolOptions {
  Spatial kernel = 2;
  std::optional<Spatial> stride = {};  ///< the kernel when not given
  Spatial padding = 0;                 ///< zeros on both sides, at most kernel / 2
  bool ceil_mode = false;
  bool count_include_pad = true;  ///< whether padding counts in the divisor
  Index divisor_override = 0;     ///< divides by this unless it is 0
  int rank = 0;                   ///< as in MaxPoolOptions
};

/// The mean of each window. Shapes and errors as max_pool; torch.nn.AvgPool{1,2,3}d.
Tensor avg_pool(const Tensor& x, const AvgPoolOptions& options = {});

/// The mean of each of `output_size` windows per axis, which cover x evenly: from floor(o * size /
/// output) to ceil((o + 1) * size / output). torch.nn.functional.adaptive_avg_pool{1,2,3}d.
///
/// @param x  (batch, channels, size...) or (channels, size...); floating
/// @param output_size  one per spatial axis, 1 to 3; nullopt keeps the size of x
/// @return   x's shape with the new sizes; channels-last
/// @throws ShapeError on ranks that do not fit, negative sizes, or an empty spatial axis;
/// DTypeError unless floating.
Tensor adaptive_avg_pool(const Tensor& x, std::span<const std::optional<Index>> output_size);
inline Tensor adaptive_avg_pool(const Tensor& x,
                                std::initializer_list<std::optional<Index>> output_size) {
  return adaptive_avg_pool(x, std::span(output_size.begin(), output_size.size()));
}

/// The largest value of each window of adaptive_avg_pool. torch.nn.functional.adaptive_max_pool.
Tensor adaptive_max_pool(const Tensor& x, std::span<const std::optional<Index>> output_size);
inline Tensor adaptive_max_pool(const Tensor& x,
                                std::initializer_list<std::optional<Index>> output_size) {
  return adaptive_max_pool(x, std::span(output_size.begin(), output_size.size()));
}
MaxPoolResult adaptive_max_pool_with_indices(const Tensor& x,
                                             std::span<const std::optional<Index>> output_size);

struct LpPoolOptions {
  Spatial kernel = 2;
  std::optional<Spatial> stride = {};  ///< the kernel when not given
  bool ceil_mode = false;
  int rank = 0;  ///< as in MaxPoolOptions
};

/// (sum of x^p over each window)^(1 / p): torch.nn.functional.lp_pool{1,2,3}d. A window that
/// ceil_mode lets end beyond x is scaled to its full size. Shapes and errors as avg_pool.
Tensor lp_pool(const Tensor& x, double p, const LpPoolOptions& options);

}  // namespace voxgrad
