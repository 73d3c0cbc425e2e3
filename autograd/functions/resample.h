// Interpolation of signals, images and volumes to other sizes.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include <voxgrad/core/conv_geometry.h>
#include <voxgrad/core/tensor.h>

namespace [[gnu::visibility("default")]] voxgrad {

/// Along each axis, with r = in / out (or 1 / the given scale factor) and i the number of a result:
enum class InterpolateMode : std::uint8_t {
  nearest,        ///< x[floor(i * r)]
  nearest_exact,  ///< x[floor((i + 0.5) * r)]
  linear,         ///< between the two neighbours of (i + 0.5) * r - 0.5: bilinear, trilinear
  bicubic,        ///< the cubic convolution of Keys with a = -0.75 over four neighbours; rank 2
  area,           ///< adaptive_avg_pool
};

/// One of size and scale_factor is required.
struct InterpolateOptions {
  std::optional<Spatial> size = {};  ///< of the result
  std::vector<double> scale_factor =
      {};  ///< one for all axes, or one each; size floor(in * factor)
  InterpolateMode mode = InterpolateMode::nearest;
  /// linear and bicubic only: results spread from the first to the last element of x, r = (in - 1)
  /// / (out - 1) and the neighbours are those of i * r. Not given: false.
  std::optional<bool> align_corners = {};
  bool recompute_scale_factor = false;  ///< r = in / out also where scale factors are given
};

/// x at other sizes: torch.nn.functional.interpolate. Neighbours outside x are its border.
///
/// @param x  (batch, channels, size...) with 1 to 3 sizes; floating, with the nearest modes any
/// dtype
/// @return   (batch, channels, new size...), dtype of x; channels-last
/// @throws ShapeError on sizes and options that do not fit, or an x or result without elements in a
/// channel; DTypeError.
Tensor interpolate(const Tensor& x, const InterpolateOptions& options);

}  // namespace voxgrad
