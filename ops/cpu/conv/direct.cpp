#include <voxgrad/ops/cpu/conv/direct.h>

#include <voxgrad/core/cpu_features.h>
#include <voxgrad/ops/cpu/conv/direct_plan.h>
#include <voxgrad/ops/cpu/stream.h>

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
  return {.shared = bytes(problem, plan.packed_size), .tiles = plan.tiles};
}

bool supports(const ConvProblem& problem) {
  const ConvGeometry& g = problem.geometry;
  const Index x = problem.produced == Slot::x ? 0 : g.batch * g.x_channels * g.x_size();
  const Index y = problem.produced == Slot::y ? 0 : g.batch * g.y_channels * g.y_size();
  if (std::max(x, y) > kMostCopied) return false;  // operands above this come as they lie
  return is_floating(problem.dtype) && workspace(problem).per_tile <= kMostTileBytes;
}

// Rows of few products: what counts is to store them past the caches.
bool streams_few(const ConvProblem& problem, Index gathered) {
  const ConvGeometry& g = problem.geometry;
  const Index elements = g.batch * (problem.produced == Slot::y ? g.y_channels * g.y_size()
                                                                : g.x_channels * g.x_size());
  return gathered < 8 && instruction_set() == InstructionSet::avx512 &&
         streams_results(elements, size_of(problem.dtype));
}

// Measured on AVX-512 in float32. Where x or y already are the columns, GEMM has nothing to gather,
// yet took 1.2 to 2 times as long for 8 to 64 columns of some depth, and up to 4 times as long for
// large results of little; where all sums of slot w leave the cache between two lines, it goes over
// them less often; one or two columns leave most of a vector empty.
bool suits(const ConvProblem& problem) {
  constexpr std::size_t kMostSumBytes = std::size_t{1} << 20;
  const ConvGeometry& g = problem.geometry;
  const bool to_y = problem.produced == Slot::y;
  const Index columns = to_y ? g.y_group_channels() : g.x_group_channels();
  if (g.groups == 1 && g.taps() == 1) {
    const Index gathered = to_y ? g.x_channels : g.y_channels;
    if (problem.produced == Slot::w || columns < 8) return false;
    return streams_few(problem, gathered) || (columns <= 64 && (to_y || gathered >= 8));
  }
  if (problem.produced == Slot::w) {
    return bytes(problem, DirectSumPlan(problem).sums_size) <= kMostSumBytes;
  }
  return g.groups > 1 || columns > 2;
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
    .name = "direct", .supports = supports, .suits = suits, .workspace = workspace, .run = run};

}  // namespace voxgrad::ops::cpu
