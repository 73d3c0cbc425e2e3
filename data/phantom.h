// A made-up head with its brain mask, for demos and tests where no scan can be had.
#pragma once

#include <cstdint>

#include <voxgrad/core/tensor.h>
#include <voxgrad/data/volume.h>

namespace [[gnu::visibility("default")]] voxgrad {

struct PhantomOptions {
  Size3 size = {
      91, 109,
      91};  ///< depth (feet to head), height (back to front), width (left to right), in voxels
  std::uint64_t seed = 0;  ///< decides shapes, folds, uneven brightness and noise
  double noise = 4;        ///< standard deviation; tissues lie between 0 (air) and 110 (fat)
  double bias = 0.2;  ///< how much brighter or darker the uneven coil makes a place, in [0, 0.9]
};

struct Phantom {
  Tensor image;  ///< (depth, height, width), float32, never negative
  Tensor mask;   ///< the same shape, uint8: 1 in the brain
};

/// Skin, fat, skull, fluid, folded grey and white matter, ventricles, cerebellum, eyes and neck.
/// Fat and muscle are as bright as brain, so no threshold finds the mask. @throws ShapeError unless
/// sizes are 8 to 4096, noise >= 0 and bias in [0, 0.9].
Phantom make_phantom(const PhantomOptions& options = {});

}  // namespace voxgrad
