// Internal: launches on the CPU. Parts run from the last to the first, so that bodies which rely on
// the order of their parts give wrong results.
#pragma once

#include <string_view>

#include <voxgrad/core/shape.h>

// What a compiler for CUDA understands by itself.
#define __device__
#define __host__

namespace voxgrad::ops::cuda {

/// While one lives, the CPU can touch the device's memory; otherwise that is a segmentation fault,
/// as it would be with a GPU.
class DeviceMemoryAccess {
 public:
  DeviceMemoryAccess();
  ~DeviceMemoryAccess();
  DeviceMemoryAccess(const DeviceMemoryAccess&) = delete;
  DeviceMemoryAccess& operator=(const DeviceMemoryAccess&) = delete;
};

template <typename Body>
void start(std::string_view, Index count, const Body& body) {
  const DeviceMemoryAccess access;
  const Body copy = body;
  for (Index i = count; i-- > 0;) copy(i);
}

}  // namespace voxgrad::ops::cuda
