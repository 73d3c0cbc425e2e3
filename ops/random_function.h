// Internal: Philox4x32-10 (random.h), for every device.
#pragma once

#include <cstdint>

#include <voxgrad/ops/random.h>

namespace voxgrad::ops {

/// Four words of 32 bits: a counter, and what becomes of it.
struct PhiloxWords {
  std::uint32_t word[4];
};

/// Ten rounds; in each, words 0 and 2 are multiplied by constants, and the halves of the products
/// change places and are joined with the other words and the key, which moves on by constants too.
constexpr PhiloxWords philox(PhiloxWords x, std::uint64_t key) {
  auto low_key = static_cast<std::uint32_t>(key);
  auto high_key = static_cast<std::uint32_t>(key >> 32);
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t first = std::uint64_t{0xD2511F53} * x.word[0];
    const std::uint64_t second = std::uint64_t{0xCD9E8D57} * x.word[2];
    x = {{static_cast<std::uint32_t>(second >> 32) ^ x.word[1] ^ low_key,
          static_cast<std::uint32_t>(second),
          static_cast<std::uint32_t>(first >> 32) ^ x.word[3] ^ high_key,
          static_cast<std::uint32_t>(first)}};
    low_key += 0x9E3779B9;
    high_key += 0xBB67AE85;
  }
  return x;
}

/// The 32 bits of element `number`, four of which share a counter.
constexpr std::uint32_t philox_word(Index number, std::uint64_t key) {
  const auto counter = static_cast<std::uint64_t>(number) >> 2;
  const PhiloxWords words = philox(
      {{static_cast<std::uint32_t>(counter), static_cast<std::uint32_t>(counter >> 32), 0, 0}},
      key);
  return words.word[number & 3];
}

/// r < p for an r of 32 bits in [0, 1).
template <typename T>
struct KeyedBernoulli {
  double p;
  std::uint64_t key;
  constexpr T operator()(Index number) const {
    return static_cast<T>(philox_word(number, key) * 0x1p-32 < p);
  }
};

}  // namespace voxgrad::ops
