#include <voxgrad/core/large_blocks.h>

namespace voxgrad {

std::byte* LargeBlocks::take(std::size_t size) {
  const auto fit = free_.lower_bound({size, nullptr});
  if (fit == free_.end()) return nullptr;
  const Place place = ranges_.find(fit->second);
  Range& range = place->second;
  if (range.size > size) {
    const Key rest{range.size - size, place->first + size};
    const auto added =
        ranges_.emplace(rest.second, Range{.size = rest.first, .segment = range.segment}).first;
    try {
      free_.insert(rest);
    } catch (...) {
      ranges_.erase(added);
      throw;
    }
    added->second.since = range.since;
  }
  range.size = size;
  range.key = free_.extract(fit);
  return place->first;
}

bool LargeBlocks::release(std::byte* block) noexcept {
  const Place place = ranges_.find(block);
  if (place == ranges_.end() || place->second.is_free()) return false;
  set_free(place);
  merge_with_next(place);
  if (place != ranges_.begin()) merge_with_next(std::prev(place));
  return true;
}

void LargeBlocks::add(Segment segment) {
  const auto [key, is_new] = free_.insert({segment.size, segment.start});
  try {
    ranges_.emplace(segment.start,
                    Range{.size = segment.size, .segment = segment, .since = ++clock_});
  } catch (...) {
    free_.erase(key);
    throw;
  }
}

LargeBlocks::Segment LargeBlocks::remove_oldest_free() noexcept {
  Place oldest = ranges_.end();
  for (const auto& [size, start] : free_) {
    const Place place = ranges_.find(start);
    if (size != place->second.segment.size) continue;
    if (oldest == ranges_.end() || place->second.since < oldest->second.since) oldest = place;
  }
  if (oldest == ranges_.end()) return {nullptr, 0};
  const Segment segment = oldest->second.segment;
  free_.erase({segment.size, segment.start});
  ranges_.erase(oldest);
  return segment;
}

void LargeBlocks::set_free(Place place) noexcept {
  Range& range = place->second;
  range.since = ++clock_;
  range.key.value() = {range.size, place->first};
  free_.insert(std::move(range.key));
}

// Where both are free and of one segment.
void LargeBlocks::merge_with_next(Place place) noexcept {
  const Place next = std::next(place);
  if (next == ranges_.end()) return;
  Range& range = place->second;
  if (!range.is_free() || !next->second.is_free()) return;
  if (range.segment.start != next->second.segment.start) return;
  free_.erase({next->second.size, next->first});
  range.key = free_.extract({range.size, place->first});
  range.size += next->second.size;
  ranges_.erase(next);
  set_free(place);
}

}  // namespace voxgrad
