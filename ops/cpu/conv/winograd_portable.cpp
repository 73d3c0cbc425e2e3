// The Winograd algorithm's kernels, for any processor.
#include <voxgrad/ops/cpu/conv/winograd_kernels.inl>

namespace voxgrad::ops::cpu {

const WinogradKernels kPortableWinograd = winograd_kernels<4>();

}  // namespace voxgrad::ops::cpu
