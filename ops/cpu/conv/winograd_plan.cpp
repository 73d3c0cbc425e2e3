#include <voxgrad/ops/cpu/conv/winograd_plan.h>

#include <algorithm>

#include <voxgrad/core/cpu_features.h>

namespace voxgrad::ops::cpu {
namespace {

// Measured on a core with 2 MiB of second-level cache: few tiles leave room for the filters that
// they meet, more share the reading of them.
constexpr Index kMostTiles = 64, kUsualTiles = 32;
constexpr Index kUsualReadBytes = Index{192} << 10;
constexpr Index kMostReadBytes = Index{3} << 20;
constexpr Index kWantedTasks = 8;
constexpr Index kLeastShare = 64;  // columns; fewer would transform the same tiles too often
constexpr Index kMostChunks = 8;
constexpr Index kPartialBytes = Index{16} << 20;  // of all chunks together

Index divide_up(Index a, Index b) { return (a + b - 1) / b; }
Index round_up(Index a, Index b) { return divide_up(a, b) * b; }

Index tiles_at_once(int tile_lines, Index gathered) {
  const Index values = read_lines(tile_lines) * kReadColumns * gathered;  // of a tile
  const Index bytes = values * static_cast<Index>(sizeof(float));
  const Index least = std::clamp<Index>(kMostReadBytes / bytes, 1, kUsualTiles);
  return std::clamp(kUsualReadBytes / bytes, least, kMostTiles);
}

Index plane_step(const Gather& map) { return map.axis[0].taps == kTaps ? 2 : 1; }

// Four lines take a quarter fewer products. Where the filters count more than the tiles, or many
// lines of tiles would lie beyond the result, two are less.
int choose_tile_lines(const Gather& map) {
  constexpr Index kManyTiles = 64;
  const GatherAxis* axis = map.axis;
  const Index others =
      map.batch * divide_up(axis[0].rows, plane_step(map)) * divide_up(axis[2].rows, kTileColumns);
  const auto cost = [&](int lines) { return divide_up(axis[1].rows, lines) * read_lines(lines); };
  return divide_up(axis[1].rows, 4) * others >= kManyTiles && cost(4) < cost(2) ? 4 : 2;
}

std::vector<Axis0Index> axis0_indices(Index taps) {
  if (taps == 1) return {{{0, -1, 0}, {0, -1, 0}, {1, 0}}};
  return {{{0, 2, -1}, {0, -1, 0}, {1, 0}},
          {{1, 2, 1}, {0, 1, 1}, {1, 1}},
          {{2, 1, -1}, {0, 1, -1}, {1, -1}},
          {{1, 3, -1}, {-1, 1, -1}, {0, -1}}};
}

Phase phase_read(const ConvProblem& problem) {
  return phases(problem.produced == Slot::x ? Slot::x : Slot::y, problem.geometry).front();
}

// Consecutive blocks, as nearly equal as they come.
std::vector<BlockShare> share_out(const std::vector<ColumnBlock>& blocks, Index count) {
  std::vector<BlockShare> shares;
  for (Index i = 0; i < count; ++i) {
    const Index size = static_cast<Index>(blocks.size());
    const Range range{size * i / count, size * (i + 1) / count};
    if (range.length() == 0) continue;
    const ColumnBlock& first = blocks[static_cast<std::size_t>(range.begin)];
    const ColumnBlock& last = blocks[static_cast<std::size_t>(range.end - 1)];
    shares.push_back({range, first.start, last.start + last.padded - first.start});
  }
  return shares;
}

}  // namespace

const WinogradKernels& winograd_kernels() {
  switch (instruction_set()) {
    case InstructionSet::avx512: return kAvx512Winograd;
    case InstructionSet::avx2: return kAvx2Winograd;
    case InstructionSet::portable: break;
  }
  return kPortableWinograd;
}

WinogradTiles::WinogradTiles(const Gather& map, Index gathered)
    : map_(map),
      indices_(axis0_indices(map.axis[0].taps)),
      tile_lines_(choose_tile_lines(map)),
      plane_step_(plane_step(map)),
      planes_(divide_up(map.axis[0].rows, plane_step_)),
      lines_(divide_up(map.axis[1].rows, tile_lines_)),
      row_(divide_up(map.axis[2].rows, kTileColumns), tiles_at_once(tile_lines_, gathered)) {}

WinogradTiles::Piece WinogradTiles::piece(Index number) const {
  const Range range = row_.piece(number % row_.count);
  const Index row = number / row_.count, line = row % lines_, plane = row / lines_;
  return {.batch = plane / planes_,
          .plane = plane % planes_ * plane_step_,
          .line = line * tile_lines_,
          .column = range.begin * kTileColumns,
          .tiles = range.length()};
}

WinogradPlan::WinogradPlan(const ConvProblem& problem)
    : phase(phase_read(problem)),
      gathered(problem.produced == Slot::x ? problem.geometry.y_channels
                                           : problem.geometry.x_channels),
      produced(problem.produced == Slot::x ? problem.geometry.x_channels
                                           : problem.geometry.y_channels),
      tiles(phase.gather, gathered) {
  constexpr Index kWidest = 16;  // of all instruction sets' vectors: one split for all
  gathered_padded = round_up(gathered, kWidest);
  blocks = column_blocks(round_up(produced, kWidest), DType::float32);
  filter_stride = apart(gathered * padded_columns(blocks));
  group_pieces = std::clamp<Index>(tiles_at_once(tiles.tile_lines(), gathered) / tiles.most_tiles(),
                                   1, tiles.pieces());
  groups = divide_up(tiles.pieces(), group_pieces);

  Index tasks_of_a_share = groups;
  if (problem.produced == Slot::w) {
    const Index bytes = positions() * filter_stride * static_cast<Index>(sizeof(float));
    chunks = std::clamp<Index>(kPartialBytes / bytes, 1, std::min(kMostChunks, groups));
    tasks_of_a_share = chunks * static_cast<Index>(tiles.indices().size());
  }
  const Index most_shares = std::max<Index>(1, padded_columns(blocks) / kLeastShare);
  shares = share_out(blocks,
                     std::clamp<Index>(divide_up(kWantedTasks, tasks_of_a_share), 1, most_shares));
  tasks = tasks_of_a_share * static_cast<Index>(shares.size());
  const auto widest = std::ranges::max(shares, {}, &BlockShare::padded);
  read_stride = apart(group_pieces * tiles.most_tiles() * gathered_padded);
  share_stride = apart(group_pieces * tiles.most_tiles() * widest.padded);
}

Range WinogradPlan::pieces_of(Index group) const {
  return {group * group_pieces, std::min((group + 1) * group_pieces, tiles.pieces())};
}

}  // namespace voxgrad::ops::cpu
