#include <voxgrad/ops/cpu/conv/direct_plan.h>

#include <algorithm>

#include <voxgrad/core/cpu_features.h>

namespace voxgrad::ops::cpu {
namespace {

constexpr Index kWantedTasks = 32;  // enough for the threads of a workstation to share evenly
constexpr Index kFewChannels = 8;
constexpr Index kTileRows = 512;  // a block of weights is fetched once for these

Index divide_up(Index a, Index b) { return (a + b - 1) / b; }

// Source positions that `rows` rows meet along an axis, zero-padded ones included. Wide dilations
// with as wide a padding span up to 2^61: what is too long for any tile's copy counts as kLongSpan,
// so that no number of bytes overflows.
Index span_of(const GatherAxis& axis, Index rows) {
  constexpr Index kLongSpan = Index{1} << 20;
  return std::min(kLongSpan, (rows - 1) * axis.row_step + (axis.taps - 1) * axis.tap_step + 1);
}

}  // namespace

template <typename T>
const KernelTable<T>& direct_kernels() {
  constexpr bool is_float = std::is_same_v<T, float>;
  const auto pick = [](const auto& narrow, const auto& wide) -> const KernelTable<T>& {
    if constexpr (is_float) return narrow;
    else return wide;
  };
  switch (instruction_set()) {
    case InstructionSet::avx512: return pick(kAvx512Float, kAvx512Double);
    case InstructionSet::avx2: return pick(kAvx2Float, kAvx2Double);
    case InstructionSet::portable: break;
  }
  return pick(kPortableFloat, kPortableDouble);
}

template const KernelTable<float>& direct_kernels<float>();
template const KernelTable<double>& direct_kernels<double>();

std::vector<ColumnBlock> column_blocks(Index columns, DType dtype) {
  return visit_floating(dtype, [&]<typename T>() {
    const KernelTable<T>& table = direct_kernels<T>();
    std::vector<ColumnBlock> blocks;
    Index start = 0;
    for (Index first = 0; first < columns;) {
      int set = 0;
      while (set + 1 < table.set_count && table.sets[set].columns > columns - first) ++set;
      const Index padded = table.sets[set].columns, stored = std::min(padded, columns - first);
      blocks.push_back({first, stored, padded, start, set});
      first += stored;
      start += padded;
    }
    return blocks;
  });
}

Index padded_columns(const std::vector<ColumnBlock>& blocks) {
  return blocks.back().start + blocks.back().padded;
}

DirectProductPlan::DirectProductPlan(const ConvProblem& problem) {
  const ConvGeometry& g = problem.geometry;
  const bool to_y = problem.produced == Slot::y;
  produced = to_y ? g.y_group_channels() : g.x_group_channels();
  gathered = to_y ? g.x_group_channels() : g.y_group_channels();
  for (Phase& phase : phases(problem.produced, g)) {
    if (blocks.empty()) blocks = column_blocks(phase.fold * produced, problem.dtype);
    const GatherAxis* axis = phase.gather.axis;
    const Index lines = phase.gather.batch * axis[0].rows * axis[1].rows;
    Part part;
    part.tile_lines =
        std::clamp<Index>(kTileRows / axis[2].rows, 1, divide_up(lines, kWantedTasks));
    part.first_tile = tiles;
    part.packed = packed_size;
    tiles += divide_up(lines, part.tile_lines);
    packed_size += phase.gather.taps() * gathered * padded_columns(blocks) * g.groups;
    part.phase = std::move(phase);
    parts.push_back(std::move(part));
  }
}

DirectProductPlan::Tile DirectProductPlan::tile(Index number) const {
  const auto next = std::ranges::upper_bound(parts, number, {}, &Part::first_tile);
  const Part& part = *std::prev(next);
  const Gather& map = part.phase.gather;
  const Index lines = map.batch * map.axis[0].rows * map.axis[1].rows;
  const Index begin = (number - part.first_tile) * part.tile_lines;
  return {&part, {begin, std::min(begin + part.tile_lines, lines)}};
}

DirectSumPlan::DirectSumPlan(const ConvProblem& problem) {
  constexpr Index kPartialBytes = Index{16} << 20;  // of all chunks together
  constexpr Index kLeastChunkRows = 1024;
  const ConvGeometry& g = problem.geometry;
  phase = phases(Slot::y, g).front();
  groups = g.groups;
  x_channels = g.x_group_channels();
  y_channels = g.y_group_channels();
  blocks = column_blocks(y_channels, problem.dtype);
  const GatherAxis* axis = phase.gather.axis;
  lines = phase.gather.batch * axis[0].rows * axis[1].rows;
  tap_lines = axis[0].taps * axis[1].taps;
  sums_size = groups * tap_lines * line_size();
  // Few channels are worth the copy: the taps of a row are then one run of values.
  copies_lines = x_channels < kFewChannels;
  x_line_size = copies_lines ? span_of(axis[2], axis[2].rows) * x_channels : 0;
  y_line_size = axis[2].rows * blocks.back().padded;

  // All tap lines in one task, which then meets each line of y once, unless there are few lines.
  const Index bytes = sums_size * static_cast<Index>(size_of(problem.dtype));
  chunks =
      std::min({divide_up(kWantedTasks, groups), divide_up(lines * axis[2].rows, kLeastChunkRows),
                std::max<Index>(1, kPartialBytes / bytes), lines});
  chunk_lines = divide_up(lines, chunks);
  chunks = divide_up(lines, chunk_lines);
  tap_tasks = std::min(tap_lines, divide_up(kWantedTasks, chunks * groups));
  taps_per_task = divide_up(tap_lines, tap_tasks);
  tap_tasks = divide_up(tap_lines, taps_per_task);
  tasks = chunks * groups * tap_tasks;
}

DirectSumPlan::Task DirectSumPlan::task(Index number) const {
  const Index tap_task = number % tap_tasks, rest = number / tap_tasks;
  const Index chunk = rest / groups;
  return {
      .chunk = chunk,
      .group = rest % groups,
      .tap_lines = {tap_task * taps_per_task, std::min(tap_lines, (tap_task + 1) * taps_per_task)},
      .lines = {chunk * chunk_lines, std::min(lines, (chunk + 1) * chunk_lines)}};
}

}  // namespace voxgrad::ops::cpu
