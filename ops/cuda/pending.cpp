#include <voxgrad/ops/indexing.h>
#include <voxgrad/ops/resample.h>
#include <voxgrad/ops/scan.h>

namespace voxgrad::ops::cuda {

const IndexingKernels kIndexing{};
const ResampleKernels kResample{};
const ScanKernels kScan{};

}  // namespace voxgrad::ops::cuda
