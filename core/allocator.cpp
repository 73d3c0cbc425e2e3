#include <voxgrad/core/allocator.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cstdint>
#include <exception>
#include <mutex>
#include <new>
#include <utility>
#include <vector>

#include <voxgrad/core/check.h>
#include <voxgrad/core/large_blocks.h>

#if defined(__SANITIZE_ADDRESS__)
#define VG_HAS_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define VG_HAS_ASAN 1
#endif
#endif
#ifdef VG_HAS_ASAN
#include <sanitizer/asan_interface.h>
#endif

namespace voxgrad {

namespace {

constexpr std::size_t kGranule = 64;
constexpr std::size_t kLargestSmall = std::size_t{1} << 20;
constexpr std::size_t kPage = std::size_t{2} << 20;
constexpr std::size_t kAbsurd = std::size_t{1} << 62;  // beyond it rounding up could overflow
constexpr std::size_t kSlack = std::size_t{64} << 20;
constexpr std::size_t kLeastSegment = std::size_t{32} << 20;

// Size classes: multiples of 64 up to 512, then four steps per power of two.
constexpr std::size_t kFineLimit = 512;
constexpr std::size_t kFineClasses = kFineLimit / kGranule;
constexpr std::size_t kSmallClasses = kFineClasses + 4 * 11;

constexpr std::size_t round_up(std::size_t bytes, std::size_t step) {
  return (bytes + step - 1) / step * step;
}

constexpr std::size_t granules(std::size_t bytes) {
  return round_up(std::max<std::size_t>(bytes, 1), kGranule);
}

struct SizeClass {
  std::size_t bin;
  std::size_t bytes;
};

constexpr SizeClass small_class(std::size_t bytes) {
  if (bytes <= kFineLimit) {
    const std::size_t rounded = granules(bytes);
    return {rounded / kGranule - 1, rounded};
  }
  const auto exponent = static_cast<std::size_t>(std::bit_width(bytes - 1)) - 1;  // 9 to 19
  const std::size_t base = std::size_t{1} << exponent;
  const std::size_t rounded = round_up(bytes, base / 4);
  return {kFineClasses + 4 * (exponent - 9) + (rounded - base) / (base / 4) - 1, rounded};
}
static_assert(small_class(kLargestSmall).bin == kSmallClasses - 1);
static_assert(small_class(kLargestSmall).bytes == kLargestSmall);
static_assert(small_class(513).bin == kFineClasses && small_class(513).bytes == 640);

std::atomic<bool> fill_fresh{false};
std::atomic<std::size_t> workspace_bytes{std::size_t{64} << 20};

}  // namespace

class CachingAllocator::Impl {
 public:
  explicit Impl(MemorySource source) : source_(std::move(source)) {}
  ~Impl() { empty_cache(); }

  void* allocate(std::size_t bytes, MemoryUse use) {
    if (bytes > kAbsurd) refuse(bytes);
    const bool small = bytes <= kLargestSmall;
    void* block = small ? take_small(bytes, use) : take_large(bytes, use);
    set_poison(block, bytes, false);
    return block;
  }

  void release(void* block, std::size_t bytes, MemoryUse use) noexcept {
    set_poison(block, bytes, true);  // the rest of the block has been poisoned all along
    {
      const std::lock_guard lock(mutex_);
      current_ -= granules(bytes);
      if (use == MemoryUse::workspace) workspace_ -= granules(bytes);
      if (bytes > kLargestSmall) {
        if (!large_.release(static_cast<std::byte*>(block)))
          std::terminate();  // not ours, or twice
        return;
      }
      try {
        small_free_[small_class(bytes).bin].push_back(block);
        return;
      } catch (const std::bad_alloc&) {  // no memory for the list's own bookkeeping
        reserved_ -= small_class(bytes).bytes;
      }
    }
    give(block, small_class(bytes).bytes);
  }

  MemoryStats stats() const {
    const std::lock_guard lock(mutex_);
    return {current_, peak_, reserved_, workspace_peak_};
  }

  void reset_peak() {
    const std::lock_guard lock(mutex_);
    peak_ = current_;
    workspace_peak_ = workspace_;
  }

  void empty_cache() {
    std::array<std::vector<void*>, kSmallClasses> small;
    {
      const std::lock_guard lock(mutex_);
      small.swap(small_free_);
      for (std::size_t bin = 0; bin < kSmallClasses; ++bin) {
        reserved_ -= small[bin].size() * bytes_of_bin(bin);
      }
    }
    for (std::size_t bin = 0; bin < kSmallClasses; ++bin) {
      for (void* block : small[bin]) give(block, bytes_of_bin(bin));
    }
    give_segments_above(0);
  }

  std::mutex& mutex() { return mutex_; }

 private:
  static std::size_t bytes_of_bin(std::size_t bin) {
    if (bin < kFineClasses) return (bin + 1) * kGranule;
    const std::size_t base = std::size_t{1} << (9 + (bin - kFineClasses) / 4);
    return base + ((bin - kFineClasses) % 4 + 1) * (base / 4);
  }

  // Called with the mutex held.
  void count(std::size_t bytes, MemoryUse use) {
    current_ += granules(bytes);
    if (use == MemoryUse::workspace) workspace_ += granules(bytes);
    workspace_peak_ = std::max(workspace_peak_, workspace_);
    peak_ = std::max(peak_, current_);
    highest_ = std::max(highest_, current_);
  }

