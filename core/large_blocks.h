// Internal: the caching allocator's large blocks, cut out of segments of the system's memory. Free
// neighbours merge, so a later step finds room for other sizes than the last one asked for.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <utility>
#include <vector>

namespace voxgrad {

/// Bookkeeping alone: touches no block. Not thread-safe.
class LargeBlocks {
 public:
  struct Segment {
    std::byte* start;
    std::size_t size;
  };

  /// A block of exactly `size` bytes, cut from the smallest free range that holds it; null when
  /// there is none. @throws std::bad_alloc.
  std::byte* take(std::size_t size);
  /// Takes back what take() gave. False when it never gave that, or has it back already.
  bool release(std::byte* block) noexcept;
  /// Adds a segment, free. @throws std::bad_alloc.
  void add(Segment segment);
  /// Removes the segment that lay wholly unused for longest; {nullptr, 0} when there is none.
  Segment remove_oldest_free() noexcept;

 private:
  using Key = std::pair<std::size_t, std::byte*>;  // size, start
  struct Range {
    std::size_t size;
    Segment segment;
    std::set<Key>::node_type key =
        {};                   // kept while the range is in use: release() allocates nothing
    std::uint64_t since = 0;  // the clock when it became free

    bool is_free() const { return key.empty(); }
  };
  using Place = std::map<std::byte*, Range>::iterator;

  void set_free(Place place) noexcept;
  void merge_with_next(Place place) noexcept;

  std::map<std::byte*, Range> ranges_;  // by start, in use and free
  std::set<Key> free_;
  std::uint64_t clock_ = 0;
};

}  // namespace voxgrad
