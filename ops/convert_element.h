// Internal: what a conversion between dtypes means for one element, on every device.
#pragma once

#include <cstdint>
#include <type_traits>

namespace voxgrad::ops {

/// To boolean is != 0; floating to integer truncates, and negative values wrap around in uint8.
template <typename To, typename From>
constexpr To converted(From value) {
  if constexpr (std::is_same_v<To, bool>) {
    return value != From(0);
  } else if constexpr (std::is_same_v<To, std::uint8_t> && std::is_floating_point_v<From>) {
    return static_cast<To>(static_cast<std::int64_t>(value));
  } else {
    return static_cast<To>(value);
  }
}

}  // namespace voxgrad::ops
