// The caching allocator behind a Backend: keeps blocks between steps, so that a training step takes no page faults.
//
// Small requests (up to 1 MiB) are rounded up to size classes and served from free lists; large ones are rounded to
// 2 MiB, aligned to it and advised as huge pages, and served best fit from the cached blocks without splitting when
// at most a quarter would be wasted. Free blocks are poisoned under AddressSanitizer.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>

#include <voxgrad/core/backend.h>

namespace [[gnu::visibility("default")]] voxgrad {

/// Where the allocator gets its memory: the system's for the CPU, cudaMalloc for a GPU.
struct MemorySource {
  std::function<void*(std::size_t bytes, std::size_t alignment)> take;  ///< null when there is no memory
  std::function<void(void* block, std::size_t bytes)> give;
};

class CachingAllocator {
 public:
  explicit CachingAllocator(MemorySource source);
  ~CachingAllocator();
  CachingAllocator(const CachingAllocator&) = delete;
  CachingAllocator& operator=(const CachingAllocator&) = delete;

  /// @throws OutOfMemoryError with the bytes asked, in use and cached, after the cache was emptied and the request tried again.
  void* allocate(std::size_t bytes);
  void release(void* block, std::size_t bytes) noexcept;
  MemoryStats stats() const;
  void reset_peak();
  void empty_cache();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

/// Tests turn this on: fresh CPU blocks are filled with 0xFF bytes (NaN in both float types, -1 in the integers), so that a
/// kernel that forgets to write is seen.
void set_fill_fresh_memory(bool on);

/// The most bytes of convolution workspace in flight at once; 64 MiB at first. Never changes a result: it decides how many tiles
/// are in flight. @throws ShapeError when 0; a limit below one tile means one tile.
void set_workspace_limit(std::size_t bytes);
std::size_t workspace_limit();

}  // namespace voxgrad
