#include <voxgrad/io/checksum.h>

#include <zlib.h>

namespace voxgrad {

std::uint32_t checksum(std::span<const std::byte> bytes, std::uint32_t before) {
  const auto* first = reinterpret_cast<const Bytef*>(bytes.data());
  // zlib takes a null pointer for the question how to begin, and an empty span may have one.
  if (bytes.empty()) return before;
  return static_cast<std::uint32_t>(crc32_z(before, first, bytes.size()));
}

}  // namespace voxgrad
