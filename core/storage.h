// One buffer on one device, with the version that every view and detached handle of it shares.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>

#include <voxgrad/core/device.h>

namespace [[gnu::visibility("default")]] voxgrad {

class Storage {
 public:
  /// Allocates. @throws OutOfMemoryError, DeviceError.
  Storage(std::size_t bytes, Device device);

  /// Borrows memory that lives elsewhere (NumPy, DLPack, a caller's buffer); `release` runs when
  /// the last user is gone.
  Storage(void* data, std::size_t bytes, Device device, std::function<void()> release);

  ~Storage();
  Storage(const Storage&) = delete;
  Storage& operator=(const Storage&) = delete;

  std::byte* data() const { return data_; }
  std::size_t bytes() const { return bytes_; }
  Device device() const { return device_; }
  /// True when the memory is somebody else's.
  bool is_borrowed() const { return release_ != nullptr; }

  /// True once others (NumPy, DLPack, a caller with the address) may write there unseen.
  bool is_shown() const { return shown_.load(std::memory_order_relaxed); }
  void mark_shown() { shown_.store(true, std::memory_order_relaxed); }

  /// Counts the writes. Saved tensors compare it to notice that their values were changed.
  std::uint64_t version() const { return version_.load(std::memory_order_relaxed); }
  void bump_version() { version_.fetch_add(1, std::memory_order_relaxed); }

  /// Live tensors over this storage; what autograd saved does not count.
  int tensors() const { return tensors_.load(std::memory_order_relaxed); }
  void count_tensor(int change) { tensors_.fetch_add(change, std::memory_order_relaxed); }

 private:
  std::byte* data_ = nullptr;
  std::size_t bytes_ = 0;
  Device device_;
  std::function<void()> release_;  // empty when the memory is ours
  std::atomic<std::uint64_t> version_{0};
  std::atomic<int> tensors_{0};
  std::atomic<bool> shown_{false};
};

}  // namespace voxgrad
