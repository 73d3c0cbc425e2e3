// Pooling; `rank` is the number of spatial axes.
#include "bind.h"

#include <voxgrad/autograd/functions/pool.h>

namespace voxgrad::python {

namespace {

using MaybeSpatial = std::optional<Spatial>;
using Sizes = const std::vector<std::optional<Index>>&;

std::pair<Tensor, Tensor> pair_of(MaxPoolResult result) {
  return {std::move(result.values), std::move(result.indices)};
}

void bind_windows(py::module_& m) {
  m.def(
      "_max_pool",
      [](const Tensor& x, int rank, const Spatial& kernel, const MaybeSpatial& stride,
         const Spatial& padding, const Spatial& dilation, bool ceil_mode) {
        return max_pool(x, {kernel, stride, padding, dilation, ceil_mode, rank});
      },
      ReleaseGil());
  m.def(
      "_max_pool_with_indices",
      [](const Tensor& x, int rank, const Spatial& kernel, const MaybeSpatial& stride,
         const Spatial& padding, const Spatial& dilation, bool ceil_mode) {
        return pair_of(
            max_pool_with_indices(x, {kernel, stride, padding, dilation, ceil_mode, rank}));
      },
      ReleaseGil());
  m.def(
      "_avg_pool",
      [](const Tensor& x, int rank, const Spatial& kernel, const MaybeSpatial& stride,
         const Spatial& padding, bool ceil_mode, bool count_include_pad, Index divisor_override) {
        return avg_pool(
            x, {kernel, stride, padding, ceil_mode, count_include_pad, divisor_override, rank});
      },
      ReleaseGil());
  m.def(
      "_lp_pool",
      [](const Tensor& x, int rank, double p, const Spatial& kernel, const MaybeSpatial& stride,
         bool ceil_mode) {
        return lp_pool(x, p, {kernel, stride, ceil_mode, rank});
      },
      ReleaseGil());
}

}  // namespace

void bind_pool(py::module_& m) {
  bind_windows(m);
  m.def(
      "_adaptive_avg_pool",
      [](const Tensor& x, Sizes sizes) { return adaptive_avg_pool(x, sizes); }, ReleaseGil());
  m.def(
      "_adaptive_max_pool",
      [](const Tensor& x, Sizes sizes) {
        return pair_of(adaptive_max_pool_with_indices(x, sizes));
      },
      ReleaseGil());
  m.def(
      "_max_unpool",
      [](const Tensor& x, const Tensor& indices, const Shape& size) {
        return max_unpool(x, indices, size);
      },
      ReleaseGil());
}

}  // namespace voxgrad::python
