// Slots x and y: a few neighbouring rows of one line by a few channels at a time.
#include <algorithm>
#include <vector>

#include <voxgrad/core/parallel.h>
#include <voxgrad/ops/cpu/conv/depthwise.h>
#include <voxgrad/ops/cpu/conv/depthwise_plan.h>
#include <voxgrad/ops/scratch.h>
#include <voxgrad/ops/cpu/conv/weights.h>
#include <voxgrad/ops/cpu/stream.h>

namespace voxgrad::ops::cpu {
namespace {

template <typename T>
struct Call {
  const ConvProblem& problem;
  const DepthwiseProductPlan& plan;
  Volumes<const T> source;
  const T* weights;
  const T* bias;
  T* result;  // dense, channels-last
  bool streams;
};

template <typename T>
void pack_all(const ConvProblem& problem, const DepthwiseProductPlan& plan, const Tensor& w,
              T* packed) {
  const Weights<const T> weights = weights_of<T>(w);
  parallel_for(plan.blocks.count(), [&](Index i) {
    const ChannelBlock& block = plan.blocks[i];
    for (const auto& part : plan.parts) {
      T* to = packed + part.packed + part.phase.gather.taps() * block.first;
      for (Index c = 0; c < block.width; ++c) {
        pack_weights<T>(problem.produced, problem.geometry, part.phase, block.first + c, weights,
                        {.gathered = {0, 1}, .columns = {0, 1}, .row_size = block.width}, to + c);
      }
    }
  });
}

template <typename T>
void run_strip(const Call<T>& call, const DepthwiseProductPlan::Part& part, const Strip& strip) {
  const ConvGeometry& g = call.problem.geometry;
  const PhaseAxis(&axis)[3] = part.phase.axis;
  const auto size = [&](int k) {
    return call.problem.produced == Slot::y ? g.axis[k].out : g.axis[k].in;
  };
  const Index line = (strip.n * size(0) + axis[0].first + strip.i * axis[0].step) * size(1) +
                     axis[1].first + strip.lines.begin * axis[1].step;
  const T* source = call.source.data + strip.source;
  T* out =
      call.result + (line * size(2) + axis[2].first + strip.rows.begin * axis[2].step) * g.groups;
  const auto bytes = [](Index elements) { return static_cast<std::size_t>(elements) * sizeof(T); };
  DepthwiseProduct<T> work{};
  work.taps = strip.taps;
  work.row_stride = strip.row_step;
  work.out_stride = axis[2].step * g.groups;
  for (Index j = strip.lines.begin; j < strip.lines.end; ++j) {
    for (const ChannelBlock& block : call.plan.blocks.of(strip.group)) {
      work.source = source + block.first;
      work.weights = call.weights + part.packed + part.phase.gather.taps() * block.first;
      work.bias = call.bias + block.first;
      work.out = out + block.first;
      work.streams = call.streams && is_whole_lines(work.out, bytes(work.out_stride));
      depthwise_kernels<T>().sets[block.set].product[strip.rows.length() - 1](work);
    }
    source += strip.line_step;
    out += axis[1].step * size(2) * g.groups;
  }
}

}  // namespace

template <typename T>
void depthwise_product(const ConvProblem& problem, const ConvOperands& operands,
                       const ConvEpilogue& epilogue, int tiles_in_flight, Tensor& result) {
  const DepthwiseProductPlan plan(problem);
  Scratch<T> packed(plan.packed_size);
  pack_all<T>(problem, plan, *operands.w, packed.data());
  const std::vector<T> bias =
      epilogue.bias != nullptr ? epilogue.bias->to_vector<T>()
                               : std::vector<T>(static_cast<std::size_t>(problem.geometry.groups));
  const Slot source = problem.produced == Slot::y ? Slot::x : Slot::y;
  const Call<T> call{.problem = problem,
                     .plan = plan,
                     .source = volumes_of<T>(*operands.at(source)),
                     .weights = packed.data(),
                     .bias = bias.data(),
                     .result = result.mutable_data<T>(),
                     .streams = streams_results(result.numel(), sizeof(T))};
  parallel_for(
      plan.tiles,
      [&](Index tile) {
        const auto next =
            std::ranges::upper_bound(plan.parts, tile, {}, &DepthwiseProductPlan::Part::first_tile);
        const DepthwiseProductPlan::Part& part = *std::prev(next);
        const Index begin = (tile - part.first_tile) * part.tile_columns;
        const Range columns{begin, std::min(begin + part.tile_columns, part.columns.columns)};
        TapWalk(part.columns, call.source.batch_stride, call.source.stride)
            .run(columns, [&](const Strip& strip) { run_strip(call, part, strip); });
        if (call.streams) finish_streaming();
      },
      tiles_in_flight);
}

template void depthwise_product<float>(const ConvProblem&, const ConvOperands&, const ConvEpilogue&,
                                       int, Tensor&);
template void depthwise_product<double>(const ConvProblem&, const ConvOperands&,
                                        const ConvEpilogue&, int, Tensor&);

}  // namespace voxgrad::ops::cpu
