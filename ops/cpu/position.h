// Internal: the entry of ReduceKernels that finds where an extremum lies.
#pragma once

#include <voxgrad/ops/reduce.h>

namespace voxgrad::ops::cpu {

void position(ReduceOp op, const Operand& x, int axis, const Operand& out);

}  // namespace voxgrad::ops::cpu
