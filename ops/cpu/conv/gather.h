// Internal: im2col for all three slots: columns[row][tap][channel] <- source, zero outside the
// source.
#pragma once

#include <voxgrad/ops/conv_operands.h>
#include <voxgrad/ops/conv_phases.h>

namespace voxgrad::ops::cpu {

/// Writes columns[row][tap][channel] for the given rows and taps; channels are the first `channels`
/// of the source.
template <typename T>
void gather(const Gather& map, const Volumes<const T>& source, Index channels, Range rows,
            Range taps, T* columns);

}  // namespace voxgrad::ops::cpu
