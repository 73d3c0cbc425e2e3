// Internal: linear maps of one axis: each result is a weighted sum of few places of x.
// Interpolation of a volume is one map per axis; the derivative of a map is its transpose, which is
// a map again.
#pragma once

#include <vector>

#include <voxgrad/core/tensor.h>

namespace [[gnu::visibility("default")]] voxgrad {
namespace ops {

struct Tap {
  Index place;
  double weight;
};

/// Result o is the sum over taps[starts[o]] ... taps[starts[o + 1] - 1] of weight * x[place].
struct AxisMap {
  Index in = 0;
  std::vector<Index> starts{0};
  std::vector<Tap> taps = {};

  Index out() const { return static_cast<Index>(starts.size()) - 1; }
  /// Adds a result; taps of one place are merged, those of weight 0 dropped.
  void add(std::initializer_list<Tap> result);
  /// True where every result is one element of x: then dtypes without fractions can be mapped too.
  bool selects() const;
  /// x and results exchanged; taps ascend.
  AxisMap transposed() const;
};

struct ResampleKernels {
  /// y[outer][o][inner] from x[outer][place][inner]; dense.
  void (*map_axis)(const AxisMap&, Index outer, Index inner, const Tensor& x, Tensor& y);
};

/// Of the device's type; from here on this thread's kernels run on that device.
const ResampleKernels& resample_kernels(Device device);

namespace cpu {
extern const ResampleKernels kResample;
}
namespace cuda {
extern const ResampleKernels kResample;
}

/// Applies the map along `axis` (in [2, dim)) of (batch, channels, size...), whose size is map.in.
/// @return channels-last
Tensor map_axis(const AxisMap& map, const Tensor& x, int axis);

}  // namespace ops
}  // namespace voxgrad
