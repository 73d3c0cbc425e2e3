// The Winograd algorithm's kernels, for AVX-512.
#include <voxgrad/ops/cpu/conv/winograd_kernels.inl>

namespace voxgrad::ops::cpu {

const WinogradKernels kAvx512Winograd = winograd_kernels<16>();

}  // namespace voxgrad::ops::cpu
