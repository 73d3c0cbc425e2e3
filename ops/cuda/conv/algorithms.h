// Internal: the convolution algorithms on GPUs, one file each. kernels.cpp orders them.
#pragma once

#include <voxgrad/ops/conv.h>

namespace voxgrad::ops::cuda {

/// Any geometry and strides, one sum a part; for groups of few channels.
extern const ConvAlgorithm kDirect;
/// Any geometry and strides: rows of columns in chunks, times the weights by cuBLAS. Where the
/// columns are the operand itself, as with 1x1 kernels, cuBLAS alone.
extern const ConvAlgorithm kIm2col;

}  // namespace voxgrad::ops::cuda
