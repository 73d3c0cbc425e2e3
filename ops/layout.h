// Internal: copies between layouts and dtypes, fills, padding: values, no graph.
#pragma once

#include <span>

#include <voxgrad/core/pad_mode.h>
#include <voxgrad/ops/operand.h>

namespace [[gnu::visibility("default")]] voxgrad {
namespace ops {

/// Writes `from`, which broadcasts to the shape of `to`, over any strides, with conversion where
/// the dtypes differ: to boolean is != 0, floating to integer truncates. Memory must not overlap,
/// unless both are the same elements.
void copy_into(Tensor& to, const Tensor& from);

/// Sets all elements.
void fill(Tensor& x, double value);

/// The same tensor when it lies channels-last already, else a copy that does.
Tensor to_channels_last(const Tensor& x);
/// The same tensor when it is plain already, else a plain copy.
Tensor to_contiguous(const Tensor& x);
/// A copy in another dtype and the same memory order; the same tensor when it has that dtype.
Tensor convert(const Tensor& x, DType dtype);
/// A copy in the same memory order, plain where x is not dense.
Tensor copy(const Tensor& x);

/// x with lo[i] elements more before and hi[i] after on axis i, in the memory order of x. Negative
/// numbers crop; except in constant mode they must not be negative.
Tensor pad(const Tensor& x, std::span<const Index> lo, std::span<const Index> hi, PadMode mode,
           double value = 0);

/// The adjoint of pad (with value 0): what came from one element is summed into it.
///
/// @param shape  that of pad's input
Tensor pad_adjoint(const Tensor& y, const Shape& shape, std::span<const Index> lo,
                   std::span<const Index> hi, PadMode mode);

/// Reversed along the given axes (each in [0, dim)), in the memory order of x.
Tensor flip(const Tensor& x, std::span<const Index> axes);

struct LayoutKernels {
  /// Operands of one shape, any dtypes.
  void (*copy)(const Operand& to, const Operand& from);
  void (*fill)(const Operand& x, double value);
};
/// Of the device's type; from here on this thread's kernels run on that device.
const LayoutKernels& layout_kernels(Device device);

namespace cpu {
extern const LayoutKernels kLayout;
}
namespace cuda {
extern const LayoutKernels kLayout;
}

}  // namespace ops
}  // namespace voxgrad
