#include <voxgrad/ops/cpu/conv/tiled_plan.h>

#include <algorithm>

namespace voxgrad::ops::cpu {
namespace {

// Columns stay in a core's second-level cache between being written and being multiplied.
constexpr Index kColumnBytes = Index{1} << 19;
constexpr Index kMostColumnBytes = Index{1} << 22;   // where few rows alone exceed that
constexpr Index kLeastRows = 128, kMostRows = 2048;  // GEMM packs the weights anew for each tile
constexpr Index kRowMultiple = 16;
constexpr Index kWantedTasks = 16;  // enough for the threads of a workstation to share evenly

Index divide_up(Index a, Index b) { return (a + b - 1) / b; }

Index element_bytes(const ConvProblem& problem) {
  return static_cast<Index>(size_of(problem.dtype));
}

// Rows whose columns of `row_bytes` each, or of `least_bytes` where they are cut into blocks, fill
// a tile.
Index rows_per_tile(Index row_bytes, Index least_bytes) {
  const Index wanted = std::clamp(kColumnBytes / row_bytes, kLeastRows, kMostRows);
  const Index most = std::max<Index>(kMostColumnBytes / least_bytes, kRowMultiple);
  return std::min(wanted, most) / kRowMultiple * kRowMultiple;
}

Index round_up(Index rows) { return divide_up(rows, kRowMultiple) * kRowMultiple; }

Index taps_per_block(Index taps, Index tile_rows, Index tap_bytes) {
  return std::clamp(2 * kColumnBytes / (tile_rows * tap_bytes), Index{1}, std::max<Index>(taps, 1));
}

}  // namespace

ProductPlan::ProductPlan(const ConvProblem& problem) {
  const ConvGeometry& g = problem.geometry;
  const bool to_y = problem.produced == Slot::y;
  produced = to_y ? g.y_group_channels() : g.x_group_channels();
  gathered = to_y ? g.x_group_channels() : g.y_group_channels();
  const Index tap_bytes = gathered * element_bytes(problem);
  for (Phase& phase : phases(problem.produced, g)) {
    const Index taps = phase.gather.taps(), rows = phase.gather.rows();
    const Index width = phase.fold * produced * g.groups;
    Part part;
    part.first_tile = tiles;
    part.packed = packed_size;
    const Index row_bytes = std::max(taps * tap_bytes, width * element_bytes(problem));
    part.tile_rows =
        std::min({rows, round_up(divide_up(rows, kWantedTasks)),
                  rows_per_tile(row_bytes, std::max(tap_bytes, width * element_bytes(problem)))});
    part.block_taps = taps_per_block(taps, part.tile_rows, tap_bytes);
    tiles += divide_up(rows, part.tile_rows);
    packed_size += taps * gathered * width;
    columns_size = std::max(columns_size, part.tile_rows * part.block_taps * gathered);
    if (!phase.is_whole()) output_size = std::max(output_size, part.tile_rows * width);
    part.phase = std::move(phase);
    parts.push_back(std::move(part));
  }
}

ProductPlan::Tile ProductPlan::tile(Index number) const {
  const auto next = std::ranges::upper_bound(parts, number, {}, &Part::first_tile);
  const Part& part = *std::prev(next);
  const Index begin = (number - part.first_tile) * part.tile_rows;
  return {&part, {begin, std::min(begin + part.tile_rows, part.phase.gather.rows())}};
}

SumPlan::SumPlan(const ConvProblem& problem) {
  constexpr Index kSumBytes = Index{1} << 19;  // of one task: it stays in cache over all its rows
  constexpr Index kPartialBytes = Index{16} << 20;  // of all chunks together
  constexpr Index kLeastChunkRows = 1024;
  const ConvGeometry& g = problem.geometry;
  const Index bytes = element_bytes(problem);
  phase = phases(Slot::y, g).front();
  groups = g.groups;
  x_channels = g.x_group_channels();
  y_channels = g.y_group_channels();
  const Index rows = phase.gather.rows(), taps = phase.gather.taps();
  sums_size = g.y_channels * taps * x_channels;

  // Outputs first: whole lines of taps, so that neighbouring taps are gathered as one run.
  const Index line = phase.gather.axis[2].taps;
  const Index lines =
      divide_up(taps / line, std::min(taps / line, divide_up(kWantedTasks, groups)));
  const Index tap_bytes = x_channels * bytes;
  block_taps = std::clamp(kMostColumnBytes / (kLeastRows * tap_bytes), Index{1}, line * lines);
  tap_blocks = divide_up(taps, block_taps);
  block_y_channels = std::clamp(kSumBytes / (block_taps * tap_bytes) / kRowMultiple * kRowMultiple,
                                std::min(kRowMultiple, y_channels), y_channels);
  y_blocks = divide_up(y_channels, block_y_channels);
  const Index blocks = groups * tap_blocks * y_blocks;

  chunks = std::min({divide_up(4 * kWantedTasks, blocks), divide_up(rows, kLeastChunkRows),
                     std::max<Index>(1, kPartialBytes / (sums_size * bytes))});
  chunk_rows = round_up(divide_up(rows, chunks));
  chunks = divide_up(rows, chunk_rows);
  tile_rows = std::min(chunk_rows, rows_per_tile(block_taps * tap_bytes, block_taps * tap_bytes));
  tasks = chunks * blocks;
}

SumPlan::Task SumPlan::task(Index number) const {
  Task task{};
  const Index y_block = number % y_blocks, rest = number / y_blocks;
  const Index tap_block = rest % tap_blocks;
  task.group = rest / tap_blocks % groups;
  task.chunk = rest / tap_blocks / groups;
  task.taps = {tap_block * block_taps, std::min((tap_block + 1) * block_taps, phase.gather.taps())};
  task.y_channels = {y_block * block_y_channels,
                     std::min((y_block + 1) * block_y_channels, y_channels)};
  task.rows = {task.chunk * chunk_rows,
               std::min((task.chunk + 1) * chunk_rows, phase.gather.rows())};
  return task;
}

}  // namespace voxgrad::ops::cpu
