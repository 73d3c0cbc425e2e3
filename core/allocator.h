// The caching allocator behind a Backend: it keeps blocks between steps, so that a training step
// takes no page faults.
//
// Small requests (up to 1 MiB) are rounded up to size classes and served from one list per class.
// Large ones are rounded to 2 MiB and cut, best fit, out of segments of at least 32 MiB, whose free
// neighbours merge (large_blocks.h). Before a segment is taken from the system, unused ones go back
// to it, those that lay so for longest first, while more than the highest use ever seen (and 64
// MiB) would be held.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include <voxgrad/core/backend.h>

namespace [[gnu::visibility("default")]] voxgrad {

/// Where the allocator gets its memory: the system's for the CPU, cudaMalloc for a GPU.
struct MemorySource {
  /// Memory of that alignment (64 or 2 MiB); null when there is none.
  std::function<void*(std::size_t bytes, std::size_t alignment)> take;
  /// Gives back what take(bytes, ...) returned.
  std::function<void(void* block, std::size_t bytes)> give;
  /// The CPU can touch it: blocks that nobody holds are then poisoned under AddressSanitizer.
  bool host = false;
  /// What an error about missing memory should add, beginning with ", "; may be empty.
  std::function<std::string()> describe = {};
};

/// Thread-safe. Blocks must be released before it is destroyed; what is cached then goes back to
/// the source.
class CachingAllocator {
 public:
  explicit CachingAllocator(MemorySource source);
  ~CachingAllocator();
  CachingAllocator(const CachingAllocator&) = delete;
  CachingAllocator& operator=(const CachingAllocator&) = delete;

  /// At least `bytes` bytes, 64-byte aligned (2 MiB above 1 MiB); never null, also for 0 bytes.
  /// @throws OutOfMemoryError with the bytes asked, in use and cached, after the cache was emptied
  /// and the request tried again.
  void* allocate(std::size_t bytes, MemoryUse use = MemoryUse::tensor);
  /// Takes back what allocate(bytes, use) returned.
  void release(void* block, std::size_t bytes, MemoryUse use = MemoryUse::tensor) noexcept;
  /// `current`, `peak` and `workspace` count the bytes asked for, each request rounded up to 64 (so
  /// they do not depend on what was cached); `reserved` counts what was taken from the source.
  MemoryStats stats() const;
  /// Sets `peak` to `current`, and `workspace` to what of it is workspace.
  void reset_peak();
  /// Gives every cached block back to the source.
  void empty_cache();

  /// Hold off and let in all other calls: for fork().
  void lock();
  void unlock();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

/// Tests turn this on: CPU memory is filled with 0xFF bytes when handed out (NaN in both float
/// types, -1 in the signed integers), so that a kernel that forgets to write is seen.
void set_fill_fresh_memory(bool on);
bool fill_fresh_memory();

/// The most bytes of convolution workspace in flight at once; 64 MiB at first. Never changes a
/// result: it decides how many tiles are in flight. What a call needs whatever the limit is, packed
/// weights and partial sums, may be more than that; its tiles then have half of the limit.
/// @throws ShapeError when 0; a limit below one tile means one tile.
void set_workspace_limit(std::size_t bytes);
std::size_t workspace_limit();

}  // namespace voxgrad
