// Internal: the Winograd algorithm, for kernels of 3 taps and stride 1 in float32: fewer
// multiplications for a little rounding error. 3x3x3 takes 4.5 or 6 times fewer, 3x3 3 or 4 times.
#pragma once

#include <voxgrad/ops/conv.h>

namespace voxgrad::ops::cpu {

extern const ConvAlgorithm kWinograd;

/// Its rounding errors, at worst. With u = 2^-24 and n terms of a sum (channels, or tiles for slot
/// w), an element errs by at most about growth * (n + 30) * u * the largest sum of absolute
/// products that values of such size allow: the products over all axes of
///   max over i, k of  sum over j of |A^T[i][j]| * (sum over l of |B^T[j][l]|) * |G[j][k]|,
/// 4 for F(2, 3) and 13.2 for F(4, 3), and for slot w, where sums are over a tile's results,
///   max over k of  sum over j of |G[j][k]| * (sum of |B^T[j]|) * (sum of |A[j]|) / results,
/// 3 and 7.1. In practice they are far from it, for the worst case needs all signs to agree. Root
/// mean squares were 0.3 (values of one sign) to 3 (random signs, few channels, slot w) times those
/// of the direct algorithm.
[[gnu::visibility("default")]] double winograd_error_growth(const ConvProblem& problem);

/// Its two halves, as in tiled.h.
void winograd_product(const ConvProblem& problem, const ConvOperands& operands,
                      const ConvEpilogue& epilogue, int tiles_in_flight, Tensor& result);
void winograd_sum(const ConvProblem& problem, const ConvOperands& operands, int tiles_in_flight,
                  Tensor& result);

}  // namespace voxgrad::ops::cpu
