// Slot w: each task sums y^T * columns for one block of outputs over one chunk of rows; chunks are
// added in a fixed tree.
#include <algorithm>

#include <voxgrad/core/parallel.h>
#include <voxgrad/ops/cpu/blas.h>
#include <voxgrad/ops/cpu/conv/chunks.h>
#include <voxgrad/ops/cpu/conv/gather.h>
#include <voxgrad/ops/cpu/conv/tiled.h>
#include <voxgrad/ops/cpu/conv/tiled_plan.h>
#include <voxgrad/ops/cpu/conv/weights.h>
#include <voxgrad/ops/scratch.h>

namespace voxgrad::ops::cpu {
namespace {

template <typename T>
struct Matrix {
  const T* data;
  Index row_stride;
};

// Rows of a gather's columns: where they lie, or gathered into `memory`.
template <typename T>
Matrix<T> rows_of(const Gather& map, const Volumes<const T>& source, Index channels, Range rows,
                  Range taps, T* memory) {
  if (const auto distance = row_distance(map, source, channels)) {
    return {source.data + rows.begin * *distance, *distance};
  }
  gather<T>(map, source, channels, rows, taps, memory);
  return {memory, taps.length() * channels};
}

template <typename T>
struct Call {
  const SumPlan& plan;
  Gather y_map;
  Volumes<const T> x, y;
  T* sums;  // [chunk][y channel][tap][x channel]
};

template <typename T>
void run_task(const Call<T>& call, const SumPlan::Task& task) {
  const SumPlan& plan = call.plan;
  const Index width = task.taps.length() * plan.x_channels, count = task.y_channels.length();
  const Index first = task.group * plan.y_channels + task.y_channels.begin;
  const Index row_size = plan.phase.gather.taps() * plan.x_channels;
  T* sums = call.sums + task.chunk * plan.sums_size + first * row_size +
            task.taps.begin * plan.x_channels;
  const Volumes<const T> x = call.x.from_channel(task.group * plan.x_channels);
  const Volumes<const T> y = call.y.from_channel(first);
  Scratch<T> memory(plan.tile_rows * (plan.block_taps * plan.x_channels + plan.block_y_channels));
  T* y_memory = memory.data() + plan.tile_rows * plan.block_taps * plan.x_channels;
  for (Index row = task.rows.begin; row < task.rows.end; row += plan.tile_rows) {
    const Range rows{row, std::min(task.rows.end, row + plan.tile_rows)};
    const Matrix<T> columns =
        rows_of<T>(plan.phase.gather, x, plan.x_channels, rows, task.taps, memory.data());
    const Matrix<T> out = rows_of<T>(call.y_map, y, count, rows, {0, 1}, y_memory);
    gemm<T>(true, false, count, width, rows.length(), T{1}, out.data, out.row_stride, columns.data,
            columns.row_stride, T(row > task.rows.begin), sums, row_size);
  }
}

}  // namespace

template <typename T>
void tiled_sum(const ConvProblem& problem, const ConvOperands& operands, int tiles_in_flight,
               Tensor& result) {
  constexpr Index kGrain = Index{1} << 15;
  const SumPlan plan(problem);
  Scratch<T> sums(plan.chunks * plan.sums_size);
  const Call<T> call{.plan = plan,
                     .y_map = y_rows(problem.geometry),
                     .x = volumes_of<T>(*operands.x),
                     .y = volumes_of<T>(*operands.y),
                     .sums = sums.data()};
  parallel_for(
      plan.tasks, [&](Index number) { run_task(call, plan.task(number)); }, tiles_in_flight);
  T* w = result.mutable_data<T>();
  const Index row_size = plan.phase.gather.taps() * plan.x_channels;
  parallel_ranges(problem.geometry.y_channels, std::max<Index>(1, kGrain / row_size),
                  [&](Index begin, Index end) {
                    add_chunks<T>(plan.chunks, plan.sums_size, begin * row_size, end * row_size,
                                  sums.data());
                    unpack_weights<T>(problem.geometry, {begin, end}, sums.data(), w);
                  });
}

template void tiled_sum<float>(const ConvProblem&, const ConvOperands&, int, Tensor&);
template void tiled_sum<double>(const ConvProblem&, const ConvOperands&, int, Tensor&);

}  // namespace voxgrad::ops::cpu
