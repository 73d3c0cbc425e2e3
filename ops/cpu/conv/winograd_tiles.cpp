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

// Fills in the lines of one piece; `at(axis, i)` is the position of a tile's i-th plane or line.
template <typename At>
void find_lines(const Volumes<const float>& from, const Gather& map, Index batch, int lines,
                const Axis0Index::Read& read, const At& at, TileSource& source) {
  for (int i = 0; i < lines; ++i) {
    const auto line = [&](int plane) {
      return plane < 0 ? nullptr : line_of(from, map, batch, at(0, plane), at(1, i));
    };
    source.first[i] = line(read.first);
    source.second[i] = line(read.second);
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
  const Gather& map = plan.phase.gather;
  TileSource source{.factor = index.input.factor,
                    .step = from.stride[2],
                    .size = map.axis[2].size,
                    .channels = plan.gathered,
                    .to = to,
                    .position_stride = plan.read_stride,
                    .tile_stride = plan.gathered_padded};
  const Range pieces = plan.pieces_of(group);
  for (Index i = pieces.begin; i < pieces.end; ++i) {
    const WinogradTiles::Piece piece = plan.tiles.piece(i);
    const Index start[2] = {piece.plane, piece.line};
    find_lines(
        from, map, piece.batch, kReadLines, index.input,
        [&](int axis, Index tap) { return map.axis[axis].at(start[axis], tap); }, source);
    source.begin = map.axis[2].at(piece.column, 0);
    source.tiles = piece.tiles;
    winograd_kernels().read_input(source);
    source.to += piece.tiles * source.tile_stride;
  }
}

void read_cotangents(const WinogradPlan& plan, const Volumes<const float>& y, Index group,
                     const Axis0Index& index, const BlockShare& share, float* to) {
  Gather map = plan.phase.gather;
  for (GatherAxis& axis : map.axis) axis.size = axis.rows;
  const Volumes<const float> from = y.from_channel(share.start);
  TileSource source{.factor = index.cotangent.factor,
                    .step = from.stride[2],
                    .size = map.axis[2].size,
                    .channels = std::min(share.padded, plan.produced - share.start),
                    .to = to,
                    .position_stride = plan.share_stride,
                    .tile_stride = share.padded};
  const Range pieces = plan.pieces_of(group);
  for (Index i = pieces.begin; i < pieces.end; ++i) {
    const WinogradTiles::Piece piece = plan.tiles.piece(i);
    const Index start[2] = {piece.plane, piece.line};
    find_lines(
        from, map, piece.batch, kTileLines, index.cotangent,
        [&](int axis, Index row) { return start[axis] + row; }, source);
    source.begin = piece.column;
    source.tiles = piece.tiles;
    winograd_kernels().read_cotangent(source);
    source.to += piece.tiles * source.tile_stride;
  }
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
      for (int line = 0; line < kTileLines; ++line) {
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
    winograd_kernels().write_output(target);
    target.from += piece.tiles * target.tile_stride;
  }
}

}  // namespace voxgrad::ops::cpu
