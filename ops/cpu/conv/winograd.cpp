#include <voxgrad/ops/cpu/conv/winograd.h>

#include <algorithm>

#include <voxgrad/ops/cpu/conv/winograd_plan.h>

namespace voxgrad::ops::cpu {
namespace {

constexpr std::size_t kMostTileBytes = std::size_t{8} << 20;
// Where the first tile starts is multiplied with the distance of two positions.
constexpr Index kMostPadding = Index{1} << 20;

std::size_t bytes(Index elements) { return static_cast<std::size_t>(elements) * sizeof(float); }

ConvWorkspace workspace(const ConvProblem& problem) {
  const WinogradPlan plan(problem);
  return {.shared = bytes(plan.chunks * plan.positions() * plan.filter_stride),
          .per_tile = bytes(plan.tiles.positions() * (plan.read_stride + plan.share_stride)),
          .tiles = plan.tasks};
}

bool supports(const ConvProblem& problem) {
  const ConvGeometry& g = problem.geometry;
  const auto fits = [](const ConvAxis& axis) {
    return axis.kernel == 3 && axis.stride == 1 && axis.dilation == 1 &&
           axis.padding <= kMostPadding;
  };
  const auto passes = [](const ConvAxis& axis) { return axis.kernel == 1 && axis.stride == 1; };
  if (problem.dtype != DType::float32 || g.groups != 1) return false;
  if (!(fits(g.axis[0]) || passes(g.axis[0])) || !fits(g.axis[1]) || !fits(g.axis[2])) return false;
  if (g.batch * std::max(g.x_channels * g.x_size(), g.y_channels * g.y_size()) > kMostCopied)
    return false;
  return workspace(problem).per_tile <= kMostTileBytes;
}

// Measured on AVX-512. With few channels the transforms cost more than the products that they
// save; where tiles reach far beyond the result, nothing is saved.
bool suits(const ConvProblem& problem) {
  constexpr Index kLeastChannels = 16;
  const ConvGeometry& g = problem.geometry;
  if (std::min(g.x_channels, g.y_channels) < kLeastChannels) return false;
  const WinogradPlan plan(problem);
  const GatherAxis* axis = plan.phase.gather.axis;
  const Index direct = axis[0].rows * axis[1].rows * axis[2].rows * g.taps();
  const Index tiles = plan.tiles.pieces() / g.batch * plan.tiles.most_tiles();
  return direct >= 2 * tiles * plan.positions();
}

void run(const ConvProblem& problem, const ConvOperands& operands, const ConvEpilogue& epilogue,
         int tiles_in_flight, Tensor& result) {
  if (problem.produced == Slot::w) winograd_sum(problem, operands, tiles_in_flight, result);
  else winograd_product(problem, operands, epilogue, tiles_in_flight, result);
}

}  // namespace

double winograd_error_growth(const ConvProblem& problem) {
  const WinogradPlan plan(problem);
  const bool sums = problem.produced == Slot::w;
  const double two = sums ? 3 : 4, four = sums ? 7.2 : 13.3;
  const double along0 = plan.tiles.indices().size() > 1 ? two : 1;
  return along0 * (plan.tiles.tile_lines() == 2 ? two : four) * four;
}

const ConvAlgorithm kWinograd{
    .name = "winograd", .supports = supports, .suits = suits, .workspace = workspace, .run = run};

}  // namespace voxgrad::ops::cpu
