// The Winograd algorithm's kernels, for AVX2.
#include <voxgrad/ops/cpu/conv/winograd_kernels.inl>

namespace voxgrad::ops::cpu {

const WinogradKernels kAvx2Winograd = winograd_kernels<8>();

}  // namespace voxgrad::ops::cpu
