#include <voxgrad/ops/cpu/conv/depthwise.h>

#include <algorithm>

#include <voxgrad/ops/cpu/conv/depthwise_plan.h>

namespace voxgrad::ops::cpu {
namespace {

constexpr std::size_t kMostTileBytes = std::size_t{1} << 20;

std::size_t bytes(const ConvProblem& problem, Index elements) {
  return static_cast<std::size_t>(elements) * size_of(problem.dtype);
}

std::size_t list_bytes(Index taps) { return static_cast<std::size_t>(taps) * sizeof(DepthwiseTap); }

ConvWorkspace workspace(const ConvProblem& problem) {
  if (problem.produced == Slot::w) {
    const DepthwiseSumPlan plan(problem);
    return {.shared = bytes(problem, plan.chunks * plan.sums_size),
            .per_tile = list_bytes(plan.columns.list_size()),
            .tiles = plan.chunks};
  }
  const DepthwiseProductPlan plan(problem);
  return {.shared = bytes(problem, plan.packed_size),
          .per_tile = list_bytes(plan.list_size),
          .tiles = plan.tiles};
}

bool supports(const ConvProblem& problem) {
  const ConvGeometry& g = problem.geometry;
  if (g.groups == 1 || g.x_channels != g.groups || g.y_channels != g.groups) return false;
  const Index x = problem.produced == Slot::x ? 0 : g.batch * g.x_channels * g.x_size();
  const Index y = problem.produced == Slot::y ? 0 : g.batch * g.y_channels * g.y_size();
  if (std::max(x, y) > kMostCopied) return false;  // operands above this come as they lie
  return is_floating(problem.dtype) && workspace(problem).per_tile <= kMostTileBytes;
}

void run(const ConvProblem& problem, const ConvOperands& operands, const ConvEpilogue& epilogue,
         int tiles_in_flight, Tensor& result) {
  visit_floating(problem.dtype, [&]<typename T>() {
    if (problem.produced == Slot::w) depthwise_sum<T>(problem, operands, tiles_in_flight, result);
    else depthwise_product<T>(problem, operands, epilogue, tiles_in_flight, result);
  });
}

}  // namespace

const ConvAlgorithm kDepthwise{.name = "depthwise",
                               .supports = supports,
                               .suits = [](const ConvProblem&) { return true; },
                               .workspace = workspace,
                               .run = run};

}  // namespace voxgrad::ops::cpu
