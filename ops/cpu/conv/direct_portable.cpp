// The direct algorithm's kernels, for any processor.
#include <voxgrad/ops/cpu/conv/direct_kernels.inl>

namespace voxgrad::ops::cpu {

const KernelTable<float> kPortableFloat = kernel_table<float, 16, 6>();
const KernelTable<double> kPortableDouble = kernel_table<double, 16, 6>();

}  // namespace voxgrad::ops::cpu
