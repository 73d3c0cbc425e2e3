// Internal: slots x and y as gathers.
//
// Slot y is one gather from x. Slot x takes, for each phase of the stride, the positions i with (i
// + padding) mod stride = phase: exactly the taps k with k * dilation = phase (mod stride) reach
// them, and on those taps the y position met is affine in i's number within the phase. A phase
// without taps is legal: its elements get only the bias.
#pragma once

#include <vector>

#include <voxgrad/core/conv_geometry.h>
#include <voxgrad/ops/cpu/conv/gather.h>

namespace voxgrad::ops::cpu {

/// Where a gather's rows and taps lie on one axis of the produced slot and of the kernel.
struct PhaseAxis {
  Index first = 0, step = 1;                ///< row r is position first + r * step
  Index kernel_first = 0, kernel_step = 1;  ///< tap t is kernel_first + t * kernel_step
};

struct Phase {
  Gather gather;
  PhaseAxis axis[3];
  /// Neighbours along the last axis that one row produces, taps kernel_first + 0 ... fold - 1. More
  /// than 1 only where kernel and stride agree there: then they are one contiguous run.
  Index fold = 1;

  /// True when row r of the gather is position r of the result.
  bool is_whole() const;
};

/// The phases of slot x or y, which together produce every element once. Slot w sums over the rows
/// of slot y's.
std::vector<Phase> phases(Slot produced, const ConvGeometry& geometry);

}  // namespace voxgrad::ops::cpu