  void* take_small(std::size_t bytes, MemoryUse use) {
    const auto [bin, size] = small_class(bytes);
    {
      const std::lock_guard lock(mutex_);
      std::vector<void*>& free = small_free_[bin];
      if (!free.empty()) {
        void* block = free.back();
        free.pop_back();
        count(bytes, use);
        return block;
      }
    }
    void* block = take_fresh(bytes, size, kGranule);
    const std::lock_guard lock(mutex_);
    reserved_ += size;
    count(bytes, use);
    return block;
  }

  void* take_large(std::size_t bytes, MemoryUse use) {
    const std::size_t size = round_up(bytes, kPage);
    if (void* block = take_cached_large(bytes, size, use)) return block;
    std::size_t segment = std::max(size, kLeastSegment), most = 0;
    {
      const std::lock_guard lock(mutex_);
      most = std::max(highest_, current_ + bytes) + kSlack;
    }
    give_segments_above(most > segment ? most - segment : 0);
    void* start = source_.take(segment, kPage);
    if (start == nullptr) {
      segment = size;
      start = take_fresh(bytes, segment, kPage);
    } else {
      set_poison(start, segment, true);
    }
    try {
      const std::lock_guard lock(mutex_);
      large_.add({static_cast<std::byte*>(start), segment});
      reserved_ += segment;
    } catch (const std::bad_alloc&) {
      give(start, segment);
      throw;
    }
    // Another thread may have cut into the segment meanwhile.
    if (void* block = take_cached_large(bytes, size, use)) return block;
    return take_large(bytes, use);
  }

  void* take_cached_large(std::size_t bytes, std::size_t size, MemoryUse use) {
    const std::lock_guard lock(mutex_);
    void* block = large_.take(size);
    if (block != nullptr) count(bytes, use);
    return block;
  }

  // The source is asked without the mutex: the system may take its time.
  void* take_fresh(std::size_t bytes, std::size_t size, std::size_t alignment) {
    void* block = source_.take(size, alignment);
    if (block == nullptr) {
      empty_cache();
      block = source_.take(size, alignment);
    }
    if (block == nullptr) refuse(bytes);
    set_poison(block, size, true);
    return block;
  }

  /// Gives back unused segments, those that lay so for longest first, while more than `most` bytes
  /// are held.
  void give_segments_above(std::size_t most) noexcept {
    for (;;) {
      LargeBlocks::Segment segment{};
      {
        const std::lock_guard lock(mutex_);
        if (reserved_ <= most) return;
        segment = large_.remove_oldest_free();
        reserved_ -= segment.size;
      }
      if (segment.start == nullptr) return;
      give(segment.start, segment.size);
    }
  }

  void give(void* block, std::size_t size) {
    set_poison(block, size, false);
    source_.give(block, size);
  }

  [[noreturn]] void refuse(std::size_t bytes) const {
    const MemoryStats now = stats();
    throw OutOfMemoryError(fmt::format(
        "allocate: the device has not enough memory; asked {} bytes, {} in use, {} cached{}", bytes,
        now.current, now.reserved - std::min(now.reserved, now.current),
        source_.describe ? source_.describe() : ""));
  }

  void set_poison([[maybe_unused]] void* block, [[maybe_unused]] std::size_t bytes,
                  [[maybe_unused]] bool poisoned) const {
#ifdef VG_HAS_ASAN
    if (!source_.host) return;
    if (poisoned) __asan_poison_memory_region(block, bytes);
    else __asan_unpoison_memory_region(block, bytes);
#endif
  }

  const MemorySource source_;
  mutable std::mutex mutex_;
  std::array<std::vector<void*>, kSmallClasses> small_free_;
  LargeBlocks large_;
  std::size_t current_ = 0;
  std::size_t peak_ = 0;
  std::size_t workspace_ = 0;
  std::size_t workspace_peak_ = 0;
  std::size_t highest_ = 0;  // as peak_, but never reset
  std::size_t reserved_ = 0;
};

CachingAllocator::CachingAllocator(MemorySource source)
    : impl_(std::make_unique<Impl>(std::move(source))) {}
CachingAllocator::~CachingAllocator() = default;

void* CachingAllocator::allocate(std::size_t bytes, MemoryUse use) {
  return impl_->allocate(bytes, use);
}
void CachingAllocator::release(void* block, std::size_t bytes, MemoryUse use) noexcept {
  impl_->release(block, bytes, use);
}
MemoryStats CachingAllocator::stats() const { return impl_->stats(); }
void CachingAllocator::reset_peak() { impl_->reset_peak(); }
void CachingAllocator::empty_cache() { impl_->empty_cache(); }
void CachingAllocator::lock() { impl_->mutex().lock(); }
void CachingAllocator::unlock() { impl_->mutex().unlock(); }

void set_fill_fresh_memory(bool on) { fill_fresh.store(on, std::memory_order_relaxed); }
bool fill_fresh_memory() { return fill_fresh.load(std::memory_order_relaxed); }

void set_workspace_limit(std::size_t bytes) {
  VG_CHECK(bytes > 0, ShapeError, "set_workspace_limit: bytes must be at least 1; got {}", bytes);
  workspace_bytes.store(bytes, std::memory_order_relaxed);
}
std::size_t workspace_limit() { return workspace_bytes.load(std::memory_order_relaxed); }

}  // namespace voxgrad
