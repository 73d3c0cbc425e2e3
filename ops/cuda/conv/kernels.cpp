// The GPU's convolution algorithms in order of preference.
#include <voxgrad/ops/cuda/conv/algorithms.h>

namespace voxgrad::ops::cuda {
namespace {

const ConvAlgorithm kAlgorithms[] = {kDirect, kIm2col};

}  // namespace

// Chunks run one after the other, each on the whole card.
const ConvKernels kConv{kAlgorithms, [] { return 1; }};

}  // namespace voxgrad::ops::cuda
