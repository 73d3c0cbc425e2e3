// Internal: maximum and average pooling of values. Channels-last in memory, ranks 1 to 3.
#pragma once

#include <array>
#include <string_view>

#include <voxgrad/core/tensor.h>

namespace [[gnu::visibility("default")]] voxgrad {
namespace ops {

/// One spatial axis: output o meets inputs start(o) + k * dilation for k in [0, taps(o)).
struct PoolAxis {
  Index in = 1;
  Index out = 1;
  Index kernel = 1;
  Index stride = 1;
  Index padding = 0;
  Index dilation = 1;
  /// Windows from floor(o * in / out) to ceil((o + 1) * in / out), which cover the input evenly;
  /// `kernel` is then at least the longest of them.
  bool adaptive = false;

  /// May lie in the padding before the input.
  Index start(Index o) const { return adaptive ? o * in / out : o * stride - padding; }
  Index taps(Index o) const {
    return adaptive ? ((o + 1) * in + out - 1) / out - start(o) : kernel;
  }
};

/// Everything about a pooling but the values. Ranks 1 and 2 have leading unit axes.
struct PoolGeometry {
  int rank = 3;
  Index batch = 0;
  Index channels = 0;
  std::array<PoolAxis, 3> axis;

  /// Number of places in a window.
  Index window() const { return axis[0].kernel * axis[1].kernel * axis[2].kernel; }
  /// (batch, channels, in...) and (batch, channels, out...), with `rank` spatial axes.
  Shape input_shape() const;
  Shape output_shape() const;
  /// uint8 where it numbers every place of a window, else int32. Below 2^31 places.
  DType position_dtype() const;
};

/// Fills `out` by PyTorch's formula; with ceil_mode a last window may start inside the input and
/// end outside.
/// @throws ShapeError naming `op` on illegal options, or when a window would hold no input at all.
void set_output_size(std::string_view op, PoolAxis& axis, bool ceil_mode);

/// @throws ShapeError naming `op` unless in > 0 and out >= 0.
PoolAxis adaptive_axis(std::string_view op, Index in, Index out);

/// What an average divides by: `divisor` unless it is 0, else the places of the window inside the
/// padded input, or inside the input.
struct AverageDivisor {
  bool count_include_pad = true;
  Index divisor = 0;
};

/// Operands are channels-last and of the geometry's shapes; positions number the window's places in
/// row-major order.
struct PoolKernels {
  void (*max)(const PoolGeometry&, const Tensor& x, Tensor& y, Tensor& positions);
  void (*scatter)(const PoolGeometry&, const Tensor& y, const Tensor& positions, Tensor& x);
  void (*gather)(const PoolGeometry&, const Tensor& x, const Tensor& positions, Tensor& y);
  void (*flat_indices)(const PoolGeometry&, const Tensor& positions, Tensor& indices);
  void (*average)(const PoolGeometry&, AverageDivisor, const Tensor& x, Tensor& y);
  void (*average_adjoint)(const PoolGeometry&, AverageDivisor, const Tensor& y, Tensor& x);
};

/// Of the device's type; from here on this thread's kernels run on that device.
const PoolKernels& pool_kernels(Device device);

namespace cpu {
extern const PoolKernels kPool;
}
namespace cuda {
extern const PoolKernels kPool;
}

struct MaxPooled {
  Tensor values;
  Tensor positions;  ///< where in its window each maximum lies; dtype position_dtype()
};

/// Maximum of each window. Padding never wins; NaN does; of equal values the first in row-major
/// order wins. @throws ShapeError when a window has 2^31 places or more.
MaxPooled max_pool(const PoolGeometry& geometry, const Tensor& x);

/// x[place of positions] += y, zero elsewhere: the adjoint of gather_at with the same positions.
Tensor scatter_at(const PoolGeometry& geometry, const Tensor& y, const Tensor& positions);

/// y = x[place of positions].
Tensor gather_at(const PoolGeometry& geometry, const Tensor& x, const Tensor& positions);

/// int64: positions as row-major indices into the input's spatial axes, as PyTorch returns them.
Tensor flat_indices(const PoolGeometry& geometry, const Tensor& positions);

/// Sum of each window over its divisor; padding counts as zeros.
Tensor average_pool(const PoolGeometry& geometry, AverageDivisor divisor, const Tensor& x);

/// The adjoint of average_pool.
Tensor average_pool_adjoint(const PoolGeometry& geometry, AverageDivisor divisor, const Tensor& y);

}  // namespace ops
}  // namespace voxgrad
