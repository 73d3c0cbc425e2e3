// Slot w: for one index along axis 0, transform tiles of x and of y, and sum their products over
// the tiles of a chunk, position by position.
#include <voxgrad/core/parallel.h>
#include <voxgrad/ops/cpu/conv/chunks.h>
#include <voxgrad/ops/cpu/conv/winograd.h>
#include <voxgrad/ops/cpu/conv/winograd_transforms.h>
#include <voxgrad/ops/scratch.h>

namespace voxgrad::ops::cpu {
namespace {

struct Call {
  const WinogradPlan& plan;
  Volumes<const float> x, y;
  float* sums;  // [chunk][index][position][block][x channel][column]
};

// sums[channel][column] += sum over tiles of x[tile][channel] * y[tile][column], at one position;
// the first sums set them.
void add_products(const WinogradPlan& plan, const BlockShare& share, Index tile_count, bool first,
                  const float* x, const float* y, float* sums) {
  const KernelTable<float>& table = direct_kernels<float>();
  const Pieces pieces(plan.gathered, table.rows);
  for (Index b = share.blocks.begin; b < share.blocks.end; ++b) {
    const ColumnBlock& block = plan.blocks[static_cast<std::size_t>(b)];
    for (Index i = 0; i < pieces.count; ++i) {
      const Range channels = pieces.piece(i);
      const SumBlock<float> work{
          .x = x + channels.begin,
          .x_stride = plan.gathered_padded,
          .y = y + block.start - share.start,
          .y_stride = share.padded,
          .rows = tile_count,
          .sums = sums + plan.gathered * block.start + channels.begin * block.padded,
          .fresh = first};
      table.sets[block.set].sum[channels.length() - 1](work);
    }
  }
}

void run_task(const Call& call, Index task) {
  const WinogradPlan& plan = call.plan;
  const Index index_count = static_cast<Index>(plan.tiles.indices().size());
  const Index index = task % index_count, chunk = task / index_count % plan.chunks;
  const BlockShare& share = plan.shares[static_cast<std::size_t>(task / index_count / plan.chunks)];
  const Axis0Index& at = plan.tiles.indices()[static_cast<std::size_t>(index)];
  Scratch<float> memory(plan.tiles.positions() * (plan.read_stride + plan.share_stride));
  float* x = memory.data();
  float* y = x + plan.tiles.positions() * plan.read_stride;
  float* sums =
      call.sums + (chunk * index_count + index) * plan.tiles.positions() * plan.filter_stride;
  const Range groups{chunk * plan.groups / plan.chunks, (chunk + 1) * plan.groups / plan.chunks};
  for (Index group = groups.begin; group < groups.end; ++group) {
    read_inputs(plan, call.x, group, at, x);
    read_cotangents(plan, call.y, group, at, share, y);
    const Index tiles = tile_count(plan, group);
    for (Index position = 0; position < plan.tiles.positions(); ++position) {
      add_products(plan, share, tiles, group == groups.begin, x + position * plan.read_stride,
                   y + position * plan.share_stride, sums + position * plan.filter_stride);
    }
  }
}

}  // namespace

void winograd_sum(const ConvProblem& problem, const ConvOperands& operands, int tiles_in_flight,
                  Tensor& result) {
  const WinogradPlan plan(problem);
  const Index chunk_size = plan.positions() * plan.filter_stride;
  Scratch<float> sums(plan.chunks * chunk_size);
  const Call call{.plan = plan,
                  .x = volumes_of<float>(*operands.x),
                  .y = volumes_of<float>(*operands.y),
                  .sums = sums.data()};
  parallel_for(
      plan.tasks, [&](Index task) { run_task(call, task); }, tiles_in_flight);
  parallel_for(plan.positions(), [&](Index position) {
    const Index begin = position * plan.filter_stride;
    const Index end = begin + plan.gathered * padded_columns(plan.blocks);
    add_chunks<float>(plan.chunks, chunk_size, begin, end, sums.data());
  });
  transform_filters_back(plan, sums.data(), result);
}

}  // namespace voxgrad::ops::cpu
