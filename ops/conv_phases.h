// Internal: slots x and y as gathers, for the algorithms of every device.
//
// Which source position a row and a tap meet is affine along every axis. Slots y and w read x so;
// slot x reads y so, one phase of the stride at a time. So nothing is ever scattered, and every
// result is one sum in a fixed order.
//
// Slot y is one gather from x. Slot x takes, for each phase of the stride, the positions i with (i
// + padding) mod stride = phase: exactly the taps k with k * dilation = phase (mod stride) reach
// them, and on those taps the y position met is affine in i's number within the phase. A phase
// without taps is legal: its elements get only the bias.
#pragma once

#include <vector>

#include <voxgrad/core/conv_geometry.h>

namespace voxgrad::ops {

struct Range {
  Index begin = 0, end = 0;
  constexpr Index length() const { return end - begin; }
};

/// Row r and tap t meet source position r * row_step + t * tap_step + offset, which exists in [0,
/// size).
struct GatherAxis {
  Index rows = 1, row_step = 1;
  Index taps = 1, tap_step = 1;
  Index offset = 0;
  Index size = 1;

  constexpr Index at(Index row, Index tap) const {
    return row * row_step + tap * tap_step + offset;
  }
  /// Rows whose position for that tap exists; may be empty or inverted.
  constexpr Range rows_inside(Index tap) const {
    const Index first = at(0, tap);
    const Index before = first < 0 ? (-first - 1) / row_step + 1 : 0;
    const Index through = first < size ? (size - 1 - first) / row_step + 1 : 0;
    return {before, through < rows ? through : rows};
  }
  constexpr bool is_identity() const {
    return taps == 1 && row_step == 1 && offset == 0 && rows == size;
  }
};

/// Rows are numbered over (batch, axis 0, 1, 2), taps over the axes, the last fastest.
struct Gather {
  Index batch = 1;
  GatherAxis axis[3];

  constexpr Index rows() const { return batch * axis[0].rows * axis[1].rows * axis[2].rows; }
  constexpr Index taps() const { return axis[0].taps * axis[1].taps * axis[2].taps; }
};

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

/// y itself as a gather: one tap, nothing moved.
Gather y_rows(const ConvGeometry& geometry);

}  // namespace voxgrad::ops
