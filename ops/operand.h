// Internal: what kernels work on: memory and a layout over it, without ownership or graph.
#pragma once

#include <voxgrad/core/backend.h>
#include <voxgrad/core/tensor.h>

namespace [[gnu::visibility("default")]] voxgrad {
namespace ops {

/// Elements at data + sum of index * strides. Strides may be 0 (broadcast) or negative (reversed).
struct Operand {
  void* data;
  DType dtype;
  Shape shape;
  Strides strides;

  template <typename T>
  T* as() const {
    return static_cast<T*>(data);
  }
};

/// A tensor to be read.
Operand operand(const Tensor& x);
/// A tensor to be read as if it had `shape`, to which it broadcasts.
Operand operand(const Tensor& x, const Shape& shape);
/// A tensor to be written: its version goes up.
Operand target(Tensor& x);
/// `length` elements of one axis from `start` on, every `step`-th (0 repeats one, -1 runs
/// backwards).
Operand slice(Operand x, int axis, Index start, Index length, Index step = 1);

/// Uninitialised, of another shape of the same rank, with the axes in the memory order of `x`.
Tensor empty_in_order_of(const Tensor& x, const Shape& shape);

/// The table of the device's type. Kernels that this thread starts from here on run on `device`.
template <typename Table>
const Table& select_kernels(Device device, const Table& cpu, const Table& cuda) {
  if (device.type == DeviceType::cpu) return cpu;
  backend(device).make_current();
  return cuda;
}

}  // namespace ops
}  // namespace voxgrad
