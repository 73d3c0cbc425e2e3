// Internal: the entries of PoolKernels that average.
#pragma once

#include <voxgrad/ops/pool.h>

namespace voxgrad::ops::cpu {

void average(const PoolGeometry& g, AverageDivisor divisor, const Tensor& x, Tensor& y);
void average_adjoint(const PoolGeometry& g, AverageDivisor divisor, const Tensor& y, Tensor& x);

}  // namespace voxgrad::ops::cpu
