#include <algorithm>
#include <iterator>
#include <optional>

#include <voxgrad/core/parallel.h>
#include <voxgrad/ops/cpu/conv/winograd_transforms.h>
#include <voxgrad/ops/cpu/stream.h>

namespace voxgrad::ops::cpu {
namespace {

constexpr Index kMostLanes = 16, kMostTaps = 27, kChannelsPerTask = 32;
constexpr Index kStreamed = Index{1} << 20;  // elements of filters that no core's cache holds

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

/// Whether the taps lie side by side, and from last to first.
std::optional<bool> one_run(const std::vector<Index>& offsets) {
  const Index last = std::ssize(offsets) - 1;
  bool forward = true, backward = true;
  for (Index i = 0; i <= last; ++i) {
    forward = forward && offsets[static_cast<std::size_t>(i)] == i;
    backward = backward && offsets[static_cast<std::size_t>(i)] == last - i;
  }
  return forward || backward ? std::optional(backward && !forward) : std::nullopt;
}

/// taps[tap][lane] of any weights.
void copy_taps(const float* from, Index stride, Index lanes, const std::vector<Index>& offsets,
               Index width, float* taps) {
  for (Index lane = 0; lane < lanes; ++lane) {
    float* tap = taps + lane;
    for (const Index offset : offsets) {
      *tap = from[lane * stride + offset];
      tap += width;
    }
  }
}

}  // namespace

void transform_filters(Slot produced, const WinogradPlan& plan, const Tensor& w, float* to) {
  const Weights<const float> weights = weights_of<float>(w);
  const bool to_y = produced == Slot::y;
  const Index column_stride = to_y ? weights.y_stride : weights.x_stride;
  const Index channel_stride = to_y ? weights.x_stride : weights.y_stride;
  const std::vector<Index> offsets = tap_offsets(plan.phase, weights);
  const std::optional<bool> run = one_run(offsets);
  const bool streams = plan.positions() * plan.filter_stride >= kStreamed;
  const WinogradKernels& kernels = winograd_kernels();
  for_each_vector(plan, [&](const ColumnBlock& block, Index column, Range channels) {
    alignas(64) float taps[kMostTaps * kMostLanes] = {};
    const Index lanes = std::min<Index>(kernels.lanes, plan.produced - column);
    const bool squares = run && lanes == kernels.lanes && std::ssize(offsets) >= lanes;
    for (Index c = channels.begin; c < channels.end; ++c) {
      const float* from = weights.data + column * column_stride + c * channel_stride;
      if (squares) {
        kernels.gather_taps({.first = const_cast<float*>(from),
                             .stride = column_stride,
                             .taps = static_cast<int>(offsets.size()),
                             .reversed = *run},
                            taps);
      } else {
        copy_taps(from, column_stride, lanes, offsets, kernels.lanes, taps);
      }
      plan.kernels().transform_filter(
          {.taps = taps,
           .positions = to + place(plan, block, column, c),
           .position_stride = plan.filter_stride,
           .axis0_taps = static_cast<int>(plan.phase.gather.axis[0].taps),
           .streams = streams});
    }
    if (streams) finish_streaming();
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
      plan.kernels().transform_filter_back(
          {.taps = taps,
           .positions = sums + place(plan, block, column, c),
           .position_stride = plan.filter_stride,
           .axis0_taps = static_cast<int>(plan.phase.gather.axis[0].taps)});
      float* to = result + (column * plan.gathered + c) * taps_count;
      const Index stride = plan.gathered * taps_count;
      if (lanes == kernels.lanes && taps_count >= lanes) {
        kernels.scatter_taps({.first = to,
                              .stride = stride,
                              .taps = static_cast<int>(taps_count),
                              .reversed = false},
                             taps);
        continue;
      }
      for (Index lane = 0; lane < lanes; ++lane) {
        for (Index tap = 0; tap < taps_count; ++tap)
          to[lane * stride + tap] = taps[tap * kernels.lanes + lane];
      }
    }
  });
}

}  // namespace voxgrad::ops::cpu
