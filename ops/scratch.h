// Internal: memory of one call or one tile, from a device's caching allocator.
#pragma once

#include <cstddef>

#include <voxgrad/core/backend.h>
#include <voxgrad/core/shape.h>

namespace voxgrad::ops {

/// `count` uninitialised elements, 64-byte aligned. @throws OutOfMemoryError.
template <typename T>
class Scratch {
 public:
  explicit Scratch(Index count, Device device = {})
      : backend_(backend(device)),
        bytes_(static_cast<std::size_t>(count) * sizeof(T)),
        data_(static_cast<T*>(backend_.allocate(bytes_, MemoryUse::workspace))) {}
  ~Scratch() { backend_.release(data_, bytes_, MemoryUse::workspace); }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  T* data() { return data_; }

 private:
  Backend& backend_;
  std::size_t bytes_;
  T* data_;
};

}  // namespace voxgrad::ops
