#include "examples/support/segmentation.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <span>
#include <string_view>

#include "examples/support/plot.h"
#include "examples/support/run_main.h"

namespace voxgrad::examples {
namespace {

constexpr const char* kTemplates = "/usr/share/mricron/templates/";

Size3 sizes(const Tensor& volume) { return {volume.size(0), volume.size(1), volume.size(2)}; }

double mean_spacing(const NiftiGeometry& geometry) {
  const auto& mm = geometry.spacing;
  return std::cbrt(mm[0] * mm[1] * mm[2]);
}

/// How many source voxels fit along the edge of a working voxel.
Index factor_for(const NiftiGeometry& geometry, double spacing) {
  return static_cast<Index>(std::clamp(std::round(spacing / mean_spacing(geometry)), 1.0, 64.0));
}

/// How a file's axes lie in the body.
struct Orientation {
  std::array<Index, 3> axis = {};     // of the file, for each of up, forwards and right
  std::array<bool, 3> reversed = {};  // it runs down, backwards or to the left
};

Orientation orientation_of(const NiftiGeometry& geometry) {
  const std::string axes = anatomical_axes(geometry.affine);
  constexpr std::array<std::string_view, 3> kSides = {"SI", "AP", "RL"};
  Orientation orientation;
  for (std::size_t i = 0; i < 3; ++i) {
    const std::size_t axis = axes.find_first_of(kSides[i]);
    orientation.axis[i] = static_cast<Index>(axis);
    orientation.reversed[i] = axes[axis] != kSides[i][0];
  }
  return orientation;
}

/// A copy with depth up, height forwards and width to the right.
Tensor turned(const Tensor& volume, const NiftiGeometry& geometry) {
  const Orientation orientation = orientation_of(geometry);
  return flip_volume(volume.permute(orientation.axis), orientation.reversed);
}

/// The other way round.
Tensor turned_back(const Tensor& volume, const NiftiGeometry& geometry) {
  const Orientation orientation = orientation_of(geometry);
  std::array<Index, 3> axes = {};
  for (std::size_t i = 0; i < 3; ++i)
    axes[static_cast<std::size_t>(orientation.axis[i])] = static_cast<Index>(i);
  return flip_volume(volume, orientation.reversed).permute(axes).contiguous();
}

std::string product(const Size3& size) {
  return fmt::format("{} x {} x {}", size[0], size[1], size[2]);
}

Tensor uint8_mask(const Tensor& label) { return threshold_mask(label, 0); }

/// How far two volumes of one shape lie apart in mm: at the corner where it is most.
double distance(const NiftiImage& a, const NiftiImage& b) {
  double most = 0;
  for (int corner = 0; corner < 8; ++corner) {
    double square = 0;
    for (std::size_t row = 0; row < 3; ++row) {
      const auto change = [&](std::size_t i) {
        return a.geometry.affine[4 * row + i] - b.geometry.affine[4 * row + i];
      };
      double along = change(3);
      for (int i = 0; i < 3; ++i) {
        const auto end = static_cast<double>(a.data.size(2 - i) - 1);
        if ((corner >> i & 1) != 0) along += change(static_cast<std::size_t>(i)) * end;
      }
      square += along * along;
    }
    most = std::max(most, std::sqrt(square));
  }
  return most;
}

/// The label that belongs to the image, checked against it.
Tensor read_mask(const std::string& path, const NiftiImage& image, const std::string& image_path) {
  const NiftiImage label = read_nifti(path);
  check_finite(label.data, path);
  if (label.data.shape() != image.data.shape()) {
    fail(fmt::format("{}: label and image must have one shape; got {} for {} of {}", path,
                     to_string(label.data.shape()), to_string(image.data.shape()), image_path));
  }
  const double apart = distance(label, image);
  const bool placed = label.geometry.space > 0 && image.geometry.space > 0;
  if (placed && apart > mean_spacing(image.geometry)) {
    fail(fmt::format(
        "{}: label and image must lie at one place; got corners {:.3g} mm from those of "
        "{} (resample the label, or give it the image's affine if that is wrong)",
        path, apart, image_path));
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

/// Cuts the working volume into its left and right half.
void cut_halves(SegmentationData& data, const Tensor& image) {
  const Index width = image.size(2), half = width / 2;
  constexpr Size3 kLeast = {kCropMultiple, kCropMultiple, 2 * kCropMultiple};
  for (std::size_t axis = 0; axis < 3; ++axis) {
    if (sizes(image)[axis] >= kLeast[axis]) continue;
    fail(fmt::format("the image must have at least {} voxels of {}; got {}{}", product(kLeast),
                     voxel_text(data.source.geometry, data.factor), product(sizes(image)),
                     data.factor > 1 ? "; a smaller --spacing gives more" : ""));
  }
  data.train = part(image, data.whole.mask, 0, half);
  data.test = part(image, data.whole.mask, width - half, half);
}

template <typename T>
std::uint32_t checksum_of(std::span<const T> values, std::uint32_t before) {
  return checksum(std::as_bytes(values), before);
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
  const Device device = net.parameters().front().device();
  return net(image.to(device).unsqueeze(0).unsqueeze(0));
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

double SegmentationData::spacing() const {
  return mean_spacing(source.geometry) * static_cast<double>(factor);
}

std::string voxel_text(const NiftiGeometry& source, Index factor) {
  std::array<std::string, 3> edges;
  for (std::size_t i = 0; i < 3; ++i) {
    const auto axis = static_cast<std::size_t>(orientation_of(source).axis[i]);
    edges[i] = fmt::format("{:.4g}", source.spacing[axis] * static_cast<double>(factor));
  }
  if (edges[0] == edges[1] && edges[1] == edges[2]) return edges[0] + " mm";
  return fmt::format("{} x {} x {} mm", edges[0], edges[1], edges[2]);
}

SegmentationData load_segmentation_data(const TrainOptions& options) {
  SegmentationData data;
  read_source(options, data);
  data.factor = factor_for(data.source.geometry, options.spacing);
  const NiftiGeometry& geometry = data.source.geometry;
  const Tensor image = turned(block_mean(data.source.data, data.factor), geometry);
  data.whole = {standardize_volume(image),
                turned(block_majority(data.source_mask, data.factor), geometry)};
  cut_halves(data, image);
  for (const LabelledVolume* each : {&data.train, &data.test}) {
    if (sum(each->mask).item() == 0)
      fail("the label must have foreground in both halves of the image; got none in one of them");
  }
  return data;
}

DataChecksums checksums(const SegmentationData& data) {
  const auto& [voxels, geometry] = data.source;
  const auto count = static_cast<std::size_t>(voxels.numel());
  const std::uint32_t place =
      checksum_of<double>(geometry.affine, checksum_of<double>(geometry.spacing, 0));
  return {.image = checksum_of(std::span(voxels.data<float>(), count), place),
          .label = checksum_of(std::span(data.source_mask.data<std::uint8_t>(), count), 0)};
}

PredictionInput load_prediction_input(const std::string& path, double spacing) {
  PredictionInput input;
  input.source = read_image(path);
  input.factor = factor_for(input.source.geometry, spacing);
  input.image = standardize_volume(
      turned(block_mean(input.source.data, input.factor), input.source.geometry));
  if (std::ranges::min(sizes(input.image)) < kCropMultiple) {
    fail(fmt::format("{}: must have at least {} voxels along every axis; got {} of {}", path,
                     kCropMultiple, product(sizes(input.image)),
                     voxel_text(input.source.geometry, input.factor)));
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
  return softmax(logits_of(net, image), 1).select(0, 0).select(0, 1).contiguous().to(Device{});
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

Tensor mask_at_source(const Tensor& probability, Index factor, const NiftiImage& source) {
  const Tensor there = turned_back(probability, source.geometry);
  return threshold_mask(upsample_linear(there, factor, sizes(source.data)), 0.5);
}

}  // namespace voxgrad::examples
