// Internal: elements as whole numbers that sort like them, on every device.
#pragma once

#include <bit>
#include <cstdint>
#include <type_traits>

namespace voxgrad::ops {

template <typename T>
using SortKey = std::conditional_t<sizeof(T) == 8, std::uint64_t, std::uint32_t>;

/// In the order of the values: NaN above all, the two zeros equal.
template <typename T>
constexpr SortKey<T> sort_key(T value) {
  using Key = SortKey<T>;
  constexpr Key kSign = Key(1) << (8 * sizeof(Key) - 1);
  if constexpr (std::is_floating_point_v<T>) {
    if (value != value) return ~Key(0);
    const Key bits = std::bit_cast<Key>(value + T(0));
    return (bits & kSign) != 0 ? static_cast<Key>(~bits) : static_cast<Key>(bits | kSign);
  } else {
    return static_cast<Key>(value) ^ kSign;
  }
}

}  // namespace voxgrad::ops
