// Internal: memory of one call or one tile, from a device's caching allocator.
#pragma once

#include <cstddef>
#include <utility>

#include <voxgrad/core/backend.h>
#include <voxgrad/core/shape.h>

namespace voxgrad::ops {

/// `count` uninitialised elements, 64-byte aligned. @throws OutOfMemoryError.
template <typename T>
class Scratch {
 public:
  explicit Scratch(Index count, Device device = {})
      : backend_(&backend(device)),
        bytes_(static_cast<std::size_t>(count) * sizeof(T)),
        data_(static_cast<T*>(backend_->allocate(bytes_, MemoryUse::workspace))) {}
  ~Scratch() {
    if (data_ != nullptr) backend_->release(data_, bytes_, MemoryUse::workspace);
  }
  Scratch(Scratch&& other) noexcept
      : backend_(other.backend_),
        bytes_(other.bytes_),
        data_(std::exchange(other.data_, nullptr)) {}
  Scratch& operator=(Scratch&& other) noexcept {
    std::swap(backend_, other.backend_);
    std::swap(bytes_, other.bytes_);
    std::swap(data_, other.data_);
    return *this;
  }

  T* data() { return data_; }

 private:
  Backend* backend_;
  std::size_t bytes_;
  T* data_;
};

}  // namespace voxgrad::ops
