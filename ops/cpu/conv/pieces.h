// Internal: rows cut into nearly equal pieces.
#pragma once

#include <voxgrad/ops/cpu/conv/gather.h>

namespace voxgrad::ops::cpu {

/// `rows` rows in pieces of at most `most`.
struct Pieces {
  Index rows, count;
  Pieces(Index rows, Index most) : rows(rows), count((rows + most - 1) / most) {}
  Range piece(Index i) const { return {rows * i / count, rows * (i + 1) / count}; }
};

}  // namespace voxgrad::ops::cpu
