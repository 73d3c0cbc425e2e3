// Internal: the part of winograd_kernels.inl that works on filters.
#pragma once

#include <utility>

#include <voxgrad/ops/cpu/conv/winograd_lines.inl>
#include <voxgrad/ops/cpu/conv/winograd_vectors.inl>

namespace voxgrad::ops::cpu {
namespace {

template <int kTileLines, int kLanes>
void transform_filter(const FilterBlock& block) {
  using V = typename Vector<kLanes>::Type;
  constexpr int kPlane = kTaps * kTaps, kReadLines = read_lines(kTileLines);
  V planes[4 * kPlane];
  for (int i = 0; i < block.axis0_taps * kPlane; ++i) load(planes[i], block.taps + i * kLanes);
  const int indices = block.axis0_taps == kTaps ? 4 : 1;
  if (indices == 4) {
    for (int i = 0; i < kPlane; ++i)
      transform_taps<2, kPlane>(planes[i], planes[kPlane + i], planes[2 * kPlane + i], &planes[i]);
  }
  float* to = block.positions;
  for (int index = 0; index < indices; ++index) {
    V lines[kReadLines][kTaps];
    for (int i = 0; i < kTaps; ++i) {
      const V* taps = &planes[index * kPlane + i];
      transform_taps<kTileLines, kTaps>(taps[0], taps[kTaps], taps[2 * kTaps], &lines[0][i]);
    }
    for (const V(&line)[kTaps] : lines) {
      V u[kReadColumns];
      transform_taps<kTileColumns, 1>(line[0], line[1], line[2], u);
      for (int i = 0; i < kReadColumns; ++i, to += block.position_stride)
        put(to, u[i], block.streams);
    }
  }
}

template <int kTileLines, int kLanes>
void transform_filter_back(const FilterBlock& block) {
  using V = typename Vector<kLanes>::Type;
  constexpr int kPlane = kTaps * kTaps, kReadLines = read_lines(kTileLines);
  V planes[4 * kPlane];
  const int indices = block.axis0_taps == kTaps ? 4 : 1;
  const float* from = block.positions;
  for (int index = 0; index < indices; ++index) {
    V lines[kReadLines][kTaps];
    for (V(&line)[kTaps] : lines) {
      V u[kReadColumns];
      for (int i = 0; i < kReadColumns; ++i, from += block.position_stride) load(u[i], from);
      transform_taps_back<kTileColumns, 1>(u, line);
    }
    V* plane = &planes[index * kPlane];
    for (int i = 0; i < kTaps; ++i) transform_taps_back<kTileLines, kTaps>(&lines[0][i], plane + i);
  }
  if (indices == 4) {
    for (int i = 0; i < kPlane; ++i) transform_taps_back<2, kPlane>(&planes[i], &planes[i]);
  }
  for (int i = 0; i < block.axis0_taps * kPlane; ++i) store(block.taps + i * kLanes, planes[i]);
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
