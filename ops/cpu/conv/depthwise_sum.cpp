// Slot w: for each line of y, sums over its rows of x at a few taps times y.
#include <algorithm>

#include <voxgrad/core/parallel.h>
#include <voxgrad/ops/cpu/conv/chunks.h>
#include <voxgrad/ops/cpu/conv/depthwise.h>
#include <voxgrad/ops/cpu/conv/depthwise_plan.h>
#include <voxgrad/ops/scratch.h>

namespace voxgrad::ops::cpu {
namespace {

template <typename T>
struct Call {
  const DepthwiseSumPlan& plan;
  Volumes<const T> x, y;
};

template <typename T>
void add_strip(const Call<T>& call, const Strip& strip, T* sums) {
  const Index taps = call.plan.columns.gather.taps();
  const Index(&y_stride)[3] = call.y.stride;
  const T* x = call.x.data + strip.source;
  const T* y = call.y.data + strip.n * call.y.batch_stride + strip.i * y_stride[0] +
               strip.lines.begin * y_stride[1] + strip.rows.begin * y_stride[2];
  DepthwiseSum<T> work{};
  work.taps = strip.taps;
  work.row_stride = strip.row_step;
  work.y_stride = y_stride[2];
  for (Index j = strip.lines.begin; j < strip.lines.end; ++j) {
    for (const ChannelBlock& block : call.plan.blocks.of(strip.group)) {
      work.x = x + block.first;
      work.y = y + block.first;
      work.sums = sums + taps * block.first;
      depthwise_kernels<T>().sets[block.set].sum[run_kind(strip.taps.run_taps)]
                                                [strip.rows.length() - 1](work);
    }
    x += strip.line_step;
    y += y_stride[1];
  }
}

// w[channel][tap].
template <typename T>
void unpack(const ChannelBlock& block, Index taps, const T* sums, T* w) {
  for (Index c = 0; c < block.width; ++c) {
    for (Index tap = 0; tap < taps; ++tap) {
      w[(block.first + c) * taps + tap] = sums[tap * block.width + c];
    }
  }
}

}  // namespace

template <typename T>
void depthwise_sum(const ConvProblem& problem, const ConvOperands& operands, int tiles_in_flight,
                   Tensor& result) {
  const DepthwiseSumPlan plan(problem);
  Scratch<T> sums(plan.chunks * plan.sums_size);
  const Call<T> call{
      .plan = plan, .x = volumes_of<T>(*operands.x), .y = volumes_of<T>(*operands.y)};
  parallel_for(
      plan.chunks,
      [&](Index chunk) {
        T* to = sums.data() + chunk * plan.sums_size;
        std::fill_n(to, plan.sums_size, T{0});
        const Index begin = chunk * plan.chunk_columns;
        const Range columns{begin, std::min(begin + plan.chunk_columns, plan.columns.columns)};
        TapWalk(plan.columns, call.x.batch_stride, call.x.stride)
            .run(columns, [&](const Strip& strip) { add_strip(call, strip, to); });
      },
      tiles_in_flight);
  T* w = result.mutable_data<T>();
  const Index taps = plan.columns.gather.taps();
  parallel_for(plan.blocks.count(), [&](Index i) {
    const ChannelBlock& block = plan.blocks[i];
    const Index begin = taps * block.first;
    add_chunks<T>(plan.chunks, plan.sums_size, begin, begin + taps * block.width, sums.data());
    unpack<T>(block, taps, sums.data() + begin, w);
  });
}

template void depthwise_sum<float>(const ConvProblem&, const ConvOperands&, int, Tensor&);
template void depthwise_sum<double>(const ConvProblem&, const ConvOperands&, int, Tensor&);

}  // namespace voxgrad::ops::cpu
