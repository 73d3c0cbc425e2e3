// The direct algorithm's kernels, for AVX2: 16 registers.
#include <voxgrad/ops/cpu/conv/direct_kernels.inl>

namespace voxgrad::ops::cpu {

const KernelTable<float> kAvx2Float = kernel_table<float, 32, 6>();
const KernelTable<double> kAvx2Double = kernel_table<double, 32, 6>();

}  // namespace voxgrad::ops::cpu
