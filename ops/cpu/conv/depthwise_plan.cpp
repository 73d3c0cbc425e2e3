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

// With three taps, the row that misses the first and the one that misses the last join those that
// miss none. There is at most one of each, next to them.
std::vector<ColumnPlan::Segment> segments_with_borders(const GatherAxis& axis) {
  std::vector<ColumnPlan::Segment> segments = segments_of(axis);
  if (axis.taps != 3 || !shares_taps(axis)) return segments;
  std::vector<ColumnPlan::Segment> joined;
  for (ColumnPlan::Segment next : segments) {
    if (next.taps.length() == 2) next.taps = {0, 3};
    if (joined.empty() || !same(joined.back().taps, next.taps)) joined.push_back(next);
    else joined.back().rows.end = next.rows.end;
  }
  return joined;
}

std::vector<ColumnPlan::Segment> pieces_of(const GatherAxis& axis, Index most_rows) {
  std::vector<ColumnPlan::Segment> result;
  for (const ColumnPlan::Segment& segment : segments_with_borders(axis)) {
    const Pieces pieces(segment.rows.length(), most_rows);
    for (Index i = 0; i < pieces.count; ++i) {
      const Range rows = pieces.piece(i);
      const Index first = segment.rows.begin;
      result.push_back({{first + rows.begin, first + rows.end}, segment.taps});
    }
  }
  return result;
}

Index kernel_rows(DType dtype) {
  return visit_floating(dtype, []<typename T>() -> Index { return depthwise_kernels<T>().rows; });
}

bool kernels_pair(DType dtype) {
  return visit_floating(dtype, []<typename T>() { return depthwise_kernels<T>().pair_rows > 0; });
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

ColumnPlan::ColumnPlan(const Gather& gather, Index groups, Index most_rows, bool may_pair)
    : gather(gather),
      groups(groups),
      pairs(may_pair && shares_taps(gather.axis[1])),
      lines(segments_of(gather.axis[1])),
      pieces(pieces_of(gather.axis[2], most_rows)),
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
  const Index lines = gather.axis[1].taps;
  return taps * gather.axis[0].taps * (pairs ? 2 * lines + 1 : lines);
}

DepthwiseProductPlan::DepthwiseProductPlan(const ConvProblem& problem)
    : blocks(problem.geometry.groups, problem.dtype) {
  const Index rows = kernel_rows(problem.dtype);
  const bool pairs = kernels_pair(problem.dtype);
  for (Phase& phase : phases(problem.produced, problem.geometry)) {
    // Long runs are fetched faster; four lines of three planes of them are 48 KB with AVX-512.
    ColumnPlan columns(phase.gather, blocks.groups(), 2 * rows, pairs);
    if (columns.columns < kWantedTasks) columns = {phase.gather, blocks.groups(), rows, pairs};
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
              kernel_rows(problem.dtype), false),
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
  Strip result{n, i, lines.rows, piece.rows, group, listed(1), listed(2)};
  DepthwiseTaps& taps = result.taps;
  if (taps.triple_count + taps.single_count == 0) return result;
  taps.misses_first = c.at(piece.rows.begin, piece.taps.begin) < 0;
  taps.misses_last = c.at(piece.rows.end - 1, piece.taps.end - 1) >= c.size;
  result.pair_taps.misses_first = taps.misses_first;
  result.pair_taps.misses_last = taps.misses_last;
  result.pairs = plan_.pairs && lines.taps.length() > 1;
  result.source = n * batch_stride_ + a.at(i, listed_[0].begin) * stride_[0] +
                  b.at(lines.rows.begin, lines.taps.begin) * stride_[1] +
                  c.at(piece.rows.begin, piece.taps.begin + taps.misses_first) * stride_[2];
  if (lines.rows.length() > 1) result.line_step = b.row_step * stride_[1];
  if (piece.rows.length() > 1 || taps.triple_count > 0) result.row_step = c.row_step * stride_[2];
  return result;
}

void TapWalk::list_taps(Range a, Range b, Range c) {
  if (same(a, listed_[0]) && same(b, listed_[1]) && same(c, listed_[2])) return;
  listed_[0] = a;
  listed_[1] = b;
  listed_[2] = c;
  list_taps(1, lists_[0]);
  if (plan_.pairs) list_taps(2, lists_[1]);
}

// Those that any of `lines` neighbouring lines meets; tap q of a line is tap q - 1 of the next.
void TapWalk::list_taps(int lines, List& list) const {
  const auto& [a, b, c] = listed_;
  const auto& axis = plan_.gather.axis;
  const auto distance = [&](int k, Index taps) { return taps * axis[k].tap_step * stride_[k]; };
  const auto number = [&](Index p, Index q, Index t) {
    return q < b.begin || q >= b.end ? -1 : (p * axis[1].taps + q) * axis[2].taps + t;
  };
  list.triples.clear();
  list.singles.clear();
  for (Index p = a.begin; p < a.end; ++p) {
    for (Index q = b.begin; q < b.end + lines - 1; ++q) {
      const Index line = distance(0, p - a.begin) + distance(1, q - b.begin);
      for (Index t = c.begin; t < c.end;) {
        const bool joined = shares_taps(axis[2]) && c.end - t >= 3;
        (joined ? list.triples : list.singles)
            .push_back({line + distance(2, t - c.begin),
                        {number(p, q, t), lines == 2 ? number(p, q - 1, t) : -1}});
        t += joined ? 3 : 1;
      }
    }
  }
}

DepthwiseTaps TapWalk::listed(int lines) const {
  const List& list = lists_[lines - 1];
  return {list.triples.data(), static_cast<Index>(list.triples.size()), list.singles.data(),
          static_cast<Index>(list.singles.size())};
}

}  // namespace voxgrad::ops::cpu
