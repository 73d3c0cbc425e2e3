// Internal: the direct algorithm: no columns, the sum over taps and channels in registers. Best for
// few channels.
#pragma once

#include <voxgrad/ops/conv.h>

namespace voxgrad::ops::cpu {

extern const ConvAlgorithm kDirect;

/// Its two halves, as in tiled.h.
template <typename T>
void direct_product(const ConvProblem& problem, const ConvOperands& operands,
                    const ConvEpilogue& epilogue, int tiles_in_flight, Tensor& result);
template <typename T>
void direct_sum(const ConvProblem& problem, const ConvOperands& operands, int tiles_in_flight,
                Tensor& result);

}  // namespace voxgrad::ops::cpu
