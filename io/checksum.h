// A number by which to notice that bytes are not those that they were.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace [[gnu::visibility("default")]] voxgrad {

/// CRC-32 of the bytes, as gzip and zlib.crc32 compute it. `before` is that of the bytes in front
/// of them. It notices accidents; whoever wants to can make other bytes of the same checksum.
std::uint32_t checksum(std::span<const std::byte> bytes, std::uint32_t before = 0);

}  // namespace voxgrad
