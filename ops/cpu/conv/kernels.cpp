// The CPU's convolution algorithms in order of preference.
#include <voxgrad/core/parallel.h>
#include <voxgrad/ops/conv.h>
#include <voxgrad/ops/cpu/conv/depthwise.h>
#include <voxgrad/ops/cpu/conv/direct.h>
#include <voxgrad/ops/cpu/conv/thin.h>
#include <voxgrad/ops/cpu/conv/tiled.h>
#include <voxgrad/ops/cpu/conv/winograd.h>

namespace voxgrad::ops::cpu {
namespace {

const ConvAlgorithm kAlgorithms[] = {kWinograd, kDepthwise, kThin, kDirect, kTiled};

}  // namespace

const ConvKernels kConv{kAlgorithms, num_threads};

}  // namespace voxgrad::ops::cpu
