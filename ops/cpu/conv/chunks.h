// Internal: partial sums, added in a tree that the number of chunks fixes.
#pragma once

#include <voxgrad/core/shape.h>

namespace voxgrad::ops::cpu {

/// Chunk 0 becomes the sum of all, for elements [begin, end): pairs, then pairs of pairs.
template <typename T>
void add_chunks(Index chunks, Index chunk_size, Index begin, Index end, T* sums) {
  for (Index distance = 1; distance < chunks; distance *= 2) {
    for (Index chunk = 0; chunk + distance < chunks; chunk += 2 * distance) {
      T* to = sums + chunk * chunk_size;
      const T* from = to + distance * chunk_size;
      for (Index i = begin; i < end; ++i) to[i] += from[i];
    }
  }
}

}  // namespace voxgrad::ops::cpu
