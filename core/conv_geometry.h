// The geometry of convolution: sizes of one trilinear form, and the only place that checks and
// computes them.
//
//   T(x, w, y) = sum over n, co, ci, o, k of  y[n, co, o] * w[co, ci, k] * x[n, ci, i]
//   with i = o * stride - padding + k * dilation
//
// with x = 0 outside its sizes. conv produces y, conv_transpose produces x, the gradient of both by
// their weight is w: docs/conv.md. Ranks 1 and 2 are rank 3 with leading unit axes, so nothing
// below this file knows a rank.
#pragma once

#include <array>
#include <concepts>
#include <initializer_list>
#include <optional>
#include <span>
#include <string_view>
#include <type_traits>

#include <voxgrad/core/pad_mode.h>
#include <voxgrad/core/shape.h>

namespace [[gnu::visibility("default")]] voxgrad {

class Tensor;

/// The three arguments of the form. A partial derivative fills two of them and produces the third.
enum class Slot { x, w, y };

/// "x", "w", "y".
std::string_view name(Slot slot);

/// One spatial axis. `in` is the size of x, `out` the size of y, `padding` the zeros before x; how
/// many follow it is decided by `out`, so output_padding and one-sided padding need no field.
struct ConvAxis {
  Index in = 1, out = 1, kernel = 1, stride = 1, padding = 0, dilation = 1;

  /// Elements of x from the first tap to the last: dilation * (kernel - 1) + 1.
  constexpr Index reach() const { return dilation * (kernel - 1) + 1; }
  bool operator==(const ConvAxis&) const = default;
};

/// The sizes of one convolution, in any slot. Plain data: goes by value into kernels of any device.
struct ConvGeometry {
  int rank = 3;  ///< axes the user sees: the last `rank` of `axis`
  Index batch = 1, groups = 1, x_channels = 1, y_channels = 1;
  ConvAxis axis[3];

  constexpr Index x_size() const { return axis[0].in * axis[1].in * axis[2].in; }
  constexpr Index y_size() const { return axis[0].out * axis[1].out * axis[2].out; }
  constexpr Index taps() const { return axis[0].kernel * axis[1].kernel * axis[2].kernel; }
  constexpr Index x_group_channels() const { return x_channels / groups; }
  constexpr Index y_group_channels() const { return y_channels / groups; }
  bool operator==(const ConvGeometry&) const = default;
};
static_assert(std::is_trivially_copyable_v<ConvGeometry>);

/// Shape of a slot as users see it: x (batch, x_channels, in...), y (batch, y_channels, out...),
/// w (y_channels, x_channels / groups, kernel...).
Shape slot_shape(const ConvGeometry& geometry, Slot slot);

/// "32->64 k3x3x3 s2 p1 d1 g1, 2 x 64x64x64 -> 32x32x32": for logs and test messages.
std::string to_string(const ConvGeometry& geometry);

/// One number for all axes, or one per axis in the order of the sizes (D, H, W).
class Spatial {
 public:
  template <std::integral Number>
  Spatial(Number all) : values_{static_cast<Index>(all)} {}  // NOLINT: meant to convert
  Spatial(std::initializer_list<Index> each) : values_(each) {}
  Spatial(std::span<const Index> each)
      : values_(each.begin(), each.end()) {}     // NOLINT: meant to convert
  Spatial(const Shape& each) : values_(each) {}  // NOLINT: meant to convert

  /// One value for each of `rank` axes; entries past `rank` are unused.
  /// @throws ShapeError "op: name must be one number or ..." unless there is one value or `rank` of
  /// them.
  std::array<Index, 3> at(int rank, std::string_view op, std::string_view name) const;

  std::span<const Index> values() const { return values_; }
  bool operator==(const Spatial&) const = default;

 private:
  Shape values_;
};

/// Zeros on both sides of every axis, or "same": as many as keep the size, the odd one at the high
/// end; or "valid": none.
class ConvPadding {
 public:
  template <std::integral Number>
  ConvPadding(Number all) : amount_(all) {}  // NOLINT: meant to convert
  ConvPadding(std::initializer_list<Index> each) : amount_(each) {}
  ConvPadding(Spatial amount) : amount_(std::move(amount)) {}  // NOLINT: meant to convert
  /// @throws ShapeError unless "same" or "valid".
  template <std::convertible_to<std::string_view> Text>
  ConvPadding(const Text& mode) : ConvPadding(parse(mode)) {}  // NOLINT: meant to convert

  bool is_same() const { return same_; }
  const Spatial& amount() const { return amount_; }
  bool operator==(const ConvPadding&) const = default;

 private:
  static ConvPadding parse(std::string_view mode);
  Spatial amount_;
  bool same_ = false;
};

struct ConvSettings {
  Spatial stride = 1;
  ConvPadding padding = 0;
  Spatial dilation = 1;
  Index groups = 1;
  PadMode padding_mode = PadMode::constant;  ///< what stands in the padding; constant: zeros
};

struct ConvTransposeSettings {
  Spatial stride = 1;
  Spatial padding = 0;
  Spatial output_padding = 0;
  Index groups = 1;
  Spatial dilation = 1;
  /// The size wanted, in place of output_padding: one entry per axis, or a whole shape whose
  /// leading axes are dropped. In [least, least + stride - 1] on each axis, least being the size
  /// without output_padding.
  std::optional<Shape> output_size = std::nullopt;
  /// Or the size of this tensor, a skip connection, (batch, channels, size...) or (channels,
  /// size...): all that some legal output_padding reaches, [least, least + max(stride, dilation) -
  /// 1] on each axis.
  const Tensor* like = nullptr;
};

/// The geometry of conv: out = floor((in + 2 * padding - dilation * (kernel - 1) - 1) / stride) +
/// 1, as torch.nn.Conv3d.
///
/// @param x  (batch, channels, size...) or, unbatched, (channels, size...)
/// @param w  (y_channels, channels / groups, kernel...), 1 to 3 kernel axes
/// @throws ShapeError when anything does not fit or a number of elements exceeds what 64 bits hold.
/// Nothing is allocated.
ConvGeometry conv_geometry(std::span<const Index> x, std::span<const Index> w,
                           const ConvSettings& settings = {});

/// The geometry of conv_transpose, whose argument is y and whose result is x:
/// in = (out - 1) * stride - 2 * padding + dilation * (kernel - 1) + 1 + output_padding, as
/// torch.nn.ConvTranspose3d.
///
/// @param y  (batch, channels, size...) or, unbatched, (channels, size...)
/// @param w  (channels, x_channels / groups, kernel...), 1 to 3 kernel axes
/// @throws ShapeError as conv_geometry does; also for an output_size or like out of its range, or
/// both at once. The text names a kernel and a stride that reach the size.
ConvGeometry conv_transpose_geometry(std::span<const Index> y, std::span<const Index> w,
                                     const ConvTransposeSettings& settings = {});

/// For geometries that neither of the two made. `in` and `out` may be any: taps outside x are
/// zeros.
/// @throws ShapeError unless all numbers are in range, groups divide the channels, and the slots'
/// shapes can exist.
void check(const ConvGeometry& geometry);

/// Kernel, stride and padding with which conv_transpose makes `in` elements of `out`, given the
/// right output_padding: kernel == stride == `stride` where that does it, another stride elsewhere.
///
/// @param in, out  1 to 2^61
ConvAxis axis_between(Index in, Index out, Index stride = 1);

}  // namespace voxgrad
