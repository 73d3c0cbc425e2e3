// Convolution and transposed convolution, ranks 1 to 3. Differentiable to any order.
//
//   y = conv(x, w, bias, {.stride = 2, .padding = 1});
//   x = conv_transpose(y, w, {.stride = 2, .like = &skip});
//
// Both are partial derivatives of one trilinear form (core/conv_geometry.h, docs/conv.md), and so
// is every derivative of them.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <voxgrad/core/conv_geometry.h>
#include <voxgrad/core/tensor.h>

namespace [[gnu::visibility("default")]] voxgrad {

/// Convolution (cross-correlation), as torch.nn.functional.conv{1,2,3}d.
///
/// @param x     (batch, in_channels, size...) or, unbatched, (in_channels, size...)
/// @param w     (out_channels, in_channels / groups, kernel...); its rank decides that of the
/// operation
/// @param bias  (out_channels), or undefined for none
/// @return      (batch, out_channels, floor((size + 2 * padding - dilation * (kernel - 1) - 1) /
/// stride) + 1), channels-last
/// @throws ShapeError if ranks, channels, sizes or settings do not fit, or a padding mode's limit
/// (core/pad_mode.h) is passed; DTypeError unless all are float32 or all float64; DeviceError.
Tensor conv(const Tensor& x, const Tensor& w, const Tensor& bias = {},
            const ConvSettings& settings = {});
inline Tensor conv(const Tensor& x, const Tensor& w, const ConvSettings& settings) {
  return conv(x, w, {}, settings);
}

/// Transposed convolution: the adjoint of conv with the same w, as
/// torch.nn.functional.conv_transpose{1,2,3}d.
///
/// @param y     (batch, in_channels, size...) or, unbatched, (in_channels, size...)
/// @param w     (in_channels, out_channels / groups, kernel...); its rank decides that of the
/// operation
/// @param bias  (out_channels), or undefined for none
/// @return      (batch, out_channels, (size - 1) * stride - 2 * padding + dilation * (kernel - 1) +
/// 1 + output_padding), or the
///              output_size of the settings, or the size of their `like`; channels-last
/// @throws ShapeError if ranks, channels, sizes or settings do not fit; DTypeError unless all are
/// float32 or all float64;
///         DeviceError.
Tensor conv_transpose(const Tensor& y, const Tensor& w, const Tensor& bias = {},
                      const ConvTransposeSettings& settings = {});
inline Tensor conv_transpose(const Tensor& y, const Tensor& w,
                             const ConvTransposeSettings& settings) {
  return conv_transpose(y, w, {}, settings);
}

/// The form's partial derivative by one slot, of which all of the above and their derivatives are
/// cases.
///
/// @param first, second  the slots that are not produced, in the order x, w, y
/// @param bias           one number per channel, added to slot x or y; or undefined
/// @throws ShapeError for a geometry that check() refuses, or operands that do not fit it;
/// DTypeError; DeviceError.
Tensor conv_form(Slot produced, const ConvGeometry& geometry, const Tensor& first,
                 const Tensor& second, const Tensor& bias = {});

/// Names of a device's algorithms in order of preference: one list for the CPU, one for all GPUs.
/// Which of them runs follows from slot, geometry, dtype and, on the CPU, the instruction set;
/// VOXGRAD_LOG=conv in the environment prints it for each call.
/// @throws DeviceError where there is no such device.
std::vector<std::string> conv_algorithms(Device device = {});

/// Uses this algorithm wherever it supports the problem, in the whole process; empty: the library's
/// choice again. Where it does not, or where the operands' device has no algorithm of that name,
/// the library chooses without a word; last_conv() tells what ran.
/// @throws KeyError for a name that neither the CPU nor, in a build with CUDA, GPUs have.
void force_conv_algorithm(std::string_view name);

/// What one convolution ran.
struct ConvRun {
  Slot produced = Slot::y;
  ConvGeometry geometry;
  DType dtype = DType::float32;
  std::string algorithm;      ///< one of conv_algorithms() of the operands' device
  std::size_t workspace = 0;  ///< bytes besides operands and result, all threads together
  std::string text;           ///< all this in one line
};

/// The last convolution of this thread, or of a backward pass that this thread ran; nullopt before
/// the first, and not changed by empty tensors, which run none.
std::optional<ConvRun> last_conv();

}  // namespace voxgrad
