// Stands in for the CUDA files where CMake left them out. backend() refuses every GPU, so nobody
// reads these tables.
#include <voxgrad/ops/activation.h>
#include <voxgrad/ops/conv.h>
#include <voxgrad/ops/elementwise.h>
#include <voxgrad/ops/indexing.h>
#include <voxgrad/ops/layout.h>
#include <voxgrad/ops/loss.h>
#include <voxgrad/ops/matmul.h>
#include <voxgrad/ops/norm.h>
#include <voxgrad/ops/pool.h>
#include <voxgrad/ops/random.h>
#include <voxgrad/ops/reduce.h>
#include <voxgrad/ops/resample.h>
#include <voxgrad/ops/scan.h>
#include <voxgrad/ops/softmax.h>
#include <voxgrad/ops/update.h>

namespace voxgrad::ops::cuda {

const ActivationKernels kActivation{};
const ConvKernels kConv{};
const ElementwiseKernels kElementwise{};
const IndexingKernels kIndexing{};
const LayoutKernels kLayout{};
const LossKernels kLoss{};
const MatmulKernels kMatmul{};
const NormKernels kNorm{};
const PoolKernels kPool{};
const RandomKernels kRandom{};
const ReduceKernels kReduce{};
const ResampleKernels kResample{};
const ScanKernels kScan{};
const SoftmaxKernels kSoftmax{};
const UpdateKernels kUpdate{};

}  // namespace voxgrad::ops::cuda
