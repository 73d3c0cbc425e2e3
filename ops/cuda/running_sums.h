// Internal: running sums in device memory. A line is cut into chunks; their totals are summed up
// the same way, and each chunk then goes on from what lies before it. The chunks follow from the
// size alone, so every run gives the same bits.
#pragma once

#include <string_view>

#include <voxgrad/ops/cuda/device_array.h>
#include <voxgrad/ops/cuda/launch.h>
#include <voxgrad/ops/cuda/walk.h>

namespace voxgrad::ops::cuda {

inline constexpr Index kSumChunk = 64;

inline Index chunks_of(Index size, Index chunk) { return (size + chunk - 1) / chunk; }

template <typename T>
struct ChunkTotals {
  Index size, lines;
  const T* x;
  T* totals;
  __device__ void operator()(Index i) const {
    const Divided chunk = divide(i, lines);
    const Index first = chunk.quotient * kSumChunk;
    T total = 0;
    for (Index j = first; j < first + kSumChunk && j < size; ++j)
      total += x[j * lines + chunk.rest];
    totals[i] = total;
  }
};

template <typename T>
struct SumsOfChunk {
  Index size, lines;
  const T* before;  ///< of each chunk; null where there is one
  T* x;
  __device__ void operator()(Index i) const {
    const Divided chunk = divide(i, lines);
    const Index first = chunk.quotient * kSumChunk;
    T total = before != nullptr ? before[i] : T(0);
    for (Index j = first; j < first + kSumChunk && j < size; ++j) {
      T& place = x[j * lines + chunk.rest];
      const T value = place;
      place = total;
      total += value;
    }
  }
};

/// x[j][line], lines fastest: each becomes the sum of those before it along j.
template <typename T>
void sum_before(std::string_view op, T* x, Index size, Index lines) {
  const Index chunks = chunks_of(size, kSumChunk);
  if (chunks <= 1) {
    launch(op, lines, SumsOfChunk<T>{size, lines, nullptr, x});
    return;
  }
  DeviceArray<T> totals(chunks * lines);
  launch(op, chunks * lines, ChunkTotals<T>{size, lines, x, totals.data()});
  sum_before(op, totals.data(), chunks, lines);
  launch(op, chunks * lines, SumsOfChunk<T>{size, lines, totals.data(), x});
}

}  // namespace voxgrad::ops::cuda
