// Internal: random values that are drawn where they are needed.
//
// Philox4x32-10 of Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3"
// (SC 2011): the numbers are a function of a key and of the element's place, so that every element
// can be drawn by itself, and a key gives the same values on every device and in every run.
#pragma once

#include <cstdint>

#include <voxgrad/ops/operand.h>

namespace [[gnu::visibility("default")]] voxgrad {
namespace ops {

/// 1 with probability p, else 0, decided by the key and the element's number in logical order.
///
/// @param x  floating, any strides that do not overlap
void fill_keyed_bernoulli(Tensor& x, double p, std::uint64_t key);

struct RandomKernels {
  void (*bernoulli)(const Operand& x, double p, std::uint64_t key);
};
/// Of the device's type; from here on this thread's kernels run on that device.
const RandomKernels& random_kernels(Device device);

namespace cpu {
extern const RandomKernels kRandom;
}
namespace cuda {
extern const RandomKernels kRandom;
}

}  // namespace ops
}  // namespace voxgrad
