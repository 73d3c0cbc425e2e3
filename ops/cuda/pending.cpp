#include <voxgrad/ops/indexing.h>
#include <voxgrad/ops/scan.h>

namespace voxgrad::ops::cuda {

const IndexingKernels kIndexing{};
const ScanKernels kScan{};

}  // namespace voxgrad::ops::cuda
