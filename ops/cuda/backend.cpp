// The GPUs' backend: a caching allocator per device over the runtime's memory.
#include <voxgrad/core/backend.h>

#include <pthread.h>

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <voxgrad/core/allocator.h>
#include <voxgrad/core/check.h>
#include <voxgrad/core/device_name.h>
#include <voxgrad/ops/cuda/runtime.h>

namespace voxgrad::ops::cuda {

namespace {

// CUDA does not survive a fork: the child may release tensors, and nothing else.
std::atomic<bool> forked{false};

/// To ask for the devices starts CUDA already.
const Devices& watched_devices() {
  [[maybe_unused]] static const int once =
      pthread_atfork(nullptr, nullptr, [] { forked.store(true); });
  return devices();
}

void check_not_forked() {
  VG_CHECK(
      !forked.load(std::memory_order_relaxed), DeviceError,
      "cuda: a process forked after CUDA was used cannot use it; start workers before, or with "
      "the start method 'spawn'");
}

class CudaBackend final : public Backend {
 public:
  explicit CudaBackend(int index)
      : index_(index),
        allocator_({.take = [this](std::size_t bytes, std::size_t) { return take(bytes); },
                    .give = [this](void* block, std::size_t) { give(block); },
                    .host = kMemoryIsHosts,
                    .describe = [this] { return describe(); }}) {}

  void* allocate(std::size_t bytes, MemoryUse use) override {
    make_current();
    void* block = allocator_.allocate(bytes, use);
    if (fill_fresh_memory()) fill_memory(block, std::byte{0xFF}, bytes);
    return block;
  }

  void release(void* block, std::size_t bytes, MemoryUse use) noexcept override {
    allocator_.release(block, bytes, use);
  }

  void fill(void* to, std::byte value, std::size_t bytes) override {
    make_current();
    if (bytes > 0) fill_memory(to, value, bytes);
  }

  void copy(void* to, Device, const void* from, Device, std::size_t bytes) override {
    make_current();
    if (bytes > 0) copy_memory(to, from, bytes);
  }

  void make_current() override {
    check_not_forked();
    set_device(index_);
  }

  void synchronize() override {
    make_current();
    cuda::synchronize("synchronize");
  }

  MemoryStats memory_stats() const override { return allocator_.stats(); }
  void reset_peak_memory_stats() override { allocator_.reset_peak(); }

  void empty_cache() override {
    make_current();
    allocator_.empty_cache();
  }

 private:
  void* take(std::size_t bytes) {
    set_device(index_);
    return take_memory(bytes);
  }

  // Fails only where the device does already, which the next operation reports.
  void give(void* block) noexcept {
    if (forked.load(std::memory_order_relaxed)) return;
    try {
      set_device(index_);
      give_memory(block);
    } catch (const DeviceError&) {
    }
  }

  std::string describe() const {
    const FreeMemory memory = free_memory();
    return fmt::format(", {} free of {} on cuda:{}", memory.free, memory.total, index_);
  }

  const int index_;
  CachingAllocator allocator_;
};

/// Made when a device is first used, and never destroyed: tensors of static storage are released
/// late.
CudaBackend& provide(int index) {
  static const auto* const all = [] {
    auto* made = new std::vector<std::unique_ptr<CudaBackend>>;
    for (int i = 0; i < watched_devices().count; ++i)
      made->push_back(std::make_unique<CudaBackend>(i));
    return made;
  }();
  VG_CHECK(!all->empty(), DeviceError, "cuda: {}; got cuda:{}", devices().reason, index);
  VG_CHECK(index < static_cast<int>(all->size()), DeviceError,
           "cuda: the device must be one of cuda:0 to cuda:{}; got cuda:{}", all->size() - 1,
           index);
  return *(*all)[static_cast<std::size_t>(index)];
}

[[maybe_unused]] const bool registered = [] {
  register_backend(
      DeviceType::cuda, [](int index) -> Backend& { return provide(index); },
      [] { return watched_devices().count; });
  register_device_names(DeviceType::cuda, [](int index) {
    provide(index).make_current();
    return cuda::device_name();
  });
  return true;
}();

}  // namespace

}  // namespace voxgrad::ops::cuda
