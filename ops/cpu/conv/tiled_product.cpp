// Slots x and y: for each tile of rows, gather columns and multiply them with the packed weights.
#include <algorithm>
#include <vector>

#include <voxgrad/core/parallel.h>
#include <voxgrad/ops/cpu/blas.h>
#include <voxgrad/ops/cpu/conv/gather.h>
#include <voxgrad/ops/cpu/conv/tiled.h>
#include <voxgrad/ops/cpu/conv/tiled_plan.h>
#include <voxgrad/ops/cpu/conv/weights.h>
#include <voxgrad/ops/scratch.h>

namespace voxgrad::ops::cpu {
namespace {

// What all tiles of one call share.
template <typename T>
struct Call {
  const ConvProblem& problem;
  const ProductPlan& plan;
  Volumes<const T> source;
  const T* weights;     // packed
  std::vector<T> bias;  // of the result's channels; zeros where there is none
  bool has_bias;
  T* result;  // dense, channels-last

  Index channels() const { return plan.produced * problem.geometry.groups; }
};

template <typename T>
void pack_all(const ConvProblem& problem, const ProductPlan& plan, const Tensor& w, T* packed) {
  constexpr Index kGrain = Index{1} << 15;
  const Weights<const T> weights = weights_of<T>(w);
  for (const ProductPlan::Part& part : plan.parts) {
    const Index width = part.phase.fold * plan.produced;
    const Index per_channel = part.phase.gather.taps() * width;
    const Index size = per_channel * plan.gathered;
    parallel_ranges(
        problem.geometry.groups * plan.gathered,
        std::max<Index>(1, kGrain / std::max<Index>(1, per_channel)), [&](Index begin, Index end) {
          while (begin < end) {
            const Index group = begin / plan.gathered, first = begin % plan.gathered;
            const Index last = std::min(plan.gathered, first + end - begin);
            pack_weights<T>(problem.produced, problem.geometry, part.phase, group, weights,
                            {.gathered = {first, last}, .columns = {0, width}, .row_size = width},
                            packed + part.packed + group * size);
            begin += last - first;
          }
        });
  }
}

// Rows of a tile, [row][fold][channel], into their places in the result.
template <typename T>
void place_rows(const Call<T>& call, const Phase& phase, Range rows, const T* from) {
  const Index width = phase.fold * call.channels();
  const ConvAxis(&size)[3] = call.problem.geometry.axis;
  const bool to_y = call.problem.produced == Slot::y;
  const auto extent = [&](int i) { return to_y ? size[i].out : size[i].in; };
  const auto& [a, b, c] = phase.gather.axis;
  for (Index row = rows.begin; row < rows.end;) {
    const Index k = row % c.rows, line = row / c.rows;
    const Index j = line % b.rows, plane = line / b.rows;
    const Index i = plane % a.rows, n = plane / a.rows;
    const Index first[3] = {phase.axis[0].first + i * phase.axis[0].step,
                            phase.axis[1].first + j * phase.axis[1].step,
                            phase.axis[2].first + k * phase.axis[2].step};
    T* to =
        call.result + (((n * extent(0) + first[0]) * extent(1) + first[1]) * extent(2) + first[2]) *
                          call.channels();
    const Index count = std::min(c.rows - k, rows.end - row);
    for (Index r = 0; r < count; ++r) {
      std::copy_n(from, width, to);
      from += width;
      to += phase.axis[2].step * call.channels();
    }
    row += count;
  }
}

template <typename T>
void multiply(const Call<T>& call, const ProductPlan::Part& part, Range rows, Index group,
              T* columns, T* output, bool add) {
  const Gather& map = part.phase.gather;
  const Index gathered = call.plan.gathered, width = part.phase.fold * call.plan.produced;
  const Index stride = part.phase.fold * call.channels();
  const T* weights = call.weights + part.packed + group * map.taps() * gathered * width;
  const Volumes<const T> source = call.source.from_channel(group * gathered);
  T* to = output + group * call.plan.produced;
  if (const auto distance = row_distance(map, source, gathered)) {
    gemm<T>(false, false, rows.length(), width, gathered, T{1},
            source.data + rows.begin * *distance, *distance, weights, width, T(add), to, stride);
    return;
  }
  for (Index tap = 0; tap < map.taps(); tap += part.block_taps) {
    const Range taps{tap, std::min(map.taps(), tap + part.block_taps)};
    const Index depth = taps.length() * gathered;
    gather<T>(map, source, gathered, rows, taps, columns);
    gemm<T>(false, false, rows.length(), width, depth, T{1}, columns, depth,
            weights + tap * gathered * width, width, T(add || tap > 0), to, stride);
  }
}

template <typename T>
void run_tile(const Call<T>& call, const ProductPlan::Tile& tile) {
  const Phase& phase = tile.part->phase;
  const Index channels = call.channels(), width = phase.fold * channels;
  Scratch<T> scratch(call.plan.columns_size + call.plan.output_size);
  const bool in_place = phase.is_whole();
  T* output =
      in_place ? call.result + tile.rows.begin * width : scratch.data() + call.plan.columns_size;
  const bool add = call.has_bias || phase.gather.taps() == 0;
  if (add) {
    for (Index i = 0; i < tile.rows.length() * phase.fold; ++i) {
      std::copy_n(call.bias.data(), channels, output + i * channels);
    }
  }
  for (Index group = 0; group < call.problem.geometry.groups; ++group) {
    multiply(call, *tile.part, tile.rows, group, scratch.data(), output, add);
  }
  if (!in_place) place_rows<T>(call, phase, tile.rows, output);
}

}  // namespace

template <typename T>
void tiled_product(const ConvProblem& problem, const ConvOperands& operands,
                   const ConvEpilogue& epilogue, int tiles_in_flight, Tensor& result) {
  const ProductPlan plan(problem);
  Scratch<T> packed(plan.packed_size);
  pack_all<T>(problem, plan, *operands.w, packed.data());
  const Slot source = problem.produced == Slot::y ? Slot::x : Slot::y;
  Call<T> call{.problem = problem,
               .plan = plan,
               .source = volumes_of<T>(*operands.at(source)),
               .weights = packed.data(),
               .bias = std::vector<T>(static_cast<std::size_t>(result.size(1))),
               .has_bias = epilogue.bias != nullptr,
               .result = result.mutable_data<T>()};
  if (call.has_bias) call.bias = epilogue.bias->to_vector<T>();
  parallel_for(
      plan.tiles, [&](Index tile) { run_tile(call, plan.tile(tile)); }, tiles_in_flight);
}

template void tiled_product<float>(const ConvProblem&, const ConvOperands&, const ConvEpilogue&,
                                   int, Tensor&);
template void tiled_product<double>(const ConvProblem&, const ConvOperands&, const ConvEpilogue&,
                                    int, Tensor&);

}  // namespace voxgrad::ops::cpu
