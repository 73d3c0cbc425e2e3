#include <voxgrad/ops/cpu/conv/tiled.h>

#include <voxgrad/ops/cpu/conv/tiled_plan.h>

namespace voxgrad::ops::cpu {
namespace {

bool supports(const ConvProblem& problem) { return is_floating(problem.dtype); }

ConvWorkspace workspace(const ConvProblem& problem) {
  const auto bytes = [&](Index elements) {
    return static_cast<std::size_t>(elements) * size_of(problem.dtype);
  };
  if (problem.produced == Slot::w) {
    const SumPlan plan(problem);
    return {.shared = bytes(plan.chunks * plan.sums_size),
            .per_tile =
                bytes(plan.tile_rows * (plan.block_taps * plan.x_channels + plan.block_y_channels)),
            .tiles = plan.tasks};
  }
  const ProductPlan plan(problem);
  return {.shared = bytes(plan.packed_size),
          .per_tile = bytes(plan.columns_size + plan.output_size),
          .tiles = plan.tiles};
}

void run(const ConvProblem& problem, const ConvOperands& operands, const ConvEpilogue& epilogue,
         int tiles_in_flight, Tensor& result) {
  visit_floating(problem.dtype, [&]<typename T>() {
    if (problem.produced == Slot::w) tiled_sum<T>(problem, operands, tiles_in_flight, result);
    else tiled_product<T>(problem, operands, epilogue, tiles_in_flight, result);
  });
}

}  // namespace

const ConvAlgorithm kTiled{.name = "tiled",
                           .supports = supports,
                           .suits = [](const ConvProblem&) { return true; },
                           .workspace = workspace,
                           .run = run};

}  // namespace voxgrad::ops::cpu
