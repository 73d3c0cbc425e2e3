// Convolution geometries to test with.
#pragma once

#include <random>
#include <vector>

#include <voxgrad/core/conv_geometry.h>

namespace voxgrad::test {

/// A small legal geometry of rank 1 to 3: strides beyond the kernel, padding beyond dilation *
/// (kernel - 1), sizes that the stride does not divide (output_padding), groups up to depthwise,
/// batches.
ConvGeometry random_geometry(std::mt19937& random);

/// Geometries that fill several tiles and chunks, one for each way through the kernels.
std::vector<ConvGeometry> large_geometries();

}  // namespace voxgrad::test
