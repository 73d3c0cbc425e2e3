// Internal: numbers in a device's memory that kernels need besides tensors.
#pragma once

#include <span>

#include <voxgrad/ops/cuda/runtime.h>
#include <voxgrad/ops/scratch.h>

namespace voxgrad::ops::cuda {

/// May go as soon as the kernels that use it were launched: the memory is handed out again in the
/// order of the work.
template <typename T>
class DeviceArray : public Scratch<T> {
 public:
  /// Uninitialised, on the device that this thread's kernels run on.
  explicit DeviceArray(Index count) : Scratch<T>(count, {DeviceType::cuda, current_device()}) {}
  /// A copy of numbers of the CPU.
  explicit DeviceArray(std::span<const T> values) : DeviceArray(static_cast<Index>(values.size())) {
    if (!values.empty()) upload(this->data(), values.data(), values.size_bytes());
  }
};

}  // namespace voxgrad::ops::cuda
