// Internal: how the Winograd algorithm cuts its work, from the problem and the instruction set
// alone.
#pragma once

#include <vector>

#include <voxgrad/ops/conv.h>
#include <voxgrad/ops/conv_operands.h>
#include <voxgrad/ops/cpu/conv/direct_plan.h>
#include <voxgrad/ops/cpu/conv/winograd_kernels.h>

namespace voxgrad::ops::cpu {

/// The kernels of the instruction set in use.
const WinogradKernels& winograd_kernels();

/// One index of the transform along axis 0, F(2, 3): which planes of a tile are read, as first +
/// factor * second, and what its products are added to. For 1 tap there is one, which reads and
/// writes one plane.
struct Axis0Index {
  struct Read {
    int first, second;  ///< plane of the tile; -1: none
    float factor;
  };
  Read input, cotangent;
  float output[2];  ///< factors of the tile's planes of results
};

/// Rows of tiles along axis 2, cut into pieces, the units of work.
class WinogradTiles {
 public:
  struct Piece {
    Index batch;
    Index plane, line, column;  ///< of the results, where the first tile starts
    Index tiles;
  };

  WinogradTiles(const Gather& map, Index gathered);

  int tile_lines() const { return tile_lines_; }
  /// Values of a tile along axes 1 and 2, and products of one index along axis 0.
  Index positions() const { return read_lines(tile_lines_) * kReadColumns; }
  Index pieces() const { return map_.batch * planes_ * lines_ * row_.count; }
  Index most_tiles() const { return (row_.rows + row_.count - 1) / row_.count; }
  Piece piece(Index number) const;
  const std::vector<Axis0Index>& indices() const { return indices_; }

 private:
  Gather map_;
  std::vector<Axis0Index> indices_;
  int tile_lines_;
  Index plane_step_, planes_, lines_;
  Pieces row_;
};

/// Consecutive blocks of columns.
struct BlockShare {
  Range blocks;
  Index start = 0, padded = 0;  ///< padded columns
};

/// Slots x and y: each task transforms a group of pieces, multiplies it by its share of the
/// filters, one axis 0 index after another. Slot w: each task sums one index and share over the
/// groups of a chunk.
struct WinogradPlan {
  explicit WinogradPlan(const ConvProblem& problem);

  /// Of all indices along axis 0.
  Index positions() const { return tiles.positions() * static_cast<Index>(tiles.indices().size()); }
  Range pieces_of(Index group) const;
  const TileKernels& kernels() const { return winograd_kernels().tiles(tiles.tile_lines()); }

  Phase phase;               ///< how slot x or y, or w by way of y, is gathered
  Index gathered, produced;  ///< channels; for slot w those of x and of y
  WinogradTiles tiles;
  Index gathered_padded;
  std::vector<ColumnBlock> blocks;  ///< of the produced channels
  std::vector<BlockShare> shares;
  Index group_pieces, groups;
  Index chunks = 1;  ///< slot w: partial sums
  Index tasks;
  // Elements between two positions: of filters [block][gathered channel][column], of a group's
  // tiles as they are gathered, and of its products.
  Index filter_stride, read_stride, share_stride;

 private:
  // Positions that lay a power of two apart would meet in one set of the cache.
  static Index apart(Index elements) { return (elements + 31) / 32 * 32 + 16; }
};

}  // namespace voxgrad::ops::cpu
