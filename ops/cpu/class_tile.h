// Internal: kernels over classes work on tiles of positions, copied to values[class][position]:
// whatever the layout, loops run over positions and vectorise. Positions are cut by shape.
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <type_traits>
#include <vector>

#include <voxgrad/core/parallel.h>
#include <voxgrad/ops/softmax.h>

namespace voxgrad::ops::cpu {

/// Positions of a tile: a multiple of 16, about 8192 elements.
inline Index tile_positions(Index classes) {
  return std::clamp<Index>(8192 / std::max<Index>(classes, 1) / 16 * 16, 16, 512);
}

/// Calls body(first position, positions) for all tiles, from several threads.
template <typename Body>
void for_each_tile(const ClassShape& shape, const Body& body) {
  const Index size = tile_positions(shape.classes);
  const Index grain = size * std::max<Index>(1, 16384 / (size * std::max<Index>(shape.classes, 1)));
  parallel_ranges(shape.positions(), grain, [&](Index begin, Index end) {
    for (Index at = begin; at < end; at += size) body(at, std::min(size, end - at));
  });
}

/// Calls piece(offset of class 0 in the tensor, place in the tile, length) for runs of positions
/// with one outer index.
template <typename Piece>
void for_each_run(const ClassShape& shape, Index first, Index count, const Piece& piece) {
  for (Index done = 0; done < count;) {
    const Index outer = (first + done) / shape.inner, inner = (first + done) % shape.inner;
    const Index length = std::min(shape.inner - inner, count - done);
    piece(outer * shape.classes * shape.inner + inner, done, length);
    done += length;
  }
}

/// tile[class * stride + position] <- x.
template <typename T>
void load_tile(const ClassShape& shape, const T* x, Index first, Index count, Index stride,
               T* tile) {
  if (shape.inner == 1) {
    const T* from = x + first * shape.classes;
    for (Index c = 0; c < shape.classes; ++c) {
      for (Index p = 0; p < count; ++p) tile[c * stride + p] = from[p * shape.classes + c];
    }
    return;
  }
  for_each_run(shape, first, count, [&](Index at, Index place, Index length) {
    for (Index c = 0; c < shape.classes; ++c)
      std::copy_n(x + at + c * shape.inner, length, tile + c * stride + place);
  });
}

/// x <- tile.
template <typename T>
void store_tile(const ClassShape& shape, const T* tile, Index first, Index count, Index stride,
                T* x) {
  if (shape.inner == 1) {
    T* to = x + first * shape.classes;
    for (Index c = 0; c < shape.classes; ++c) {
      for (Index p = 0; p < count; ++p) to[p * shape.classes + c] = tile[c * stride + p];
    }
    return;
  }
  for_each_run(shape, first, count, [&](Index at, Index place, Index length) {
    for (Index c = 0; c < shape.classes; ++c)
      std::copy_n(tile + c * stride + place, length, x + at + c * shape.inner);
  });
}

/// e^x for x <= 88, to 2 units in the last place; below -87 it is 0, NaN stays. For loops that
/// vectorise: x = n ln 2 + r with |r| <= ln 2 / 2, the Taylor series of e^r, and n added to the
/// exponent.
[[gnu::always_inline]] inline float fast_exp(float x) {
  constexpr float kRound = 12582912.0f;  // 1.5 * 2^23: adding it rounds to an integer
  constexpr float kLog2High = 0.693359375f, kLog2Low = -2.12194440e-4f;  // ln 2 in two parts
  const float clamped = x < -87.0f ? -87.0f : x;
  const float shifted = clamped * 1.44269504f + kRound;
  const float n = shifted - kRound;
  const float r = (clamped - n * kLog2High) - n * kLog2Low;
  float series = 1.0f / 5040.0f;
  series = series * r + 1.0f / 720.0f;
  series = series * r + 1.0f / 120.0f;
  series = series * r + 1.0f / 24.0f;
  series = series * r + 1.0f / 6.0f;
  series = series * r + 0.5f;
  series = series * r + 1.0f;
  series = series * r + 1.0f;
  const std::uint32_t exponent =
      (std::bit_cast<std::uint32_t>(shifted) - std::bit_cast<std::uint32_t>(kRound)) << 23;
  const float result = series * std::bit_cast<float>(exponent + 0x3f800000u);
  return x < -87.0f ? 0.0f : result;
}
[[gnu::always_inline]] inline double fast_exp(double x) { return std::exp(x); }

/// largest[p] = maximum over classes; any number where one of them is NaN, which the sum of powers
/// then is too.
struct MaximumBody {
  template <typename T>
  [[gnu::always_inline]] static inline void run(const T* tile, Index classes, Index stride,
                                                Index count, T* largest) {
    std::copy_n(tile, count, largest);
    for (Index c = 1; c < classes; ++c) {
      const T* x = tile + c * stride;
#pragma GCC ivdep
      for (Index p = 0; p < count; ++p) largest[p] = !(x[p] <= largest[p]) ? x[p] : largest[p];
    }
  }
};

/// tile = exp(tile - shift), sums[p] = its sum over classes.
struct ExponentialBody {
  template <typename T>
  [[gnu::always_inline]] static inline void run(T* tile, Index classes, Index stride, Index count,
                                                const T* shift, T* sums) {
    std::fill_n(sums, count, T(0));
    for (Index c = 0; c < classes; ++c) {
      T* x = tile + c * stride;
#pragma GCC ivdep
      for (Index p = 0; p < count; ++p) {
        const T e = fast_exp(x[p] - shift[p]);
        x[p] = e;
        sums[p] += e;
      }
    }
  }
};

}  // namespace voxgrad::ops::cpu
