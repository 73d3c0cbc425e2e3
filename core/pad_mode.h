// What stands outside a tensor's border.
#pragma once

#include <cstdint>

namespace [[gnu::visibility("default")]] voxgrad {

enum class PadMode : std::uint8_t {
  constant,
  reflect,    ///< mirrored without the border: at most size - 1
  replicate,  ///< the border repeated; size >= 1
  circular,   ///< the other end: at most size
};

}  // namespace voxgrad
