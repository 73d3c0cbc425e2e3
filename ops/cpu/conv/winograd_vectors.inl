// Internal: vectors for the parts of winograd_kernels.inl.
#pragma once

#include <voxgrad/ops/cpu/conv/winograd_kernels.h>
#include <voxgrad/ops/cpu/conv/vectors.inl>

namespace voxgrad::ops::cpu {
namespace {

using std::int64_t;

template <int kLanes>
using Vector = VectorOf<float, kLanes>;

// The first `count` lanes.
template <typename V>
[[gnu::always_inline]] inline void load_some(V& to, const float* from, int64_t count) {
  to = V{};
  if (count * int64_t{sizeof(float)} == int64_t{sizeof(V)}) load(to, from);
  else __builtin_memcpy(&to, from, static_cast<unsigned long>(count) * sizeof(float));
}

template <typename V>
[[gnu::always_inline]] inline void store_some(float* to, const V& from, int64_t count) {
  if (count * int64_t{sizeof(float)} == int64_t{sizeof(V)}) store(to, from);
  else __builtin_memcpy(to, &from, static_cast<unsigned long>(count) * sizeof(float));
}

}  // namespace
}  // namespace voxgrad::ops::cpu
