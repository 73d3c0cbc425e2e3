#include <voxgrad/ops/cpu/conv/depthwise_plan.h>

#include <algorithm>

#include <voxgrad/core/cpu_features.h>
#include <voxgrad/ops/cpu/conv/pieces.h>

namespace voxgrad::ops::cpu {
namespace {

constexpr Index kWantedTasks = 32;  // enough for the threads of a workstation to share evenly

// Towards positive infinity, for b > 0.
Index divide_up(Index a, Index b) { return a > 0 ? (a - 1) / b + 1 : a / b; }

// The taps that row `row` finds inside the source.
Range taps_inside(const GatherAxis& axis, Index row) {
  const Index first = row * axis.row_step + axis.offset;
  const Index begin = std::clamp<Index>(divide_up(-first, axis.tap_step), 0, axis.taps);
  const Index end = std::clamp<Index>(divide_up(axis.size - first, axis.tap_step), 0, axis.taps);
  return {begin, std::max(begin, end)};
}

bool same(Range a, Range b) { return a.begin == b.begin && a.end == b.end; }

std::vector<ColumnPlan::Segment> segments_of(const GatherAxis& axis) {
  std::vector<ColumnPlan::Segment> segments;
  for (Index row = 0; row < axis.rows;) {
    const Range taps = taps_inside(axis, row);
    Index end = row + 1;
    if (axis.taps == 0) {
      end = axis.rows;
    } else if (taps.length() == axis.taps) {
      const Index room = axis.size - 1 - axis.at(row, axis.taps - 1);
      end = std::min(axis.rows, row + room / axis.row_step + 1);
    }
    if (!segments.empty() && same(segments.back().taps, taps)) segments.back().rows.end = end;
    else segments.push_back({{row, end}, taps});
    row = end;
  }
  return segments;
}

// Whether what a row reads with a tap is what the next row reads with the tap before.
bool shares_taps(const GatherAxis& axis) { return axis.tap_step == axis.row_step; }

// The runs that leave fewest loads: of 9 taps three of 3, of 10 two of 5. One tap where none
// shares.
Index run_taps_of(const GatherAxis& axis, Index most) {
  if (!shares_taps(axis)) return 1;
  Index best = 1;
  const auto lists = [&](Index taps) { return axis.taps / taps + axis.taps % taps; };
  for (Index taps = 3; taps <= std::min(most, axis.taps); taps += 2) {
    if (lists(taps) < lists(best)) best = taps;
  }
  return best;
}

// Where all taps make one run, rows that miss some of them, but not all, join those that miss none.
std::vector<ColumnPlan::Segment> segments_with_borders(const GatherAxis& axis, Index most_taps) {
  std::vector<ColumnPlan::Segment> segments = segments_of(axis);
  if (axis.taps == 1 || run_taps_of(axis, most_taps) != axis.taps) return segments;
  std::vector<ColumnPlan::Segment> joined;
  for (ColumnPlan::Segment next : segments) {
    if (next.taps.length() > 0) next.taps = {0, axis.taps};
    if (joined.empty() || !same(joined.back().taps, next.taps)) joined.push_back(next);
    else joined.back().rows.end = next.rows.end;
  }
  return joined;
}

std::vector<ColumnPlan::Segment> pieces_of(const GatherAxis& axis, Index most_rows,
                                           Index most_taps) {
  std::vector<ColumnPlan::Segment> result;
  for (const ColumnPlan::Segment& segment : segments_with_borders(axis, most_taps)) {
    const Pieces pieces(segment.rows.length(), most_rows);
    for (Index i = 0; i < pieces.count; ++i) {
      const Range rows = pieces.piece(i);
      const Index first = segment.rows.begin;
      result.push_back({{first + rows.begin, first + rows.end}, segment.taps});
    }
  }
  return result;
}

// The most rows and taps that a kernel takes.
struct Block {
  Index rows, taps;
};

Block block_of(DType dtype) {
  return visit_floating(dtype, []<typename T>() -> Block {
    return {depthwise_kernels<T>().rows, depthwise_kernels<T>().run_taps};
  });
}

}  // namespace

template <typename T>
const DepthwiseTable<T>& depthwise_kernels() {
  switch (instruction_set()) {
    case InstructionSet::avx512: return avx512_depthwise<T>();
    case InstructionSet::avx2: return avx2_depthwise<T>();
    case InstructionSet::portable: break;
  }
  return portable_depthwise<T>();
}

template const DepthwiseTable<float>& depthwise_kernels<float>();
template const DepthwiseTable<double>& depthwise_kernels<double>();

ChannelBlocks::ChannelBlocks(Index channels, DType dtype) {
  visit_floating(dtype, [&]<typename T>() {
    const DepthwiseTable<T>& table = depthwise_kernels<T>();
    int set = 0;
    for (Index first = 0; first < channels; first += all.back().width) {
      while (table.sets[set].channels > channels - first) ++set;
      all.push_back({first, table.sets[set].channels, set});
    }
  });
}

ColumnPlan::ColumnPlan(const Gather& gather, Index groups, Index most_rows, Index most_taps)
    : gather(gather),
      groups(groups),
      run_taps(run_taps_of(gather.axis[2], most_taps)),
      lines(segments_of(gather.axis[1])),
      pieces(pieces_of(gather.axis[2], most_rows, most_taps)),
      columns(gather.batch * gather.axis[0].rows * static_cast<Index>(pieces.size()) * groups) {}

ColumnPlan::Column ColumnPlan::column(Index number) const {
  const Index plane = number / groups, planes = gather.axis[0].rows;
  const Index rest = plane / planes, count = static_cast<Index>(pieces.size());
  return {rest / count, plane % planes, pieces[static_cast<std::size_t>(rest % count)],
          number % groups};
}

Index ColumnPlan::columns_per_tile(Index channels) const {
  constexpr Index kTileElements = Index{1} << 14;
  const Index elements = divide_up(gather.rows() * channels, columns);  // of a column
  return std::max(divide_up(columns, kWantedTasks), divide_up(kTileElements, elements));
}

Index ColumnPlan::list_size() const {
  Index taps = 0;
  for (const Segment& piece : pieces) taps = std::max(taps, piece.taps.length());
  return taps * gather.axis[0].taps * gather.axis[1].taps;
}

DepthwiseProductPlan::DepthwiseProductPlan(const ConvProblem& problem)
    : blocks(problem.geometry.groups, problem.dtype) {
  const auto [rows, taps] = block_of(problem.dtype);
  for (Phase& phase : phases(problem.produced, problem.geometry)) {
    // Long pieces are fetched faster; three lines of three planes of them are 38 KB with AVX-512.
    ColumnPlan columns(phase.gather, blocks.groups(), 2 * rows, taps);
    if (columns.columns < kWantedTasks) columns = {phase.gather, blocks.groups(), rows, taps};
    const Index tile_columns = columns.columns_per_tile(problem.geometry.groups);
    const Index packed = phase.gather.taps() * problem.geometry.groups;
    list_size = std::max(list_size, columns.list_size());
    parts.push_back({std::move(phase), std::move(columns), tile_columns, tiles, packed_size});
    packed_size += packed;
    tiles += divide_up(parts.back().columns.columns, tile_columns);
  }
}

DepthwiseSumPlan::DepthwiseSumPlan(const ConvProblem& problem)
    : blocks(problem.geometry.groups, problem.dtype),
      columns(phases(Slot::y, problem.geometry).front().gather, blocks.groups(),
              block_of(problem.dtype).rows, block_of(problem.dtype).taps),
      sums_size(columns.gather.taps() * problem.geometry.groups) {
  constexpr Index kPartialBytes = Index{16} << 20;  // of all chunks together
  constexpr Index kLeastChunkRows = 64;             // fewer do not pay for adding its sums
  const Index bytes = sums_size * static_cast<Index>(size_of(problem.dtype));
  chunks = std::min({divide_up(columns.columns, columns.columns_per_tile(problem.geometry.groups)),
                     divide_up(columns.gather.rows(), kLeastChunkRows),
                     std::max<Index>(1, kPartialBytes / bytes)});
  chunk_columns = divide_up(columns.columns, chunks);
  chunks = divide_up(columns.columns, chunk_columns);
}

TapWalk::TapWalk(const ColumnPlan& plan, Index batch_stride, const Index (&stride)[3])
    : plan_(plan), batch_stride_(batch_stride), stride_{stride[0], stride[1], stride[2]} {}

void TapWalk::run(Range columns, const std::function<void(const Strip&)>& visit) {
  for (Index column = columns.begin; column < columns.end; ++column) {
    last_plane_ = last_plane(column);
    next_last_plane_ = last_plane(std::min(column + plan_.groups, plan_.columns - 1));
    for (const ColumnPlan::Segment& lines : plan_.lines) visit(strip(column, lines));
  }
}

Index TapWalk::ahead(Index line) const {
  const GatherAxis& b = plan_.gather.axis[1];
  const Index at = std::min(line, (2 * b.size - 1) / b.row_step) * b.row_step;
  return at < b.size ? last_plane_ + at * stride_[1]
                     : next_last_plane_ + (at - b.size) * stride_[1];
}

// Of what `column` reads, the element in the last plane and the first line and row.
Index TapWalk::last_plane(Index column) const {
  const auto& [a, b, c] = plan_.gather.axis;
  const auto [n, i, piece, group] = plan_.column(column);
  const auto inside = [](const GatherAxis& axis, Index at) {
    return std::clamp<Index>(at, 0, axis.size - 1);
  };
  return n * batch_stride_ + inside(a, a.at(i, a.taps - 1)) * stride_[0] +
         inside(c, c.at(piece.rows.begin, 0)) * stride_[2];
}

Strip TapWalk::strip(Index column, const ColumnPlan::Segment& lines) {
  const auto& [a, b, c] = plan_.gather.axis;
  const auto [n, i, piece, group] = plan_.column(column);
  list_taps(taps_inside(a, i), lines.taps, piece.taps);
  Strip result{n, i, lines.rows, piece.rows, group, {}};
  if (runs_.empty() && singles_.empty()) return result;
  DepthwiseTaps& taps = result.taps;
  taps = {static_cast<int>(plan_.run_taps), runs_.data(), std::ssize(runs_), singles_.data(),
          std::ssize(singles_)};
  const Index first = c.at(piece.rows.begin, piece.taps.begin);
  const Index last = c.at(piece.rows.end - 1, piece.taps.end - 1);
  const Index missing = divide_up(-std::min<Index>(first, 0), c.tap_step);
  taps.missing_first = static_cast<int>(missing);
  taps.missing_last =
      static_cast<int>(divide_up(std::max<Index>(last + 1 - c.size, 0), c.tap_step));
  result.source = n * batch_stride_ + a.at(i, listed_[0].begin) * stride_[0] +
                  b.at(lines.rows.begin, lines.taps.begin) * stride_[1] +
                  (first + missing * c.tap_step) * stride_[2];
  if (lines.rows.length() > 1) result.line_step = b.row_step * stride_[1];
  const Index vectors = piece.rows.length() + (runs_.empty() ? 0 : plan_.run_taps - 1) -
                        taps.missing_first - taps.missing_last;
  if (vectors > 1) result.row_step = c.row_step * stride_[2];
  return result;
}

void TapWalk::list_taps(Range a, Range b, Range c) {
  if (same(a, listed_[0]) && same(b, listed_[1]) && same(c, listed_[2])) return;
  listed_[0] = a;
  listed_[1] = b;
  listed_[2] = c;
  runs_.clear();
  singles_.clear();
  const auto& axis = plan_.gather.axis;
  const auto distance = [&](int k, Index taps) { return taps * axis[k].tap_step * stride_[k]; };
  for (Index p = a.begin; p < a.end; ++p) {
    for (Index q = b.begin; q < b.end; ++q) {
      const Index line = distance(0, p - a.begin) + distance(1, q - b.begin);
      for (Index t = c.begin; t < c.end;) {
        const bool is_run = plan_.run_taps > 1 && c.end - t >= plan_.run_taps;
        (is_run ? runs_ : singles_)
            .push_back(
                {line + distance(2, t - c.begin), (p * axis[1].taps + q) * axis[2].taps + t});
        t += is_run ? plan_.run_taps : 1;
      }
    }
  }
}

}  // namespace voxgrad::ops::cpu
