// Internal: the part of winograd_kernels.inl that works on filters.
#pragma once

#include <utility>

#include <voxgrad/ops/cpu/conv/winograd_vectors.inl>

namespace voxgrad::ops::cpu {
namespace {

constexpr float kSixth = 1.0F / 6;

template <typename V>
[[gnu::always_inline]] inline void filter2(const V& g0, const V& g1, const V& g2, V* u, int step) {
  const V even = 0.5F * (g0 + g2), odd = 0.5F * g1;
  u[0] = g0;
  u[step] = even + odd;
  u[2 * step] = even - odd;
  u[3 * step] = g2;
}

template <typename V>
[[gnu::always_inline]] inline void filter4(const V& g0, const V& g1, const V& g2, V* u) {
  const V even = kSixth * (g0 + g2), odd = kSixth * g1;
  const V far_even = kSixth * (0.25F * g0 + g2), far_odd = 0.5F * odd;
  u[0] = 0.25F * g0;
  u[1] = -even - odd;
  u[2] = odd - even;
  u[3] = far_even + far_odd;
  u[4] = far_even - far_odd;
  u[5] = g2;
}

// The transposes of the two above.
template <typename V>
[[gnu::always_inline]] inline void filter_back2(const V* u, int step, V* g) {
  const V half_sum = 0.5F * (u[step] + u[2 * step]);
  g[0] = u[0] + half_sum;
  g[step] = 0.5F * (u[step] - u[2 * step]);
  g[2 * step] = half_sum + u[3 * step];
}

template <typename V>
[[gnu::always_inline]] inline void filter_back4(const V* u, V* g) {
  const V near_sum = kSixth * (u[1] + u[2]), far_sum = kSixth * (u[3] + u[4]);
  g[0] = 0.25F * (u[0] + far_sum) - near_sum;
  g[1] = kSixth * ((u[2] - u[1]) + 0.5F * (u[3] - u[4]));
  g[2] = far_sum - near_sum + u[5];
}

template <int kLanes>
void transform_filter(const FilterBlock& block) {
  using V = typename Vector<kLanes>::Type;
  constexpr int kTaps = 9;
  V planes[4 * kTaps];
  for (int i = 0; i < block.axis0_taps * kTaps; ++i) load(planes[i], block.taps + i * kLanes);
  const int indices = block.axis0_taps == 3 ? 4 : 1;
  if (indices == 4) {
    for (int i = 0; i < kTaps; ++i) {
      const V g1 = planes[kTaps + i], g2 = planes[2 * kTaps + i];
      filter2(V(planes[i]), g1, g2, &planes[i], kTaps);
    }
  }
  float* to = block.positions;
  for (int index = 0; index < indices; ++index) {
    V lines[kReadLines][3];
    for (int i = 0; i < 3; ++i) {
      const V* taps = &planes[index * kTaps + i];
      filter2(taps[0], taps[3], taps[6], &lines[0][i], 3);
    }
    for (int line = 0; line < kReadLines; ++line) {
      V u[kReadColumns];
      filter4(lines[line][0], lines[line][1], lines[line][2], u);
      for (int i = 0; i < kReadColumns; ++i, to += block.position_stride) store(to, u[i]);
    }
  }
}

template <int kLanes>
void transform_filter_back(const FilterBlock& block) {
  using V = typename Vector<kLanes>::Type;
  constexpr int kTaps = 9;
  V planes[4 * kTaps];
  const int indices = block.axis0_taps == 3 ? 4 : 1;
  const float* from = block.positions;
  for (int index = 0; index < indices; ++index) {
    V lines[kReadLines][3];
    for (int line = 0; line < kReadLines; ++line) {
      V u[kReadColumns];
      for (int i = 0; i < kReadColumns; ++i, from += block.position_stride) load(u[i], from);
      filter_back4(u, lines[line]);
    }
    for (int i = 0; i < 3; ++i) filter_back2(&lines[0][i], 3, &planes[index * kTaps + i]);
  }
  if (indices == 4) {
    for (int i = 0; i < kTaps; ++i) filter_back2(&planes[i], kTaps, &planes[i]);
  }
  for (int i = 0; i < block.axis0_taps * kTaps; ++i) store(block.taps + i * kLanes, planes[i]);
}

// Elements of a (kHigh false) or b that stand in `kStep`-wide blocks trade places.
template <int kStep, bool kHigh, typename V, int... i>
[[gnu::always_inline]] inline V trade(const V& a, const V& b, std::integer_sequence<int, i...>) {
  constexpr int kLanes = sizeof...(i);
  if constexpr (kHigh) {
    return __builtin_shufflevector(a, b, ((i & kStep) != 0 ? kLanes + i : i + kStep)...);
  } else {
    return __builtin_shufflevector(a, b, ((i & kStep) != 0 ? kLanes + i - kStep : i)...);
  }
}

// Transposes a square of vectors: blocks of half its size trade places, then those within them.
template <int kStep, int kLanes, typename V>
[[gnu::always_inline]] inline void transpose(V* rows) {
  constexpr std::make_integer_sequence<int, kLanes> kAll{};
#pragma GCC unroll 16
  for (int i = 0; i < kLanes; ++i) {
    if ((i & kStep) != 0) continue;
    const V a = rows[i], b = rows[i + kStep];
    rows[i] = trade<kStep, false>(a, b, kAll);
    rows[i + kStep] = trade<kStep, true>(a, b, kAll);
  }
  if constexpr (kStep > 1) transpose<kStep / 2, kLanes>(rows);
}

// Squares of `kLanes` taps; the last one overlaps the one before it.
template <int kLanes, typename Body>
[[gnu::always_inline]] inline void for_each_square(int taps, const Body& body) {
  for (int first = 0; first < taps; first += kLanes) {
    body(first + kLanes <= taps ? first : taps - kLanes);
  }
}

template <int kLanes>
void gather_taps(const FilterRows& rows, float* taps) {
  for_each_square<kLanes>(rows.taps, [&](int first) {
    typename Vector<kLanes>::Type square[kLanes];
#pragma GCC unroll 16
    for (int i = 0; i < kLanes; ++i) load(square[i], rows.first + i * rows.stride + first);
    transpose<kLanes / 2, kLanes>(square);
#pragma GCC unroll 16
    for (int i = 0; i < kLanes; ++i) {
      const int tap = rows.reversed ? rows.taps - 1 - first - i : first + i;
      store(taps + tap * kLanes, square[i]);
    }
  });
}

template <int kLanes>
void scatter_taps(const FilterRows& rows, const float* taps) {
  for_each_square<kLanes>(rows.taps, [&](int first) {
    typename Vector<kLanes>::Type square[kLanes];
#pragma GCC unroll 16
    for (int i = 0; i < kLanes; ++i) load(square[i], taps + (first + i) * kLanes);
    transpose<kLanes / 2, kLanes>(square);
#pragma GCC unroll 16
    for (int i = 0; i < kLanes; ++i) store(rows.first + i * rows.stride + first, square[i]);
  });
}

}  // namespace
}  // namespace voxgrad::ops::cpu
