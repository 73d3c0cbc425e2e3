// What a device must supply. Arithmetic is not here: it is in the kernel tables of ops/.
#pragma once

#include <cstddef>

#include <voxgrad/core/device.h>

namespace [[gnu::visibility("default")]] voxgrad {

/// Bytes held by a device's caching allocator.
struct MemoryStats {
  std::size_t current = 0;   ///< in use by live tensors and workspaces
  std::size_t peak = 0;      ///< highest `current` since reset_peak_memory_stats
  std::size_t reserved = 0;  ///< taken from the system: in use and cached
};

/// One device's memory. Implementations are thread-safe.
class Backend {
 public:
  virtual ~Backend() = default;
  /// At least `bytes` bytes, 64-byte aligned; never null, also for 0 bytes. @throws OutOfMemoryError.
  virtual void* allocate(std::size_t bytes) = 0;
  /// Gives back what allocate(bytes) returned.
  virtual void release(void* block, std::size_t bytes) noexcept = 0;
  virtual void fill(void* to, std::byte value, std::size_t bytes) = 0;
  virtual void copy(void* to, Device to_device, const void* from, Device from_device, std::size_t bytes) = 0;
  virtual void synchronize() = 0;
  virtual MemoryStats memory_stats() const = 0;
  virtual void reset_peak_memory_stats() = 0;
  /// Returns cached free blocks to the system.
  virtual void empty_cache() = 0;
};

/// The backend of a device. @throws DeviceError where there is none, saying how to get it.
Backend& backend(Device device);

}  // namespace voxgrad
