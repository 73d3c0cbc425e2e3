// Internal: reads and writes through index tensors: values, no graph. Ranges were checked by the
// caller.
#pragma once

#include <cstdint>
#include <span>
#include <type_traits>
#include <vector>

#include <voxgrad/ops/operand.h>

namespace [[gnu::visibility("default")]] voxgrad {
namespace ops {

/// How index tensors address x. Each index tensor has the shape of the result, possibly with stride
/// 0: an element of the result lies in x where its own axes say, plus one index per indexed axis.
struct IndexMap {
  std::vector<int> own;      ///< per axis of the result: the axis of x it runs along, -1 for none
  std::vector<int> indexed;  ///< per index tensor: the axis of x from which it chooses
};

/// result[i] = x[own axes of i, indices[0][i], ...], plain. `indices`: at least one, int64, values
/// in [-size, size) of their axis.
Tensor gather(const Tensor& x, const IndexMap& map, std::span<const Tensor> indices);

/// Writes `values`, which broadcast to the shape of the indices and have x's dtype, where gather
/// would read. With `accumulate` they are added (booleans: or), one after the other in logical
/// order; without it the last of those that meet stays.
void scatter_into(Tensor& x, const IndexMap& map, std::span<const Tensor> indices,
                  const Tensor& values, bool accumulate);

/// Indices of the elements that are not 0, in logical order: (count, rank), int64.
Tensor nonzero(const Tensor& x);

/// Where an index leads, in elements.
struct IndexPlace {
  Index size;
  Index stride;

  constexpr Index number(std::int64_t index) const { return index < 0 ? index + size : index; }
  constexpr Index operator()(std::int64_t index) const { return number(index) * stride; }
};

/// Integers wrap around; booleans: or.
template <typename T>
constexpr T accumulated(T total, T value) {
  if constexpr (std::is_floating_point_v<T>) {
    return total + value;
  } else {
    return static_cast<T>(static_cast<std::uint64_t>(total) + static_cast<std::uint64_t>(value));
  }
}

/// Elements in the loop's shape; the place in x moves by (index, plus size when negative) * stride.
struct IndexOperand {
  Operand index;
  Index size;
  Index stride;

  IndexPlace place() const { return {size, stride}; }
};

/// Kernels get operands of the result's shape; x has stride 0 along axes that are not its own.
struct IndexingKernels {
  void (*gather)(const Operand& x, const IndexOperand& index, const Operand& out);
  void (*scatter)(const Operand& x, const IndexOperand& index, const Operand& values,
                  const std::vector<int>& own, bool accumulate);
  /// total += the place of `index`.
  void (*add_places)(const IndexOperand& index, const Operand& total);
  Tensor (*nonzero)(const Tensor& x);
};
/// Of the device's type; from here on this thread's kernels run on that device.
const IndexingKernels& indexing_kernels(Device device);

namespace cpu {
extern const IndexingKernels kIndexing;
}
namespace cuda {
extern const IndexingKernels kIndexing;
}

}  // namespace ops
}  // namespace voxgrad
