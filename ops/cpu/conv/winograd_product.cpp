// Slots x and y: for a group of tiles and one index along axis 0 after another, transform the
// tiles, multiply them by the filters position by position, add the transformed products to the
// result.
#include <algorithm>
#include <vector>

#include <voxgrad/core/parallel.h>
#include <voxgrad/ops/cpu/conv/winograd.h>
#include <voxgrad/ops/cpu/conv/winograd_transforms.h>
#include <voxgrad/ops/scratch.h>

namespace voxgrad::ops::cpu {
namespace {

struct Call {
  const WinogradPlan& plan;
  Volumes<const float> source;
  const float* filters;
  WinogradResult result;
};

// products[tile][column] = sum over channels of tiles[tile][channel] * filters[channel][column], at
// one position.
void multiply(const WinogradPlan& plan, const BlockShare& share, Index tile_count,
              const float* tiles, const float* filters, float* products) {
  const KernelTable<float>& table = direct_kernels<float>();
  const Pieces pieces(tile_count, table.rows);
  for (Index b = share.blocks.begin; b < share.blocks.end; ++b) {
    const ColumnBlock& block = plan.blocks[static_cast<std::size_t>(b)];
    for (Index i = 0; i < pieces.count; ++i) {
      const Range rows = pieces.piece(i);
      const MatrixBlock<float> work{
          .rows = tiles + rows.begin * plan.gathered_padded,
          .row_stride = plan.gathered_padded,
          .weights = filters + plan.gathered * block.start,
          .channels = plan.gathered,
          .out = products + rows.begin * share.padded + block.start - share.start,
          .out_stride = share.padded};
      table.sets[block.set].matrix_product[rows.length() - 1](work);
    }
  }
}

void run_task(const Call& call, Index task) {
  const WinogradPlan& plan = call.plan;
  const BlockShare& share = plan.shares[static_cast<std::size_t>(task / plan.groups)];
  const Index group = task % plan.groups, tiles = tile_count(plan, group);
  Scratch<float> memory(plan.tiles.positions() * (plan.read_stride + plan.share_stride));
  float* read = memory.data();
  float* products = read + plan.tiles.positions() * plan.read_stride;
  const float* filters = call.filters;
  for (std::size_t index = 0; index < plan.tiles.indices().size(); ++index) {
    read_inputs(plan, call.source, group, plan.tiles.indices()[index], read);
    for (Index position = 0; position < plan.tiles.positions();
         ++position, filters += plan.filter_stride) {
      multiply(plan, share, tiles, read + position * plan.read_stride, filters,
               products + position * plan.share_stride);
    }
    write_outputs(plan, products, group, index, share, call.result);
  }
}

}  // namespace

void winograd_product(const ConvProblem& problem, const ConvOperands& operands,
                      const ConvEpilogue& epilogue, int tiles_in_flight, Tensor& result) {
  const WinogradPlan plan(problem);
  Scratch<float> filters(plan.positions() * plan.filter_stride);
  transform_filters(problem.produced, plan, *operands.w, filters.data());
  std::vector<float> bias;
  if (epilogue.bias != nullptr) bias = epilogue.bias->to_vector<float>();
  const Slot source = problem.produced == Slot::y ? Slot::x : Slot::y;
  const Call call{.plan = plan,
                  .source = volumes_of<float>(*operands.at(source)),
                  .filters = filters.data(),
                  .result = {result.mutable_data<float>(), bias.empty() ? nullptr : bias.data()}};
  parallel_for(
      plan.tasks, [&](Index task) { run_task(call, task); }, tiles_in_flight);
}

}  // namespace voxgrad::ops::cpu
