#include <voxgrad/ops/cpu/conv/winograd_transforms.h>

#include <algorithm>

namespace voxgrad::ops::cpu {
namespace {

bool exists(Index at, Index size) { return 0 <= at && at < size; }

// A line of a volume; null where the volume has none.
const float* line_of(const Volumes<const float>& from, const Gather& map, Index batch, Index at0,
                     Index at1) {
  if (!exists(at0, map.axis[0].size) || !exists(at1, map.axis[1].size)) return nullptr;
  return from.data + batch * from.batch_stride + at0 * from.stride[0] + at1 * from.stride[1];
}

// Transforms a group's pieces by `kernel`: tiles of `lines` lines, which lie in `from` as the map
// says.
void read_pieces(const WinogradPlan& plan, const Gather& map, const Volumes<const float>& from,
                 Index group, int lines, const Axis0Index::Read& read,
                 void (*kernel)(const TileSource&), TileSource source) {
  source.factor = read.factor;
  source.step = from.stride[2];
  source.size = map.axis[2].size;
  const Range pieces = plan.pieces_of(group);
  for (Index i = pieces.begin; i < pieces.end; ++i) {
    const WinogradTiles::Piece piece = plan.tiles.piece(i);
    for (int line = 0; line < lines; ++line) {
      const auto find = [&](int plane) {
        return plane < 0 ? nullptr
                         : line_of(from, map, piece.batch, map.axis[0].at(piece.plane, plane),
                                   map.axis[1].at(piece.line, line));
      };
      source.first[line] = find(read.first);
      source.second[line] = find(read.second);
    }
    source.begin = map.axis[2].at(piece.column, 0);
    source.tiles = piece.tiles;
    kernel(source);
    source.to += piece.tiles * source.tile_stride;
  }
}

}  // namespace

Index tile_count(const WinogradPlan& plan, Index group) {
  const Range pieces = plan.pieces_of(group);
  Index count = 0;
  for (Index i = pieces.begin; i < pieces.end; ++i) count += plan.tiles.piece(i).tiles;
  return count;
}

void read_inputs(const WinogradPlan& plan, const Volumes<const float>& from, Index group,
                 const Axis0Index& index, float* to) {
  read_pieces(plan, plan.phase.gather, from, group, read_lines(plan.tiles.tile_lines()),
              index.input, plan.kernels().read_input,
              {.channels = plan.gathered,
               .to = to,
               .position_stride = plan.read_stride,
               .tile_stride = plan.gathered_padded});
}

void read_cotangents(const WinogradPlan& plan, const Volumes<const float>& y, Index group,
                     const Axis0Index& index, const BlockShare& share, float* to) {
  Gather map = plan.phase.gather;  // of y itself: tap t of row r is row r + t
  for (GatherAxis& axis : map.axis) {
    axis.offset = 0;
    axis.size = axis.rows;
  }
  read_pieces(plan, map, y.from_channel(share.start), group, plan.tiles.tile_lines(),
              index.cotangent, plan.kernels().read_cotangent,
              {.channels = std::min(share.padded, plan.produced - share.start),
               .to = to,
               .position_stride = plan.share_stride,
               .tile_stride = share.padded});
}

void write_outputs(const WinogradPlan& plan, const float* from, Index group, std::size_t index,
                   const BlockShare& share, const WinogradResult& result) {
  const GatherAxis(&axis)[3] = plan.phase.gather.axis;
  const auto& indices = plan.tiles.indices();
  TileTarget target{.from = from,
                    .position_stride = plan.share_stride,
                    .tile_stride = share.padded,
                    .bias = result.bias == nullptr ? nullptr : result.bias + share.start,
                    .step = plan.produced,
                    .columns = std::min(share.padded, plan.produced - share.start)};
  for (int plane = 0; plane < 2; ++plane) {
    target.planes[plane].factor = indices[index].output[plane];
    target.planes[plane].is_first = index == 0 || indices[index - 1].output[plane] == 0;
  }
  const Range pieces = plan.pieces_of(group);
  for (Index i = pieces.begin; i < pieces.end; ++i) {
    const WinogradTiles::Piece piece = plan.tiles.piece(i);
    for (int plane = 0; plane < 2; ++plane) {
      for (int line = 0; line < plan.tiles.tile_lines(); ++line) {
        const Index at0 = piece.plane + plane, at1 = piece.line + line;
        const Index position =
            ((piece.batch * axis[0].rows + at0) * axis[1].rows + at1) * axis[2].rows + piece.column;
        target.planes[plane].lines[line] =
            exists(at0, axis[0].rows) && exists(at1, axis[1].rows)
                ? result.data + position * plan.produced + share.start
                : nullptr;
      }
    }
    target.size = axis[2].rows - piece.column;
    target.tiles = piece.tiles;
    plan.kernels().write_output(target);
    target.from += piece.tiles * target.tile_stride;
  }
}

}  // namespace voxgrad::ops::cpu
