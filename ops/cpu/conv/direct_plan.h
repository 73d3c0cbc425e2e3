// Internal: how the direct algorithm cuts its work, from the problem and the instruction set alone.
#pragma once

#include <vector>

#include <voxgrad/ops/conv.h>
#include <voxgrad/ops/conv_operands.h>
#include <voxgrad/ops/cpu/conv/direct_kernels.h>
#include <voxgrad/ops/cpu/conv/pieces.h>

namespace voxgrad::ops::cpu {

/// The kernels of the instruction set in use.
template <typename T>
const KernelTable<T>& direct_kernels();

/// Columns that one kernel computes at once. The last block of a row may be partly empty.
struct ColumnBlock {
  Index first = 0;   ///< column
  Index stored = 0;  ///< columns that exist
  Index padded = 0;  ///< columns of the kernel
  Index start = 0;   ///< padded columns of all blocks before
  int set = 0;       ///< which of the table's sets
};

/// Blocks for `columns` columns, wide ones first.
std::vector<ColumnBlock> column_blocks(Index columns, DType dtype);
Index padded_columns(const std::vector<ColumnBlock>& blocks);

/// Slots x and y.
struct DirectProductPlan {
  struct Part {
    Phase phase;
    Index tile_lines = 0;
    Index first_tile = 0;
    Index packed = 0;  ///< where its weights start: [group][block][tap][gathered][padded column]
  };
  struct Tile {
    const Part* part;
    Range lines;
  };

  explicit DirectProductPlan(const ConvProblem& problem);
  Tile tile(Index number) const;

  Index produced, gathered;  ///< channels of one group
  std::vector<ColumnBlock> blocks;
  std::vector<Part> parts;
  Index tiles = 0;
  Index packed_size = 0;
};

/// Slot w: sums[group][tap line][block][tap][x channel][padded y channel] for each chunk of lines.
struct DirectSumPlan {
  struct Task {
    Index chunk, group;
    Range tap_lines;  ///< taps on axes 0 and 1
    Range lines;      ///< of y
  };

  explicit DirectSumPlan(const ConvProblem& problem);
  Task task(Index number) const;
  Index block_size() const { return phase.gather.axis[2].taps * x_channels; }
  /// Elements of the sums of one tap line.
  Index line_size() const { return block_size() * padded_columns(blocks); }

  Phase phase;  ///< slot y's gather
  Index groups, x_channels, y_channels;
  std::vector<ColumnBlock> blocks;  ///< of one group's y channels
  Index lines = 0, tap_lines = 0, taps_per_task = 0, tap_tasks = 0;
  Index chunks = 1, chunk_lines = 0;
  Index tasks = 0;
  Index sums_size = 0;        ///< elements of one chunk
  bool copies_lines = false;  ///< x is padded in a copy, not by leaving rows out
  Index x_line_size = 0;      ///< elements of such a copy
  Index y_line_size = 0;      ///< elements of a padded line of y
};

}  // namespace voxgrad::ops::cpu
