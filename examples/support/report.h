// What train_unet3d tells and writes beside its log: weights, prediction, pictures, figures.
#pragma once

#include <voxgrad/voxgrad.h>

#include <map>
#include <string>

#include "examples/support/options.h"
#include "examples/support/run_log.h"
#include "examples/support/segmentation.h"

namespace voxgrad::examples {

/// Prints what is going to be trained on what.
void describe(const TrainOptions& options, const SegmentationData& data, Index parameters);

/// A network with the voxel edge in mm that it was trained at.
struct TrainedNetwork {
  nn::UNet3d net;
  double spacing = 2;
};

/// The weights with the network's width and spacing, in a file that load_network reads.
void save_weights(const std::string& path, const nn::UNet3d& net, double spacing);

/// @throws FileError, UsageError when the file holds no such network's weights.
TrainedNetwork load_network(const std::string& path);

/// run_settings() as one text for a checkpoint, and back.
std::string join_settings(const std::map<std::string, std::string>& settings);
std::map<std::string, std::string> split_settings(const std::string& text);

/// prediction.nii.gz: the mask at the source's resolution and place.
void write_prediction(const std::string& out, const Tensor& probability, Index factor,
                      const NiftiImage& source);

/// Judges the network on the test half, prints the figures beside the baselines, and writes
/// results.csv, prediction.nii.gz, curves.png and slices.png.
void write_report(const TrainOptions& options, const SegmentationData& data, nn::UNet3d& net,
                  const RunLog& log);

}  // namespace voxgrad::examples
