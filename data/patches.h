// Training samples cut at random places out of one volume and its labels, mirrored at random.
#pragma once

#include <array>
#include <cstdint>

#include <voxgrad/core/tensor.h>
#include <voxgrad/data/volume.h>

namespace [[gnu::visibility("default")]] voxgrad {

struct PatchOptions {
  Size3 size = {64, 64, 64};  ///< depth, height, width of a patch
  Index batch = 1;            ///< patches in one sample
  std::array<bool, 3> flips = {true, true,
                               true};  ///< axes that are mirrored, each with probability 1/2
  std::uint64_t seed = 0;
};

struct Patch {
  Tensor image;  ///< (batch, 1, depth, height, width), float32
  Tensor label;  ///< (batch, depth, height, width), int64: the classes that cross_entropy takes
};

/// Sample i is a function of the volumes, the options and i alone: nothing needs to be saved to
/// continue a run but i, and the samples can be made on any thread, in any order.
class PatchSampler {
 public:
  /// Keeps both tensors, which must not change. @throws ShapeError unless `image` and `label` have
  /// equal shapes of 3 axes that a patch fits into and batch >= 1; DTypeError unless `image` is
  /// float32 and `label` an integer type or bool.
  PatchSampler(Tensor image, Tensor label, const PatchOptions& options);

  /// Sample `i`, i >= 0. @throws IndexError when negative.
  Patch sample(Index i) const;

  const PatchOptions& options() const { return options_; }

 private:
  Tensor image_;
  Tensor label_;
  PatchOptions options_;
};

}  // namespace voxgrad
