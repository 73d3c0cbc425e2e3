// Internal: sums and extrema over axes: values, no graph. Chunks follow from shape and strides
// alone, so results have the same bits for any number of threads.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include <voxgrad/ops/operand.h>

namespace [[gnu::visibility("default")]] voxgrad {
namespace ops {

enum class ReduceOp : std::uint8_t {
  sum,      ///< float32 in short float32 runs joined in float64; integers and booleans in int64
  maximum,  ///< NaN wins
  minimum,  ///< NaN wins
  product,  ///< floating types in float64; integers and booleans in int64
};

std::string_view name(ReduceOp op);

/// One flag per axis: true where it is reduced.
using AxisMask = std::vector<bool>;

/// Reduces the axes of the mask to size 1 (keepdim) or away. A sum or product of integers or
/// booleans gives int64; extrema keep the dtype and need at least one element to reduce.
Tensor reduce(ReduceOp op, const Tensor& x, const AxisMask& axes, bool keepdim);

/// reduce(sum) over all axes where `shape`, which broadcasts to that of x, has size 1 or none. The
/// same tensor when shapes agree.
Tensor sum_to(const Tensor& x, const Shape& shape);

/// Position of the largest element along `axis` (in [0, dim), size >= 1), int64; the first of
/// equals, and the first NaN before all.
Tensor argmax(const Tensor& x, int axis, bool keepdim);
/// The same of the smallest.
Tensor argmin(const Tensor& x, int axis, bool keepdim);

/// Kernels get `out` with the rank of x and size 1 on reduced axes.
struct ReduceKernels {
  void (*reduce)(ReduceOp op, const Operand& x, const Operand& out);
  /// `op`: maximum or minimum.
  void (*position)(ReduceOp op, const Operand& x, int axis, const Operand& out);
};
/// Of the device's type; from here on this thread's kernels run on that device.
const ReduceKernels& reduce_kernels(Device device);

namespace cpu {
extern const ReduceKernels kReduce;
}
namespace cuda {
extern const ReduceKernels kReduce;
}

}  // namespace ops
}  // namespace voxgrad
