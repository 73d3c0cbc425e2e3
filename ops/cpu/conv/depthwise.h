// Internal: the depthwise algorithm: one channel of x and one of y in each group. Vectors run over
// channels, which no other algorithm can do there.
#pragma once

#include <voxgrad/ops/conv.h>

namespace voxgrad::ops::cpu {

extern const ConvAlgorithm kDepthwise;

/// Its two halves, as in tiled.h.
template <typename T>
void depthwise_product(const ConvProblem& problem, const ConvOperands& operands,
                       const ConvEpilogue& epilogue, int tiles_in_flight, Tensor& result);
template <typename T>
void depthwise_sum(const ConvProblem& problem, const ConvOperands& operands, int tiles_in_flight,
                   Tensor& result);

}  // namespace voxgrad::ops::cpu
