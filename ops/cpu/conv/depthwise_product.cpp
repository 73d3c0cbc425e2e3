// Slots x and y: a few neighbouring rows of one line by a few channels at a time.
#include <algorithm>
#include <vector>

#include <voxgrad/core/parallel.h>
#include <voxgrad/ops/cpu/conv/depthwise.h>
#include <voxgrad/ops/cpu/conv/depthwise_plan.h>
#include <voxgrad/ops/cpu/conv/pieces.h>
#include <voxgrad/ops/cpu/conv/weights.h>
#include <voxgrad/ops/cpu/stream.h>
#include <voxgrad/ops/scratch.h>

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
  bool fetches;
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

using Part = DepthwiseProductPlan::Part;

// What is read so much later arrives in time, and is not gone by then.
constexpr Index kLinesAhead = 8;

// Where a line of a strip begins.
template <typename T>
struct Line {
  const T* source;
  const T* ahead;  // or none
  T* out;
};

// `work` has what is the same for the whole strip; the rest is set here, field by field: a copy
// would have to wait for fields written just before.
template <typename T>
void run_line(const Call<T>& call, const Part& part, const Strip& strip, const Line<T>& line,
              DepthwiseProduct<T>& work) {
  const DepthwiseTable<T>& table = depthwise_kernels<T>();
  const Pieces pieces(strip.rows.length(), table.rows);
  const std::size_t stride = sizeof(T) * static_cast<std::size_t>(work.out_stride);
  for (Index i = 0; i < pieces.count; ++i) {
    const Range rows = pieces.piece(i);
    const Index missing = std::max<Index>(strip.taps.missing_first - rows.begin, 0);
    work.taps.missing_first = static_cast<int>(missing);
    work.taps.missing_last =
        static_cast<int>(std::max<Index>(strip.taps.missing_last - (pieces.rows - rows.end), 0));
    const Index skipped = rows.begin + missing - strip.taps.missing_first;
    for (const ChannelBlock& block : call.plan.blocks.of(strip.group)) {
      work.source = line.source + skipped * work.row_stride + block.first;
      work.ahead = line.ahead ? line.ahead + rows.begin * work.row_stride + block.first : nullptr;
      work.weights = call.weights + part.packed + part.phase.gather.taps() * block.first;
      work.bias = call.bias + block.first;
      work.out = line.out + rows.begin * work.out_stride + block.first;
      work.streams = call.streams && is_whole_lines(work.out, stride);
      table.sets[block.set].product[run_kind(work.taps.run_taps)][rows.length() - 1](work);
    }
  }
}

template <typename T>
void run_strip(const Call<T>& call, const Part& part, const TapWalk& walk, const Strip& strip) {
  const ConvGeometry& g = call.problem.geometry;
  const PhaseAxis(&axis)[3] = part.phase.axis;
  const auto size = [&](int k) {
    return call.problem.produced == Slot::y ? g.axis[k].out : g.axis[k].in;
  };
  DepthwiseProduct<T> work{};
  work.taps = strip.taps;
  work.row_stride = strip.row_step;
  work.out_stride = axis[2].step * g.groups;
  const T* source = call.source.data + strip.source;
  const Index out_line = (strip.n * size(0) + axis[0].first + strip.i * axis[0].step) * size(1) +
                         axis[1].first + strip.lines.begin * axis[1].step;
  T* out = call.result +
           (out_line * size(2) + axis[2].first + strip.rows.begin * axis[2].step) * g.groups;
  for (Index j = strip.lines.begin; j < strip.lines.end; ++j) {
    const T* ahead = call.fetches ? call.source.data + walk.ahead(j + kLinesAhead) : nullptr;
    run_line(call, part, strip, {source, ahead, out}, work);
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
                     .streams = streams_results(result.numel(), sizeof(T)),
                     .fetches = streams_results(operands.at(source)->numel(), sizeof(T))};
  parallel_for(
      plan.tiles,
      [&](Index tile) {
        const auto next =
            std::ranges::upper_bound(plan.parts, tile, {}, &DepthwiseProductPlan::Part::first_tile);
        const DepthwiseProductPlan::Part& part = *std::prev(next);
        const Index begin = (tile - part.first_tile) * part.tile_columns;
        const Range columns{begin, std::min(begin + part.tile_columns, part.columns.columns)};
        TapWalk walk(part.columns, call.source.batch_stride, call.source.stride);
        walk.run(columns, [&](const Strip& strip) { run_strip(call, part, walk, strip); });
        if (call.streams) finish_streaming();
      },
      tiles_in_flight);
}

template void depthwise_product<float>(const ConvProblem&, const ConvOperands&, const ConvEpilogue&,
                                       int, Tensor&);
template void depthwise_product<double>(const ConvProblem&, const ConvOperands&,
                                        const ConvEpilogue&, int, Tensor&);

}  // namespace voxgrad::ops::cpu
