// Internal: how the tiled algorithm cuts its work. The only place that decides it, from the problem
// alone: BLAS changes the last bits with the shape of a call, so equal tiles are what makes equal
// bits, for any number of threads and any workspace limit.
#pragma once

#include <vector>

#include <voxgrad/ops/conv.h>
#include <voxgrad/ops/conv_operands.h>

namespace voxgrad::ops::cpu {

/// Slots x and y: result rows = columns * weights, for each phase, tile of rows and group.
struct ProductPlan {
  struct Part {
    Phase phase;
    Index tile_rows = 0;   ///< of the gather; the last tile may be shorter
    Index block_taps = 0;  ///< taps whose columns are in memory at once
    Index first_tile = 0;  ///< number of its first tile
    Index packed = 0;      ///< where its weights start: [group][tap][gathered][fold][produced]
  };
  struct Tile {
    const Part* part;
    Range rows;
  };

  explicit ProductPlan(const ConvProblem& problem);
  Tile tile(Index number) const;

  Index produced, gathered;  ///< channels of one group
  std::vector<Part> parts;
  Index tiles = 0;
  // In elements.
  Index packed_size = 0;   ///< all weights
  Index columns_size = 0;  ///< the largest block of columns
  Index output_size = 0;   ///< the largest tile of results that cannot be written in place
};

/// Slot w: sums[y channel][tap][x channel] = y^T * columns, for each chunk of rows, group and block
/// of taps.
struct SumPlan {
  struct Task {
    Index chunk, group;
    Range taps, y_channels;  ///< y channels of the group
    Range rows;
  };

  explicit SumPlan(const ConvProblem& problem);
  Task task(Index number) const;

  Phase phase;                   ///< slot y's gather
  Index x_channels, y_channels;  ///< of one group
  Index chunks = 1;              ///< partial sums, added in a fixed tree
  Index chunk_rows = 0;
  Index tile_rows = 0;  ///< rows whose columns are in memory at once
  Index block_taps = 0, block_y_channels = 0;
  Index tap_blocks = 0, y_blocks = 0, groups = 1;
  Index tasks = 0;
  Index sums_size = 0;  ///< elements of one chunk's sums: as many as w has
};

}  // namespace voxgrad::ops::cpu
