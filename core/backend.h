// What a device must supply. Arithmetic is not here: it is in the kernel tables of ops/.
#pragma once

#include <cstddef>

#include <voxgrad/core/device.h>

namespace [[gnu::visibility("default")]] voxgrad {

/// Bytes held by a device's caching allocator.
struct MemoryStats {
  std::size_t current = 0;    ///< in use by live tensors and workspaces, each rounded up to 64
  std::size_t peak = 0;       ///< highest `current` since reset_peak_memory_stats
  std::size_t reserved = 0;   ///< taken from the system: in use and cached
  std::size_t workspace = 0;  ///< most that operations held at once for themselves, counted as peak
};

/// What memory is for: a tensor, or one operation while it runs.
enum class MemoryUse : unsigned char { tensor, workspace };

/// One device's memory. Implementations are thread-safe.
class Backend {
 public:
  virtual ~Backend() = default;
  /// At least `bytes` bytes, 64-byte aligned; never null, also for 0 bytes. @throws
  /// OutOfMemoryError.
  virtual void* allocate(std::size_t bytes, MemoryUse use = MemoryUse::tensor) = 0;
  /// Gives back what allocate(bytes, use) returned.
  virtual void release(void* block, std::size_t bytes,
                       MemoryUse use = MemoryUse::tensor) noexcept = 0;
  /// Sets `bytes` bytes to `value`.
  virtual void fill(void* to, std::byte value, std::size_t bytes) = 0;
  /// Copies between memory of this device and memory of this device or of the CPU; the two must not
  /// overlap.
  virtual void copy(void* to, Device to_device, const void* from, Device from_device,
                    std::size_t bytes) = 0;
  /// Kernels that this thread starts from now on run on this device, not on another of its type.
  virtual void make_current() {}
  /// Returns when all work given to the device so far is done. @throws DeviceError when it failed.
  virtual void synchronize() = 0;
  virtual MemoryStats memory_stats() const = 0;
  /// Sets `peak` to `current`, and `workspace` to what operations hold now.
  virtual void reset_peak_memory_stats() = 0;
  /// Returns cached free blocks to the system.
  virtual void empty_cache() = 0;
};

/// The backend of a device; it lives until the process ends.
/// @throws DeviceError where there is none, saying how to get it.
Backend& backend(Device device);

/// Finds the backend of device `index` of one type. Called from any thread, for each look-up; it
/// must be cheap and always give the same. @throws DeviceError naming what is missing.
using BackendProvider = Backend& (*)(int index);

/// Makes backend({type, index}) ask `provider`, and device_count(type) `count`: how the CUDA folder
/// makes itself known. The CPU's cannot be replaced.
/// @throws DeviceError for DeviceType::cpu.
void register_backend(DeviceType type, BackendProvider provider, int (*count)());

}  // namespace voxgrad
