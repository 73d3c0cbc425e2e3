// Internal: normalisation of values over channels-last rows. Batch and instance norm differ in
// NormShape alone:
//
//   instance norm   groups = batch, rows = voxels            (statistics per sample and channel)
//   batch norm      groups = 1,     rows = batch * voxels    (statistics per channel)
//
// Group norm is instance norm whose statistics are merged over channels between moments() and
// normalize(), and whose sums are merged between norm_sums() and norm_input_gradient(). Layer norm
// is instance norm of one channel.
#pragma once

#include <voxgrad/core/tensor.h>

namespace [[gnu::visibility("default")]] voxgrad {
namespace ops {

/// x[group][row][channel], dense.
struct NormShape {
  Index groups = 0;
  Index rows = 0;
  Index channels = 0;
};

/// Statistics per (group, channel): float64, or floating running statistics. `variance` is the
/// biased one.
struct Moments {
  Tensor mean;
  Tensor variance;
};

/// Per (group, channel), float64: sum of dy, and sum of dy * xhat with xhat = (x - mean) /
/// sqrt(variance + eps); dy being what the rectifier lets through.
struct NormSums {
  Tensor dy;
  Tensor dy_xhat;
};

/// What is done with the normalised values: y = rectified(xhat * weight + bias), where what is not
/// above 0 is multiplied with `slope`. 1: nothing is rectified; 0: relu.
struct NormOutput {
  double eps = 0;
  Tensor weight = {}, bias = {};  ///< (channels); may be undefined: 1 and 0
  double slope = 1;               ///< at least 0
};

/// x, y and dy lie channels-last.
struct NormKernels {
  void (*moments)(const NormShape&, const Tensor& x, Moments& result);
  void (*normalize)(const NormShape&, const Tensor& x, const Moments&, const NormOutput&,
                    Tensor& y);
  void (*sums)(const NormShape&, const Tensor& x, const Tensor& dy, const Moments&,
               const NormOutput&, NormSums& result);
  /// `sums` of weight * dy; sums.dy undefined: the moments were constants.
  void (*input_gradient)(const NormShape&, const Tensor& x, const Tensor& dy, const Moments&,
                         const NormOutput&, const NormSums& sums, Tensor& dx);
  /// result[channel] = sum over groups of sums[group][channel].
  void (*add_groups)(const NormShape&, const Tensor& sums, Tensor& result);
  /// running = (1 - momentum) * running + momentum * (mean over groups of moments); the variance
  /// unbiased.
  void (*update_running)(const NormShape&, const Moments&, double momentum, Moments& running);
};

/// Of the device's type; from here on this thread's kernels run on that device.
const NormKernels& norm_kernels(Device device);

namespace cpu {
extern const NormKernels kNorm;
}
namespace cuda {
extern const NormKernels kNorm;
}

/// Mean and biased variance of each group and channel, accurate also where the mean is much larger
/// than the deviation.
Moments moments(const NormShape& shape, const Tensor& x);

/// Channels-last.
Tensor normalize(const NormShape& shape, const Tensor& x, const Moments& moments,
                 const NormOutput& output);

/// What the gradients need to know of dy.
NormSums norm_sums(const NormShape& shape, const Tensor& x, const Tensor& dy,
                   const Moments& moments, const NormOutput& output);

/// Each run of `merged` channels gets the statistics of all its elements.
Moments merge_moments(const NormShape& shape, Index merged, const Moments& moments);

/// The sums of weight * dy from those of dy; the mean of each run of `merged` channels.
NormSums merge_sums(const NormShape& shape, Index merged, const NormSums& sums,
                    const Tensor& weight);

/// Gradient of normalize by x, through the moments when `sums`, of merge_sums, is defined.
Tensor norm_input_gradient(const NormShape& shape, const Tensor& x, const Tensor& dy,
                           const Moments& moments, const NormOutput& output, const NormSums& sums);

/// (channels) from (groups, channels), in `dtype`.
Tensor add_groups(const NormShape& shape, const Tensor& sums, DType dtype);

/// Moves running statistics towards `moments`; never stops half-way.
void update_running(const NormShape& shape, const Moments& moments, double momentum,
                    Moments running);

}  // namespace ops
}  // namespace voxgrad
