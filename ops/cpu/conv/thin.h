// Internal: the thin algorithm: kernels of 1, stride 1, many channels on one side and a few on the
// other. Vectors run over the many. Produced are the few (a dot product each) or slot w; results
// with many channels are left to direct.h.
#pragma once

#include <voxgrad/ops/conv.h>

namespace voxgrad::ops::cpu {

extern const ConvAlgorithm kThin;

}  // namespace voxgrad::ops::cpu
