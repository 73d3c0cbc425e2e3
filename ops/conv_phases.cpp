#include <voxgrad/ops/conv_phases.h>

#include <algorithm>
#include <numeric>

namespace voxgrad::ops {
namespace {

struct AxisPhase {
  GatherAxis gather;
  PhaseAxis phase;
  Index fold = 1;
};

// A step that is never taken may be as large as 2^61; 1 cannot overflow what it is multiplied with.
Index step_of(Index count, Index step) { return count > 1 ? step : 1; }

AxisPhase y_axis(const ConvAxis& axis) {
  return {.gather = {.rows = axis.out,
                     .row_step = step_of(axis.out, axis.stride),
                     .taps = axis.kernel,
                     .tap_step = step_of(axis.kernel, axis.dilation),
                     .offset = -axis.padding,
                     .size = axis.in},
          .phase = {.first = 0, .step = 1, .kernel_first = 0, .kernel_step = 1}};
}

// Positions first, first + stride, ... of x. Taps are numbered from the last of the kernel to its
// first, so that they read y in ascending order and neighbours merge into one run.
AxisPhase x_axis(const ConvAxis& axis, Index first) {
  const Index common = std::gcd(axis.stride, axis.dilation);
  const Index kernel_step = axis.stride / common;  // of taps that reach the same phase
  const Index phase = first + axis.padding;
  AxisPhase result{
      .gather = {.rows = (axis.in - first + axis.stride - 1) / axis.stride,
                 .taps = 0,
                 .size = axis.out},
      .phase = {
          .first = first, .step = std::min(axis.stride, axis.in), .kernel_step = -kernel_step}};
  for (Index tap = 0; tap < std::min(axis.kernel, kernel_step); ++tap) {
    if ((phase - tap * axis.dilation) % axis.stride != 0) continue;
    result.gather.taps = (axis.kernel - 1 - tap) / kernel_step + 1;
    result.phase.kernel_first = tap + (result.gather.taps - 1) * kernel_step;
    result.gather.tap_step = step_of(result.gather.taps, axis.dilation / common);
    result.gather.offset = (phase - result.phase.kernel_first * axis.dilation) / axis.stride;
  }
  return result;
}

// All phases of the axis at once: x is cut into pieces of kernel elements, each reached from one y.
AxisPhase folded_x_axis(const ConvAxis& axis) {
  AxisPhase result = x_axis(axis, 0);
  result.fold = axis.stride;
  return result;
}

bool can_fold(const ConvGeometry& geometry) {
  const ConvAxis& axis = geometry.axis[2];
  return geometry.groups == 1 && axis.kernel == axis.stride && axis.dilation == 1 &&
         axis.padding == 0 && axis.in == axis.out * axis.stride && axis.stride > 1;
}

std::vector<AxisPhase> axis_phases(Slot produced, const ConvGeometry& geometry, int i) {
  const ConvAxis& axis = geometry.axis[i];
  if (produced != Slot::x) return {y_axis(axis)};
  if (i == 2 && can_fold(geometry)) return {folded_x_axis(axis)};
  std::vector<AxisPhase> result;
  for (Index first = 0; first < std::min(axis.stride, axis.in); ++first) {
    result.push_back(x_axis(axis, first));
  }
  return result;
}

}  // namespace

bool Phase::is_whole() const {
  return fold == 1 && std::ranges::all_of(axis, [](const PhaseAxis& a) { return a.step == 1; });
}

std::vector<Phase> phases(Slot produced, const ConvGeometry& geometry) {
  std::vector<Phase> result;
  for (const AxisPhase& a : axis_phases(produced, geometry, 0)) {
    for (const AxisPhase& b : axis_phases(produced, geometry, 1)) {
      for (const AxisPhase& c : axis_phases(produced, geometry, 2)) {
        result.push_back({.gather = {geometry.batch, {a.gather, b.gather, c.gather}},
                          .axis = {a.phase, b.phase, c.phase},
                          .fold = c.fold});
      }
    }
  }
  return result;
}

Gather y_rows(const ConvGeometry& geometry) {
  Gather map{.batch = geometry.batch, .axis = {}};
  for (int i = 0; i < 3; ++i) map.axis[i].rows = map.axis[i].size = geometry.axis[i].out;
  return map;
}

}  // namespace voxgrad::ops
