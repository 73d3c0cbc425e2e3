// Internal: numbers in the memory of a device that a kernel's launch needs besides tensors.
#pragma once

#include <span>

#include <voxgrad/core/tensor.h>
#include <voxgrad/ops/cuda/runtime.h>

namespace voxgrad::ops::cuda {

/// May go as soon as the kernels that use it were launched: the memory is handed out again in the
/// order of the work.
template <typename T>
class DeviceArray {
 public:
  /// Uninitialised.
  DeviceArray(Index count, Device device)
      : memory_(Tensor::empty({count, static_cast<Index>(sizeof(T))}, DType::uint8, device)) {}
  /// A copy of numbers of the CPU.
  DeviceArray(std::span<const T> values, Device device)
      : DeviceArray(static_cast<Index>(values.size()), device) {
    if (!values.empty()) upload(data(), values.data(), values.size_bytes());
  }

  T* data() { return static_cast<T*>(memory_.mutable_raw()); }

 private:
  Tensor memory_;
};

}  // namespace voxgrad::ops::cuda
