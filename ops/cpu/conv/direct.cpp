#include <voxgrad/ops/cpu/conv/direct.h>

#include <voxgrad/ops/cpu/conv/direct_plan.h>

namespace voxgrad::ops::cpu {
namespace {

constexpr std::size_t kMostTileBytes = std::size_t{1} << 20;

std::size_t bytes(const ConvProblem& problem, Index elements) {
  return static_cast<std::size_t>(elements) * size_of(problem.dtype);
}

ConvWorkspace workspace(const ConvProblem& problem) {
  if (problem.produced == Slot::w) {
    const DirectSumPlan plan(problem);
    return {.shared = bytes(problem, plan.chunks * plan.sums_size),
            .per_tile = bytes(problem, plan.x_line_size + plan.y_line_size),
            .tiles = plan.tasks};
  }
  const DirectProductPlan plan(problem);
  return {.shared = bytes(problem, plan.packed_size),
          .per_tile = bytes(problem, plan.edge_size),
          .tiles = plan.tiles};
}

bool supports(const ConvProblem& problem) {
  return is_floating(problem.dtype) && workspace(problem).per_tile <= kMostTileBytes;
}

void run(const ConvProblem& problem, const ConvOperands& operands, const ConvEpilogue& epilogue,
         int tiles_in_flight, Tensor& result) {
  visit_floating(problem.dtype, [&]<typename T>() {
    if (problem.produced == Slot::w) direct_sum<T>(problem, operands, tiles_in_flight, result);
    else direct_product<T>(problem, operands, epilogue, tiles_in_flight, result);
  });
}

}  // namespace

const ConvAlgorithm kDirect{
    .name = "direct", .supports = supports, .workspace = workspace, .run = run};

}  // namespace voxgrad::ops::cpu
