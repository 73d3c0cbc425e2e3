// Internal: running sums and sorted order along one axis: values, no graph.
#pragma once

#include <voxgrad/ops/operand.h>

namespace [[gnu::visibility("default")]] voxgrad {
namespace ops {

/// Sums of all elements up to each along `axis` (in [0, dim)), plain; float32 is added in float64,
/// integers and booleans give int64.
Tensor cumsum(const Tensor& x, int axis);

/// Positions along `axis` (in [0, dim)) in ascending or descending order of the elements, int64,
/// plain; equal ones keep their order. NaN counts as larger than all numbers.
Tensor argsort(const Tensor& x, int axis, bool descending);

/// Kernels get operands of one shape.
struct ScanKernels {
  void (*cumsum)(const Operand& x, int axis, const Operand& out);
  void (*argsort)(const Operand& x, int axis, bool descending, const Operand& out);
};
/// Of the device's type; from here on this thread's kernels run on that device.
const ScanKernels& scan_kernels(Device device);

namespace cpu {
extern const ScanKernels kScan;
}
namespace cuda {
extern const ScanKernels kScan;
}

}  // namespace ops
}  // namespace voxgrad
