#include "examples/support/segmentation.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "examples/support/run_main.h"

namespace voxgrad::examples {
namespace {

constexpr const char* kTemplates = "/usr/share/mricron/templates/";

Size3 sizes(const Tensor& volume) { return {volume.size(0), volume.size(1), volume.size(2)}; }

/// How many source voxels fit along the edge of a working voxel.
Index factor_for(const NiftiGeometry& geometry, double spacing) {
  const auto& mm = geometry.spacing;
  const double mean = std::cbrt(mm[0] * mm[1] * mm[2]);
  return std::clamp<Index>(std::llround(spacing / mean), 1, 64);
}

Tensor uint8_mask(const Tensor& label) { return threshold_mask(label, 0); }

/// The label that belongs to the image, checked against it.
Tensor read_mask(const std::string& path, const NiftiImage& image, const std::string& image_path) {
  const NiftiImage label = read_nifti(path);
  check_finite(label.data, path);
  if (label.data.shape() != image.data.shape()) {
    fail(fmt::format("{}: label and image must have one shape; got {} for {} of {}", path,
                     to_string(label.data.shape()), to_string(image.data.shape()), image_path));
  }
  Tensor mask = uint8_mask(label.data);
  if (sum(mask).item() == 0) {
    fail(fmt::format("{}: the label must have foreground (voxels > 0); got none", path));
  }
  return mask;
}

NiftiImage read_image(const std::string& path) {
  NiftiImage image = read_nifti(path);
  check_finite(image.data, path);
  return image;
}

LabelledVolume part(const Tensor& image, const Tensor& mask, Index start, Index width) {
  Size3 size = sizes(image);
  size[2] = width;
  return {standardize_volume(crop_volume(image, {0, 0, start}, size)),
          crop_volume(mask, {0, 0, start}, size)};
}

/// Where the data comes from when no image is given.
void read_source(const TrainOptions& options, SegmentationData& data) {
  if (options.phantom) {
    const Phantom phantom = make_phantom({.seed = options.seed});
    data.source = {phantom.image, {.spacing = {2, 2, 2}}};
    data.source.geometry.affine = {2, 0, 0, 0, 0, 2, 0, 0, 0, 0, 2, 0, 0, 0, 0, 1};
    data.source_mask = phantom.mask;
    return;
  }
  const bool own = !options.image.empty();
  const std::string image = own ? options.image : std::string(kTemplates) + "ch2.nii.gz";
  const std::string label = own ? options.label : std::string(kTemplates) + "ch2bet.nii.gz";
  if (!own && !std::filesystem::exists(image)) {
    fail(
        fmt::format("{}: the demo's MRI is missing; install Debian's package mricron-data, or use "
                    "--phantom or --image and --label",
                    image));
  }
  data.source = read_image(image);
  data.source_mask = read_mask(label, data.source, image);
}

Tensor logits_of(nn::UNet3d& net, const Tensor& image) {
  const NoGrad guard;
  return net(image.unsqueeze(0).unsqueeze(0));
}

LabelledVolume shrunk(const LabelledVolume& volume, Index margin) {
  Size3 size = sizes(volume.image), start = {};
  for (int axis = 0; axis < 3; ++axis) {
    // A small volume keeps what the network needs.
    start[axis] = std::min(margin, (size[axis] - kCropMultiple) / 2);
    size[axis] -= 2 * start[axis];
  }
  return {standardize_volume(crop_volume(volume.image, start, size)),
          crop_volume(volume.mask, start, size)};
}

}  // namespace

SegmentationData load_segmentation_data(const TrainOptions& options) {
  SegmentationData data;
  read_source(options, data);
  data.factor = factor_for(data.source.geometry, options.spacing);
  const Tensor image = block_mean(data.source.data, data.factor);
  const Tensor mask = block_majority(data.source_mask, data.factor);
  data.whole = {standardize_volume(image), mask};
  const Index width = image.size(2), half = width / 2;
  if (std::ranges::min(sizes(image)) < kCropMultiple || half < kCropMultiple) {
    fail(fmt::format("the image must have at least {0} x {0} x {1} voxels of {2} mm; got {3}",
                     kCropMultiple, 2 * kCropMultiple, options.spacing, to_string(image.shape())));
  }
  // The first column of the affine says which way the last axis runs in the body: + to the right.
  const bool left_first = data.source.geometry.affine[0] >= 0;
  data.train = part(image, mask, left_first ? 0 : width - half, half);
  data.test = part(image, mask, left_first ? width - half : 0, half);
  for (const LabelledVolume* each : {&data.train, &data.test}) {
    if (sum(each->mask).item() == 0)
      fail("the label must have foreground in both halves of the image; got none in one of them");
  }
  return data;
}

PredictionInput load_prediction_input(const std::string& path, double spacing) {
  PredictionInput input;
  input.source = read_image(path);
  input.factor = factor_for(input.source.geometry, spacing);
  input.image = standardize_volume(block_mean(input.source.data, input.factor));
  if (std::ranges::min(sizes(input.image)) < kCropMultiple) {
    fail(fmt::format("{}: must have at least {} voxels of {} mm along every axis; got {}", path,
                     kCropMultiple, spacing, to_string(input.image.shape())));
  }
  return input;
}

Baselines measure_baselines(const SegmentationData& data) {
  const double threshold = best_threshold(data.train.image, data.train.mask).threshold;
  return {dice(threshold_mask(data.test.image, threshold), data.test.mask),
          dice(flip_volume(data.train.mask, {false, false, true}), data.test.mask)};
}

PatchSampler make_sampler(const LabelledVolume& volume, const Size3& size, std::uint64_t seed) {
  Size3 fitting = sizes(volume.image);
  for (int axis = 0; axis < 3; ++axis) fitting[axis] = std::min(fitting[axis], size[axis]);
  return {volume.image, volume.mask, {.size = fitting, .seed = seed}};
}

nn::UNet3d make_network(Index channels) {
  return nn::UNet3d({.channels = {channels, 2 * channels, 4 * channels}});
}

Tensor foreground_probability(nn::UNet3d& net, const Tensor& image) {
  const NoGrad guard;
  return softmax(logits_of(net, image), 1).select(0, 0).select(0, 1).contiguous();
}

double score(nn::UNet3d& net, const LabelledVolume& volume) {
  return dice(threshold_mask(foreground_probability(net, volume.image), 0.5), volume.mask);
}

double score_mirrored(nn::UNet3d& net, const LabelledVolume& volume) {
  const std::array<bool, 3> front_to_back = {false, true, false};
  return score(net,
               {flip_volume(volume.image, front_to_back), flip_volume(volume.mask, front_to_back)});
}

double score_cropped(nn::UNet3d& net, const LabelledVolume& volume) {
  return score(net, shrunk(volume, 7));
}

Tensor mask_at_source(const Tensor& probability, Index factor, const Tensor& source) {
  return threshold_mask(upsample_linear(probability, factor, sizes(source)), 0.5);
}

}  // namespace voxgrad::examples
