// The direct algorithm's kernels, for AVX-512: 32 registers.
#include <voxgrad/ops/cpu/conv/direct_kernels.inl>

namespace voxgrad::ops::cpu {

const KernelTable<float> kAvx512Float = kernel_table<float, 64, 14>();
const KernelTable<double> kAvx512Double = kernel_table<double, 64, 14>();

}  // namespace voxgrad::ops::cpu
