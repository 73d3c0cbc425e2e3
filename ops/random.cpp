#include <voxgrad/ops/random.h>

namespace voxgrad::ops {

const RandomKernels& random_kernels(Device device) {
  return select_kernels(device, cpu::kRandom, cuda::kRandom);
}

void fill_keyed_bernoulli(Tensor& x, double p, std::uint64_t key) {
  random_kernels(x.device()).bernoulli(target(x), p, key);
}

}  // namespace voxgrad::ops
