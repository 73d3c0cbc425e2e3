// Internal: how the depthwise algorithm cuts its work, from the problem and the instruction set
// alone.
//
// Rows of an axis whose taps along that axis lie inside the source alike make a segment: usually
// one long one, and a few of one row at either end. Along the last axis, where all taps make one
// run (depthwise_kernels.h), rows that miss some of them belong to the long segment: a block of one
// row is slow. Segments of the last axis are cut into pieces. One piece and one or two blocks of
// channels, over all lines of axis 1, is a column. TapWalk goes down the columns, with the taps
// that exist there: most of what a line reads is still in the nearest cache from the line before.
#pragma once

#include <functional>
#include <span>
#include <vector>

#include <voxgrad/ops/conv.h>
#include <voxgrad/ops/conv_operands.h>
#include <voxgrad/ops/cpu/conv/depthwise_kernels.h>

namespace voxgrad::ops::cpu {

/// The kernels of the instruction set in use.
template <typename T>
const DepthwiseTable<T>& depthwise_kernels();

/// Channels that one kernel computes at once, all of which exist.
struct ChannelBlock {
  Index first = 0;
  Index width = 0;
  int set = 0;  ///< which of the table's sets
};

/// All blocks, wide ones first. Pairs of them make a group.
struct ChannelBlocks {
  ChannelBlocks(Index channels, DType dtype);

  Index count() const { return static_cast<Index>(all.size()); }
  const ChannelBlock& operator[](Index i) const { return all[static_cast<std::size_t>(i)]; }
  Index groups() const { return (count() + 1) / 2; }
  std::span<const ChannelBlock> of(Index group) const {
    return std::span(all).subspan(static_cast<std::size_t>(2 * group),
                                  2 * group + 1 < count() ? 2 : 1);
  }

  std::vector<ChannelBlock> all;
};

/// A gather's rows and channels, cut into columns: [batch][piece][axis 0][group]. What a column
/// reads of its first planes was read by the columns just before.
struct ColumnPlan {
  struct Segment {
    Range rows, taps;
  };
  struct Column {
    Index n, i;  ///< of axis 0
    const Segment& piece;
    Index group;
  };

  /// @param most_rows  of a piece
  /// @param most_taps  of a run; odd
  ColumnPlan(const Gather& gather, Index groups, Index most_rows, Index most_taps);
  Column column(Index number) const;
  /// As many as make about a 32nd of the work, or more if that is too little for a thread.
  Index columns_per_tile(Index channels) const;
  /// Elements of a TapWalk's lists, at most.
  Index list_size() const;

  Gather gather;
  Index groups;                 ///< of channel blocks
  Index run_taps;               ///< of all runs; one where there are none
  std::vector<Segment> lines;   ///< of axis 1, in order
  std::vector<Segment> pieces;  ///< of axis 2, in order
  Index columns = 0;
};

/// Slots x and y.
struct DepthwiseProductPlan {
  struct Part {
    Phase phase;
    ColumnPlan columns;
    Index tile_columns = 0;
    Index first_tile = 0;
    Index packed = 0;  ///< where its weights start: [block][tap][channel]
  };

  explicit DepthwiseProductPlan(const ConvProblem& problem);

  ChannelBlocks blocks;
  std::vector<Part> parts;
  Index tiles = 0;
  Index packed_size = 0;
  Index list_size = 0;
};

/// Slot w: sums[block][tap][channel] for each chunk of columns.
struct DepthwiseSumPlan {
  explicit DepthwiseSumPlan(const ConvProblem& problem);

  ChannelBlocks blocks;
  ColumnPlan columns;  ///< of slot y's gather
  Index chunks = 1, chunk_columns = 0;
  Index sums_size = 0;  ///< elements of one chunk
};

struct Strip {
  Index n, i;
  Range lines, rows;  ///< of axes 1 and 2
  Index group;
  DepthwiseTaps taps;
  /// The element of the source that the first line and row meet with the first tap that they do not
  /// miss, and how far from there the next line and row read. Zero where none does: their steps may
  /// be beyond all bounds.
  Index source = 0, line_step = 0, row_step = 0;
};

/// Visits columns in order. The lists of taps are made anew only where they are others than before.
class TapWalk {
 public:
  /// @param stride  elements between the source's positions along each axis
  TapWalk(const ColumnPlan& plan, Index batch_stride, const Index (&stride)[3]);

  void run(Range columns, const std::function<void(const Strip&)>& visit);
  /// The element of the source in line `line` that the column in hand begins with in the last plane
  /// that it reads; of the next column if there are not so many lines.
  Index ahead(Index line) const;

 private:
  Index last_plane(Index column) const;
  Strip strip(Index column, const ColumnPlan::Segment& lines);
  void list_taps(Range a, Range b, Range c);

  const ColumnPlan& plan_;
  Index batch_stride_;
  Index stride_[3];
  Index last_plane_ = 0, next_last_plane_ = 0;        ///< of this column and the next, as below
  Range listed_[3] = {{-1, -1}, {-1, -1}, {-1, -1}};  ///< on each axis
  std::vector<DepthwiseTap> runs_, singles_;
};

}  // namespace voxgrad::ops::cpu
