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

/// Stored as whatever lies in memory.
template <std::size_t bytes>
struct StreamedVector {
  typedef float Type __attribute__((vector_size(bytes), may_alias));
};

/// to <- one vector, past the caches. Both are aligned.
template <std::size_t bytes>
[[gnu::always_inline]] inline void stream_vector(void* to, const void* from) {
  using Vector = typename StreamedVector<bytes>::Type;
  Vector* place = static_cast<Vector*>(to);
  Vector value;
  std::memcpy(&value, from, bytes);
#if defined(__clang__)
  __builtin_nontemporal_store(value, place);
#elif defined(__SSE2__)
  // The intrinsics of the wider sets cannot be inlined into a template without a target.
  if constexpr (bytes == 16) asm("movntps %1, %0" : "=m"(*place) : "x"(value));
  else asm("vmovntps %1, %0" : "=m"(*place) : "v"(value));
#else
  *place = value;
#endif
}

/// to <- from, whole lines that do not overlap, for a Body of run_widest with that vector size.
/// Call finish_streaming() before another thread may look. Wide stores matter: they leave room for
/// the loads that follow to start early.
template <std::size_t vector_bytes = 16>
[[gnu::always_inline]] inline void stream_lines(void* to, const void* from, std::size_t bytes) {
  auto* line = static_cast<std::byte*>(to);
  const auto* source = static_cast<const std::byte*>(from);
  for (std::size_t i = 0; i < bytes; i += vector_bytes) {
    stream_vector<vector_bytes>(line + i, source + i);
  }
}

/// Streamed stores are not ordered by locks and atomics.
inline void finish_streaming() {
#if defined(__SSE2__)
  _mm_sfence();
#endif
}

}  // namespace voxgrad::ops::cpu
