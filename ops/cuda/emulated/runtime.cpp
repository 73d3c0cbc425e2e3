// One device in the CPU's memory: an arena that is closed except while work of the device runs.
#include <voxgrad/ops/cuda/runtime.h>

#include <sys/mman.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <map>
#include <mutex>

#include <device_launch.h>

namespace voxgrad::ops::cuda {

namespace {

constexpr std::size_t kPage = std::size_t{2} << 20;
constexpr std::size_t kArena = std::size_t{16} << 30;  // of addresses; memory comes when touched

std::size_t round_up(std::size_t bytes) { return (bytes + kPage - 1) / kPage * kPage; }

class Arena {
 public:
  Arena() {
    void* map =
        mmap(nullptr, kArena, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (map == MAP_FAILED) return;
    const std::size_t head = kPage - reinterpret_cast<std::uintptr_t>(map) % kPage;
    start_ = static_cast<std::byte*>(map) + head;
    free_[0] = size_ = kArena - kPage;
    madvise(start_, size_, MADV_HUGEPAGE);  // fewer pages to open and close
  }

  void* take(std::size_t bytes) {
    const std::lock_guard lock(mutex_);
    const std::size_t wanted = round_up(bytes);
    for (auto piece = free_.begin(); piece != free_.end(); ++piece) {
      const auto [at, size] = *piece;
      if (size < wanted) continue;
      free_.erase(piece);
      if (size > wanted) free_[at + wanted] = size - wanted;
      taken_[at] = wanted;
      reach_ = std::max(reach_, at + wanted);
      if (open_ > 0) protect(PROT_READ | PROT_WRITE);
      return start_ + at;
    }
    return nullptr;
  }

  void give(void* block) {
    const std::lock_guard lock(mutex_);
    std::size_t at = static_cast<std::size_t>(static_cast<std::byte*>(block) - start_);
    std::size_t size = taken_.at(at);
    taken_.erase(at);
    madvise(block, size, MADV_DONTNEED);
    auto next = free_.lower_bound(at);
    if (next != free_.end() && next->first == at + size) {
      size += next->second;
      next = free_.erase(next);
    }
    if (next != free_.begin() && std::prev(next)->first + std::prev(next)->second == at) {
      --next;
      at = next->first;
      size += next->second;
    }
    free_[at] = size;
  }

  FreeMemory free_memory() {
    const std::lock_guard lock(mutex_);
    FreeMemory result{0, size_};
    for (const auto& [at, size] : free_) result.free += size;
    return result;
  }

  void open() {
    const std::lock_guard lock(mutex_);
    if (open_++ == 0) protect(PROT_READ | PROT_WRITE);
  }

  void close() {
    const std::lock_guard lock(mutex_);
    if (--open_ == 0) protect(PROT_NONE);
  }

 private:
  void protect(int access) const {
    if (reach_ > 0) mprotect(start_, reach_, access);
  }

  std::mutex mutex_;
  std::byte* start_ = nullptr;
  std::size_t size_ = 0;
  std::size_t reach_ = 0;  // end of what was ever taken
  int open_ = 0;
  std::map<std::size_t, std::size_t> free_, taken_;  // offset, size
};

/// Never destroyed: tensors of static storage are released late.
Arena& arena() {
  static Arena* const instance = new Arena;
  return *instance;
}

}  // namespace

DeviceMemoryAccess::DeviceMemoryAccess() { arena().open(); }
DeviceMemoryAccess::~DeviceMemoryAccess() { arena().close(); }

const Devices& devices() {
  static const Devices one{1, ""};
  return one;
}

const bool kMemoryIsHosts = true;

void set_device(int) {}

int current_device() { return 0; }

void* take_memory(std::size_t bytes) { return arena().take(bytes); }

void give_memory(void* block) noexcept { arena().give(block); }

FreeMemory free_memory() noexcept { return arena().free_memory(); }

void copy_memory(void* to, const void* from, std::size_t bytes) {
  const DeviceMemoryAccess access;
  std::memcpy(to, from, bytes);
}

void upload(void* to, const void* from, std::size_t bytes) { copy_memory(to, from, bytes); }

void fill_memory(void* to, std::byte value, std::size_t bytes) {
  const DeviceMemoryAccess access;
  std::memset(to, std::to_integer<int>(value), bytes);
}

void finish_launch(std::string_view) {}

void synchronize(std::string_view) {}

std::string device_name() { return "CUDA emulated on the CPU"; }

}  // namespace voxgrad::ops::cuda
