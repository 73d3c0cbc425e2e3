#include <voxgrad/ops/scan.h>

namespace voxgrad::ops::cuda {

const ScanKernels kScan{};

}  // namespace voxgrad::ops::cuda
