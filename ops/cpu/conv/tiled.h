// Internal: the tiled algorithm: columns of one tile at a time, multiplied by BLAS. Any geometry.
#pragma once

#include <voxgrad/ops/conv.h>

namespace voxgrad::ops::cpu {

extern const ConvAlgorithm kTiled;

/// Its two halves: results that are products (slots x and y), and results that are sums over all
/// rows (slot w).
template <typename T>
void tiled_product(const ConvProblem& problem, const ConvOperands& operands,
                   const ConvEpilogue& epilogue, int tiles_in_flight, Tensor& result);
template <typename T>
void tiled_sum(const ConvProblem& problem, const ConvOperands& operands, int tiles_in_flight,
               Tensor& result);

}  // namespace voxgrad::ops::cpu
