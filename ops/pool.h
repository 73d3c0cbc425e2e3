// Internal: maximum and average pooling of values. Channels-last in memory, ranks 1 to 3.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <string_view>

#include <voxgrad/core/tensor.h>

namespace [[gnu::visibility("default")]] voxgrad {
namespace ops {

/// a / b of numbers that are not negative; in 32 bits where they fit, because GPUs divide 64
/// slowly.
constexpr Index pool_quotient(Index a, Index b) {
  if (((a | b) >> 32) != 0) return a / b;
  return static_cast<Index>(static_cast<std::uint32_t>(a) / static_cast<std::uint32_t>(b));
}

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

  /// Numbers [first, end).
  struct Range {
    Index first, end;
  };

  /// May lie in the padding before the input.
  constexpr Index start(Index o) const {
    return adaptive ? pool_quotient(o * in, out) : o * stride - padding;
  }
  constexpr Index taps(Index o) const {
    return adaptive ? pool_quotient((o + 1) * in + out - 1, out) - start(o) : kernel;
  }
  /// Which taps of output o meet an input and not padding.
  constexpr Range taps_inside(Index o) const {
    const Index from = start(o);
    const Index first = from < 0 ? pool_quotient(dilation - 1 - from, dilation) : 0;
    const Index room = std::max<Index>(in - from, 0);
    return {first, std::min(taps(o), pool_quotient(room + dilation - 1, dilation))};
  }
  /// The outputs whose windows reach over input i; dilated ones may step over it.
  constexpr Range outputs_around(Index i) const {
    if (adaptive) return {pool_quotient(i * out, in), pool_quotient((i + 1) * out + in - 1, in)};
    const Index place = i + padding;  // in the padded input
    const Index before = std::max<Index>(place - dilation * (kernel - 1), 0);
    return {pool_quotient(before + stride - 1, stride),
            std::min(pool_quotient(place, stride), out - 1) + 1};
  }
  /// Which tap of output o, one of outputs_around(i), meets input i; -1 where none does.
  constexpr Index tap_at(Index o, Index i) const {
    const Index distance = i - start(o), tap = pool_quotient(distance, dilation);
    return tap * dilation == distance ? tap : -1;
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

  /// The factor of a window is whole() times share(axis, o) of each axis.
  template <typename T>
  constexpr T whole() const {
    return divisor != 0 ? T(1) / static_cast<T>(divisor) : T(1);
  }
  template <typename T>
  constexpr T share(const PoolAxis& axis, Index o) const {
    if (divisor != 0) return T(1);
    const Index start = axis.start(o);
    const Index end =
        std::min(start + axis.taps(o), count_include_pad ? axis.in + axis.padding : axis.in);
    return T(1) / static_cast<T>(end - (count_include_pad ? start : std::max<Index>(start, 0)));
  }
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
