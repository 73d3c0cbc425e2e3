// Internal: vectors of one instruction set, for the kernel files alone: every file that includes
// this compiles its own.
#include <voxgrad/ops/cpu/stream.h>

namespace voxgrad::ops::cpu {
namespace {

template <typename T, int kLanes>
struct VectorOf {
  typedef T Type __attribute__((vector_size(kLanes * sizeof(T))));
};
// g++ 12 for ARM does not come to an end over vectors of one number.
template <typename T>
struct VectorOf<T, 1> {
  using Type = T;
};

template <typename Vector, typename T>
[[gnu::always_inline]] inline void load(Vector& to, const T* from) {
  __builtin_memcpy(&to, from, sizeof(Vector));
}

template <typename Vector, typename T>
[[gnu::always_inline]] inline void store(T* to, const Vector& from) {
  __builtin_memcpy(to, &from, sizeof(Vector));
}

// One load for all uses that follow: g++ would rather have each read memory.
template <typename Vector>
[[gnu::always_inline]] inline void hold([[maybe_unused]] Vector& value) {
#if defined(__x86_64__) && !defined(__clang__)
  asm("" : "+v"(value));
#endif
}

// Past the caches where that is wanted and the vector is a whole cache line, aligned as one.
template <typename Vector, typename T>
[[gnu::always_inline]] inline void put(T* to, const Vector& from, bool streams) {
  if constexpr (sizeof(Vector) == kLineBytes) {
    if (streams) return stream_vector<kLineBytes>(to, &from);
  }
  store(to, from);
}

}  // namespace
}  // namespace voxgrad::ops::cpu
