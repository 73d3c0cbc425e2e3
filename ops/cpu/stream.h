// Internal: stores that go past the caches. A plain store reads the line it writes to first; for a
// result that would not stay in the cache anyway that is a third of a copy's traffic.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace voxgrad::ops::cpu {

/// True for results of which only the end would still be in a core's own cache when they are read.
inline bool streams_results(std::int64_t elements, std::size_t element_bytes) {
  constexpr std::size_t kLeastBytes = std::size_t{16} << 20;
  return static_cast<std::size_t>(elements) * element_bytes >= kLeastBytes;
}

inline constexpr std::size_t kLineBytes = 64;

/// Only these are streamed: parts of a line would go to memory one by one.
inline bool is_whole_lines(const void* to, std::size_t bytes) {
  return (reinterpret_cast<std::uintptr_t>(to) | bytes) % kLineBytes == 0;
}

/// to <- from, whole lines that do not overlap. Call finish_streaming() before another thread may
/// look. Stores of 16 bytes are as fast as wider ones, and every instruction set has them.
[[gnu::always_inline]] inline void stream_lines(void* to, const void* from, std::size_t bytes) {
#if defined(__SSE2__)
  auto* line = static_cast<std::byte*>(to);
  const auto* source = static_cast<const std::byte*>(from);
  for (std::size_t i = 0; i < bytes; i += kLineBytes) {
    for (std::size_t part = i; part < i + kLineBytes; part += 16) {
      __m128i value;
      std::memcpy(&value, source + part, 16);
      _mm_stream_si128(reinterpret_cast<__m128i*>(line + part), value);
    }
  }
#else
  std::memcpy(to, from, bytes);
#endif
}

/// Streamed stores are not ordered by locks and atomics.
inline void finish_streaming() {
#if defined(__SSE2__)
  _mm_sfence();
#endif
}

}  // namespace voxgrad::ops::cpu
