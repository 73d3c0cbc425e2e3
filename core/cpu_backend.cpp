// The registry of backends, and the CPU's.
#include <voxgrad/core/backend.h>

#include <sys/mman.h>

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <cstring>

#include <voxgrad/core/allocator.h>
#include <voxgrad/core/check.h>
#include <voxgrad/core/fork.h>
#include <voxgrad/core/parallel.h>
#include <voxgrad/core/system_limits.h>

namespace voxgrad {

namespace {

constexpr std::size_t kHugePage = std::size_t{2} << 20;
constexpr Index kCopyGrain = Index{1} << 20;

/// Pages aligned to huge ones: mmap aligns to 4 KiB only, so the surplus on both sides goes back.
void* map_huge_pages(std::size_t bytes) {
  const std::size_t mapped = bytes + kHugePage;
  void* map = mmap(nullptr, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (map == MAP_FAILED) return nullptr;
  const auto start = reinterpret_cast<std::uintptr_t>(map);
  const std::size_t head = (kHugePage - start % kHugePage) % kHugePage;
  auto* block = static_cast<std::byte*>(map) + head;
  if (head > 0) munmap(map, head);
  munmap(block + bytes, mapped - head - bytes);
  madvise(block, bytes, MADV_HUGEPAGE);  // advice: where the kernel has none, small pages do
  return block;
}

/// The system's memory, never more in all than the process could ever use: Linux would promise it,
/// and then kill.
class SystemMemory {
 public:
  void* take(std::size_t bytes, std::size_t alignment) {
    if (taken_.fetch_add(bytes) + bytes > limit_ || bytes > limit_) return fail(bytes);
    void* block =
        alignment >= kHugePage ? map_huge_pages(bytes) : std::aligned_alloc(alignment, bytes);
    return block != nullptr ? block : fail(bytes);
  }

  void give(void* block, std::size_t bytes) {
    if (bytes >= kHugePage) munmap(block, bytes);
    else std::free(block);
    taken_.fetch_sub(bytes);
  }

 private:
  void* fail(std::size_t bytes) {
    taken_.fetch_sub(bytes);
    return nullptr;
  }

  const std::size_t limit_ = internal::usable_memory();
  std::atomic<std::size_t> taken_{0};
};

class CpuBackend final : public Backend {
 public:
  CpuBackend()
      : allocator_(
            {.take = [this](std::size_t bytes,
                            std::size_t alignment) { return system_.take(bytes, alignment); },
             .give = [this](void* block, std::size_t bytes) { system_.give(block, bytes); },
             .host = true}) {}

  void* allocate(std::size_t bytes, MemoryUse use) override {
    void* block = allocator_.allocate(bytes, use);
    if (fill_fresh_memory()) std::memset(block, 0xFF, bytes);
    return block;
  }

  void release(void* block, std::size_t bytes, MemoryUse use) noexcept override {
    allocator_.release(block, bytes, use);
  }

  void fill(void* to, std::byte value, std::size_t bytes) override {
    const NoCancel whole;  // a buffer is never left half-filled
    parallel_ranges(static_cast<Index>(bytes), kCopyGrain, [=](Index begin, Index end) {
      std::memset(static_cast<std::byte*>(to) + begin, std::to_integer<int>(value),
                  static_cast<std::size_t>(end - begin));
    });
  }

  void copy(void* to, Device to_device, const void* from, Device from_device,
            std::size_t bytes) override {
    for (const Device device : {to_device, from_device}) {
      if (device.type != DeviceType::cpu) {  // the other device knows both memories
        return backend(device).copy(to, to_device, from, from_device, bytes);
      }
    }
    const NoCancel whole;
    parallel_ranges(static_cast<Index>(bytes), kCopyGrain, [=](Index begin, Index end) {
      std::memcpy(static_cast<std::byte*>(to) + begin, static_cast<const std::byte*>(from) + begin,
                  static_cast<std::size_t>(end - begin));
    });
  }

  void synchronize() override {}
  MemoryStats memory_stats() const override { return allocator_.stats(); }
  void reset_peak_memory_stats() override { allocator_.reset_peak(); }
  void empty_cache() override { allocator_.empty_cache(); }

  CachingAllocator& allocator() { return allocator_; }

 private:
  SystemMemory system_;
  CachingAllocator allocator_;
};

/// Never destroyed: tensors of static storage are released after this file's statics would be gone.
CpuBackend& cpu_backend() {
  static CpuBackend* const instance = new CpuBackend;
  [[maybe_unused]] static const bool fork_waits_for_it = [] {
    internal::set_fork_handler(internal::ForkStage::allocator,
                               {.acquire = [] { instance->allocator().lock(); },
                                .in_parent = [] { instance->allocator().unlock(); },
                                .in_child = [] { instance->allocator().unlock(); }});
    return true;
  }();
  return *instance;
}

std::atomic<BackendProvider> cuda_provider{nullptr};
std::atomic<int (*)()> cuda_count{nullptr};

}  // namespace

void register_backend(DeviceType type, BackendProvider provider, int (*count)()) {
  VG_CHECK(type == DeviceType::cuda, DeviceError,
           "register_backend: the CPU's backend cannot be replaced; got cpu");
  cuda_count.store(count);
  cuda_provider.store(provider);
}

int device_count(DeviceType type) {
  if (type == DeviceType::cpu) return 1;
  int (*const count)() = cuda_count.load();
  return count == nullptr ? 0 : count();
}

Device Device::cuda(int index) {
  const Device device{DeviceType::cuda, index};
  backend(device);
  return device;
}

Backend& backend(Device device) {
  VG_CHECK(device.index >= 0, DeviceError, "backend: a device's index must be >= 0; got {}",
           device.index);
  if (device.type == DeviceType::cpu) {
    VG_CHECK(device.index == 0, DeviceError, "backend: the CPU has index 0 only; got {}",
             device.index);
    return cpu_backend();
  }
  const BackendProvider provider = cuda_provider.load();
  VG_CHECK(provider != nullptr, DeviceError,
           "backend: this build of voxgrad has no CUDA; build it with -DVOXGRAD_CUDA=ON where the "
           "CUDA toolkit is; got {}",
           to_string(device));
  return provider(device.index);
}

}  // namespace voxgrad
