// Convolution geometries to test with.
#pragma once

#include <random>
#include <string_view>
#include <vector>

#include <voxgrad/core/conv_geometry.h>

namespace voxgrad::test {

/// A small legal geometry of rank 1 to 3: strides beyond the kernel, padding beyond dilation *
/// (kernel - 1), sizes that the stride does not divide (output_padding), groups up to depthwise,
/// batches.
ConvGeometry random_geometry(std::mt19937& random);

/// One that the CPU's algorithm of this name can run, in some slot and dtype at least; as above for
/// algorithms that run them all.
ConvGeometry random_geometry_for(std::string_view algorithm, std::mt19937& random);

/// Three taps along the last axes, one or three along the first, of stride 1: sizes that tiles do
/// not divide, paddings beyond the kernel; one in eight as many tiles as it takes to have four
/// lines each, of five channels at most.
ConvGeometry random_winograd_geometry(std::mt19937& random, Index most_channels);

/// Geometries that fill several tiles and chunks, one for each way through the kernels.
std::vector<ConvGeometry> large_geometries();

}  // namespace voxgrad::test
