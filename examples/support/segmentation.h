// The task of train_unet3d: volumes in, one half to learn from, the other to be judged on.
#pragma once

#include <voxgrad/voxgrad.h>

#include <cstdint>
#include <string>

#include "examples/support/options.h"

namespace voxgrad::examples {

// Axes of a file may run anywhere in the body. All work is done on volumes turned so that depth
// runs up, height forwards and width to the right, so a network takes files of any orientation.

/// A volume and which of its voxels are foreground, both (depth, height, width) in plain layout.
struct LabelledVolume {
  Tensor image;  // float32, mean 0 and standard deviation 1
  Tensor mask;   // uint8, 0 or 1
};

struct SegmentationData {
  NiftiImage source;     // as read
  Tensor source_mask;    // uint8, 0 or 1, of the source's resolution
  Index factor = 1;      // source voxels along the edge of a working voxel
  LabelledVolume whole;  // at the working resolution
  LabelledVolume train;  // its left half
  LabelledVolume test;  // its right half, as it lies; both without the middle plane of an odd width

  /// Voxel edge of the working resolution in mm, the geometric mean over the axes.
  double spacing() const;
};

/// Reads, checks, and brings to the working resolution what the options name.
/// @throws FileError, UsageError: one sentence on what is wrong with the input.
SegmentationData load_segmentation_data(const TrainOptions& options);

/// By which a resumed run knows its data again: voxels, place and spacing.
struct DataChecksums {
  std::uint32_t image = 0;
  std::uint32_t label = 0;
};
DataChecksums checksums(const SegmentationData& data);

/// The edges of a working voxel for a reader: "2 mm", or "3 x 1 x 1 mm" (depth, height, width).
std::string voxel_text(const NiftiGeometry& source, Index factor);

/// One volume to segment, at the working resolution.
struct PredictionInput {
  NiftiImage source;
  Index factor = 1;
  Tensor image;
};
PredictionInput load_prediction_input(const std::string& path, double spacing);

/// What any method must beat on the test half.
struct Baselines {
  double threshold = 0;  // Dice of the intensity threshold that is best on the training half
  double mirrored = 0;   // Dice of the training half's mask, mirrored
};
Baselines measure_baselines(const SegmentationData& data);

/// Crops of the training half, mirrored at random along all axes: at most `size` voxels large, each
/// a function of seed and number.
PatchSampler make_sampler(const LabelledVolume& volume, const Size3& size, std::uint64_t seed);

/// The network that an options' width and the program's shape make.
nn::UNet3d make_network(Index channels);

/// Probability of foreground for every voxel of an image (depth, height, width), on the CPU.
Tensor foreground_probability(nn::UNet3d& net, const Tensor& image);

/// Dice of the segmentation of `volume`.
double score(nn::UNet3d& net, const LabelledVolume& volume);
/// The same where a memorised shape must fail: mirrored front to back, and without 7 voxels at
/// every side.
double score_mirrored(nn::UNet3d& net, const LabelledVolume& volume);
double score_cropped(nn::UNet3d& net, const LabelledVolume& volume);

/// uint8 mask of the source's resolution and axes from probabilities at the working one.
Tensor mask_at_source(const Tensor& probability, Index factor, const NiftiImage& source);

}  // namespace voxgrad::examples
