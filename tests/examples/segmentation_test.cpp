#include "examples/support/segmentation.h"

#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "examples/support/run_main.h"
#include "tests/support/temporary_folder.h"

namespace voxgrad::examples {
namespace {

using test::message_of;

// A head of 3 x 2 x 1 mm voxels (z, y, x) in a scanner's space, its axes up, forwards and right.
class Segmentation : public testing::Test {
 protected:
  NiftiGeometry geometry = {.spacing = {3, 2, 1},
                            .affine = {1, 0, 0, -17, 0, 2, 0, -20, 0, 0, 3, -24, 0, 0, 0, 1}};

  SegmentationData load(const Tensor& image, const Tensor& mask, const NiftiGeometry& of_image,
                        const NiftiGeometry& of_mask, double spacing = 2) const {
    write_nifti(folder / "image.nii", image, of_image);
    write_nifti(folder / "mask.nii", mask, of_mask);
    TrainOptions options;
    options.image = folder / "image.nii";
    options.label = folder / "mask.nii";
    options.spacing = spacing;
    return load_segmentation_data(options);
  }

  const test::TemporaryFolder folder;
  const Phantom head = make_phantom({.size = {17, 19, 34}});
};

template <typename T>
std::vector<T> values(const Tensor& tensor) {
  return tensor.to_vector<T>();
}

TEST_F(Segmentation, IsTheSameWhateverTheOrderOfTheAxes) {
  const SegmentationData plain = load(head.image, head.mask, geometry, geometry);
  EXPECT_EQ(plain.whole.image.shape(), (Shape{17, 19, 34}));
  EXPECT_EQ(values<std::uint8_t>(plain.train.mask),
            values<std::uint8_t>(crop_volume(head.mask, {0, 0, 0}, {17, 19, 17})));
  // The same head in a file whose i runs up, j to the left and k forwards.
  const NiftiGeometry turned = {.spacing = {2, 1, 3},
                                .affine = {0, -1, 0, 16, 0, 0, 2, -20, 3, 0, 0, -24, 0, 0, 0, 1}};
  const auto turn = [](const Tensor& volume) {
    return flip_volume(volume, {false, false, true}).permute({1, 2, 0}).contiguous();
  };
  const Tensor turned_mask = turn(head.mask);
  const SegmentationData other = load(turn(head.image), turned_mask, turned, turned);
  for (auto part : {&SegmentationData::whole, &SegmentationData::train, &SegmentationData::test}) {
    EXPECT_EQ((other.*part).image.shape(), (plain.*part).image.shape());
    EXPECT_EQ(values<float>((other.*part).image), values<float>((plain.*part).image));
    EXPECT_EQ(values<std::uint8_t>((other.*part).mask), values<std::uint8_t>((plain.*part).mask));
  }
  EXPECT_EQ(voxel_text(turned, 2), voxel_text(geometry, 2));
  const PredictionInput input = load_prediction_input(folder / "image.nii", 2);
  EXPECT_EQ(values<float>(input.image), values<float>(plain.whole.image));
  const Tensor back = mask_at_source(other.whole.mask.to(DType::float32), 1, other.source);
  EXPECT_EQ(back.shape(), turned_mask.shape());
  EXPECT_EQ(values<std::uint8_t>(back), values<std::uint8_t>(turned_mask));
}

TEST_F(Segmentation, RefusesALabelOfAnotherPlace) {
  NiftiGeometry mirrored = geometry;
  mirrored.affine[0] = -1;
  mirrored.affine[3] = 16;
  const auto message = [&](const NiftiGeometry& of_mask) {
    return message_of<UsageError>([&] { load(head.image, head.mask, geometry, of_mask); });
  };
  EXPECT_NE(message(mirrored).find("must lie at one place; got corners 33 mm from those of " +
                                   (folder / "image.nii")),
            std::string::npos)
      << message(mirrored);
  NiftiGeometry near = geometry;
  near.affine[3] += 0.5;
  EXPECT_EQ(message(near), "");
  EXPECT_EQ(message({.spacing = {3, 2, 1},
                     .affine = {1, 0, 0, 0, 0, 2, 0, 0, 0, 0, 3, 0, 0, 0, 0, 1},
                     .space = 0}),
            "");  // it says no place
}

TEST_F(Segmentation, TellsTheTrueSizeOfVoxels) {
  EXPECT_EQ(voxel_text({.spacing = {2, 2, 2}}, 1), "2 mm");
  EXPECT_EQ(voxel_text(geometry, 2), "6 x 4 x 2 mm");
  const Tensor small = crop_volume(head.image, {0, 0, 0}, {17, 19, 14});
  const Tensor mask = crop_volume(head.mask, {0, 0, 0}, {17, 19, 14});
  EXPECT_EQ(message_of<UsageError>([&] { load(small, mask, geometry, geometry); }),
            "the image must have at least 8 x 8 x 16 voxels of 3 x 2 x 1 mm; got 17 x 19 x 14");
  EXPECT_EQ(message_of<UsageError>([&] { load(head.image, head.mask, geometry, geometry, 5.5); }),
            "the image must have at least 8 x 8 x 16 voxels of 9 x 6 x 3 mm; got 6 x 7 x 12; a "
            "smaller --spacing gives more");
  EXPECT_EQ(message_of<UsageError>([&] { load_prediction_input(folder / "image.nii", 5.5); }),
            (folder / "image.nii") +
                ": must have at least 8 voxels along every axis; got 6 x 7 x 12 of 9 x 6 x 3 mm");
}

TEST_F(Segmentation, KnowsTheSpacingThatItWorksAt) {
  const SegmentationData data = load(head.image, head.mask, geometry, geometry);
  EXPECT_EQ(data.factor, 1);
  EXPECT_DOUBLE_EQ(data.spacing(), std::cbrt(6.0));  // 2 mm were asked for
  // Voxels far below or above what is asked for overflow nothing.
  NiftiGeometry tiny = geometry;
  tiny.spacing = {1e-30, 1e-30, 1e-30};
  write_nifti(folder / "tiny.nii", Tensor::empty({600, 8, 8}).fill_(1), tiny);
  EXPECT_NE(message_of<UsageError>([&] {
              load_prediction_input(folder / "tiny.nii", 2);
            }).find("got 10 x 1 x 1"),
            std::string::npos);
}

TEST_F(Segmentation, ChecksumsNoticeOtherVoxelsAndPlaces) {
  const auto of = [&](const Tensor& image, const Tensor& mask, const NiftiGeometry& place) {
    const DataChecksums found = checksums(load(image, mask, place, place));
    return std::pair(found.image, found.label);
  };
  const auto before = of(head.image, head.mask, geometry);
  EXPECT_EQ(of(head.image, head.mask, geometry), before);
  Tensor image = head.image.clone(), mask = head.mask.clone();
  image.mutable_data<float>()[999] += 1;
  mask.mutable_data<std::uint8_t>()[999] ^= 1;
  EXPECT_NE(of(image, head.mask, geometry).first, before.first);
  EXPECT_EQ(of(image, head.mask, geometry).second, before.second);
  EXPECT_EQ(of(head.image, mask, geometry).first, before.first);
  EXPECT_NE(of(head.image, mask, geometry).second, before.second);
  NiftiGeometry mirrored = geometry;
  mirrored.affine[0] = -1;
  EXPECT_NE(of(head.image, head.mask, mirrored).first, before.first);
}

}  // namespace
}  // namespace voxgrad::examples
