// Internal: weights between the user's layout (y_channels, x_channels / groups, kernel...) and the
// order of columns.
#pragma once

#include <vector>

#include <voxgrad/ops/conv_operands.h>
#include <voxgrad/ops/conv_phases.h>

namespace voxgrad::ops::cpu {

/// Elements from the start of one group's weights to each (tap, fold) of a phase, in the order of
/// columns.
template <typename T>
std::vector<Index> tap_offsets(const Phase& phase, const Weights<const T>& weights);

/// Part of one group's weights for one phase of slot x or y: of the row-major matrix of
/// (taps * gathered channels) x (fold * produced channels) that columns are multiplied with.
struct PackedPart {
  Range gathered;  ///< gathered channels to pack
  Range columns;   ///< columns of the matrix to pack
  /// Elements from row to row of the packed matrix, whose first column is columns.begin.
  Index row_size = 0;
};
template <typename T>
void pack_weights(Slot produced, const ConvGeometry& geometry, const Phase& phase, Index group,
                  const Weights<const T>& weights, const PackedPart& part, T* packed);

/// Slot w's result for y channels in `rows`: w[row][channel][tap] = sums[row][tap][channel].
template <typename T>
void unpack_weights(const ConvGeometry& geometry, Range rows, const T* sums, T* weights);

}  // namespace voxgrad::ops::cpu
