#include <algorithm>

#include <voxgrad/core/parallel.h>
#include <voxgrad/ops/cpu/conv/winograd_transforms.h>

namespace voxgrad::ops::cpu {
namespace {

constexpr Index kMostLanes = 16, kMostTaps = 27, kChannelsPerTask = 32;

// Calls body(block, column, channels) for each vector of columns, some gathered channels at a time.
template <typename Body>
void for_each_vector(const WinogradPlan& plan, const Body& body) {
  const Index lanes = winograd_kernels().lanes;
  const Index vectors = padded_columns(plan.blocks) / lanes;
  const Index parts = (plan.gathered + kChannelsPerTask - 1) / kChannelsPerTask;
  parallel_for(vectors * parts, [&](Index task) {
    const Index column = task / parts * lanes, first = task % parts * kChannelsPerTask;
    const auto block = std::prev(
        std::ranges::upper_bound(plan.blocks, column, {}, [](const auto& b) { return b.start; }));
    body(*block, column, Range{first, std::min(first + kChannelsPerTask, plan.gathered)});
  });
}

Index place(const WinogradPlan& plan, const ColumnBlock& block, Index column, Index channel) {
  return plan.gathered * block.start + channel * block.padded + column - block.start;
}

}  // namespace

void transform_filters(Slot produced, const WinogradPlan& plan, const Tensor& w, float* to) {
  const Weights<const float> weights = weights_of<float>(w);
  const bool to_y = produced == Slot::y;
  const Index column_stride = to_y ? weights.y_stride : weights.x_stride;
  const Index channel_stride = to_y ? weights.x_stride : weights.y_stride;
  const std::vector<Index> offsets = tap_offsets(plan.phase, weights);
  const WinogradKernels& kernels = winograd_kernels();
  for_each_vector(plan, [&](const ColumnBlock& block, Index column, Range channels) {
    alignas(64) float taps[kMostTaps * kMostLanes] = {};
    const Index lanes = std::min<Index>(kernels.lanes, plan.produced - column);
    for (Index c = channels.begin; c < channels.end; ++c) {
      for (Index lane = 0; lane < lanes; ++lane) {
        const float* from = weights.data + (column + lane) * column_stride + c * channel_stride;
        float* tap = taps + lane;
        for (const Index offset : offsets) {
          *tap = from[offset];
          tap += kernels.lanes;
        }
      }
      kernels.transform_filter({.taps = taps,
                                .positions = to + place(plan, block, column, c),
                                .position_stride = plan.filter_stride,
                                .axis0_taps = static_cast<int>(plan.phase.gather.axis[0].taps)});
    }
  });
}

void transform_filters_back(const WinogradPlan& plan, float* sums, Tensor& w) {
  const Index taps_count = plan.phase.gather.taps();
  float* result = w.mutable_data<float>();
  const WinogradKernels& kernels = winograd_kernels();
  for_each_vector(plan, [&](const ColumnBlock& block, Index column, Range channels) {
    alignas(64) float taps[kMostTaps * kMostLanes];
    const Index lanes = std::min<Index>(kernels.lanes, plan.produced - column);
    for (Index c = channels.begin; c < channels.end; ++c) {
      kernels.transform_filter_back(
          {.taps = taps,
           .positions = sums + place(plan, block, column, c),
           .position_stride = plan.filter_stride,
           .axis0_taps = static_cast<int>(plan.phase.gather.axis[0].taps)});
      for (Index lane = 0; lane < lanes; ++lane) {
        float* to = result + ((column + lane) * plan.gathered + c) * taps_count;
        for (Index tap = 0; tap < taps_count; ++tap) to[tap] = taps[tap * kernels.lanes + lane];
      }
    }
  });
}

}  // namespace voxgrad::ops::cpu
