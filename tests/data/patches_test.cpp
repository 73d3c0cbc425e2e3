#include <voxgrad/data/patches.h>

#include <gtest/gtest.h>

#include <numeric>
#include <set>

#include <voxgrad/core/error.h>

namespace voxgrad {
namespace {

// Voxel (z, y, x) is 100 z + 10 y + x; the label is the same number, so that both must move
// together.
struct Numbered {
  Tensor image = Tensor::empty({4, 5, 6});
  Tensor label = Tensor::empty({4, 5, 6}, DType::int32);

  Numbered() {
    for (std::int32_t i = 0; i < 120; ++i) {
      const std::int32_t number = 100 * (i / 30) + 10 * (i / 6 % 5) + i % 6;
      label.mutable_data<std::int32_t>()[i] = number;
      image.mutable_data<float>()[i] = static_cast<float>(number);
    }
  }
};

TEST(PatchSampler, GivesShapesForTheNetworkAndTheLoss) {
  const Numbered data;
  const PatchSampler sampler(data.image, data.label, {.size = {2, 3, 4}, .batch = 3});
  const Patch patch = sampler.sample(0);
  EXPECT_EQ(patch.image.shape(), (Shape{3, 1, 2, 3, 4}));
  EXPECT_EQ(patch.label.shape(), (Shape{3, 2, 3, 4}));
  EXPECT_EQ(patch.image.dtype(), DType::float32);
  EXPECT_EQ(patch.label.dtype(), DType::int64);
}

TEST(PatchSampler, CutsImageAndLabelAtTheSamePlaceAndMirrorsBoth) {
  const Numbered data;
  const PatchSampler sampler(data.image, data.label, {.size = {2, 3, 4}, .batch = 2});
  for (Index i = 0; i < 50; ++i) {
    const Patch patch = sampler.sample(i);
    const std::vector<float> image = patch.image.to_vector<float>();
    const std::vector<std::int64_t> label = patch.label.to_vector<std::int64_t>();
    for (std::size_t n = 0; n < 2; ++n) {
      const auto at = [&](std::size_t z, std::size_t y, std::size_t x) {
        return label[((n * 2 + z) * 3 + y) * 4 + x];
      };
      EXPECT_EQ(std::abs(at(1, 0, 0) - at(0, 0, 0)), 100);
      EXPECT_EQ(std::abs(at(0, 1, 0) - at(0, 0, 0)), 10);
      EXPECT_EQ(std::abs(at(0, 0, 1) - at(0, 0, 0)), 1);
      EXPECT_EQ(
          at(1, 2, 3) - at(0, 0, 0),
          (at(1, 0, 0) - at(0, 0, 0)) + (at(0, 2, 0) - at(0, 0, 0)) + (at(0, 0, 3) - at(0, 0, 0)));
    }
    for (std::size_t j = 0; j < image.size(); ++j)
      EXPECT_EQ(static_cast<std::int64_t>(image[j]), label[j]);
  }
}

TEST(PatchSampler, ReachesEveryPlaceAndEveryFlip) {
  const Numbered data;
  const PatchSampler sampler(data.image, data.label, {.size = {2, 3, 4}, .seed = 5});
  std::set<std::pair<std::int64_t, std::int64_t>> corners;
  for (Index i = 0; i < 4000; ++i) {
    const auto label = sampler.sample(i).label.to_vector<std::int64_t>();
    corners.emplace(label.front(), label.back());
  }
  EXPECT_EQ(corners.size(), 3U * 3 * 3 * 8);  // starts per axis: 4 - 2 + 1, 5 - 3 + 1, 6 - 4 + 1
}

TEST(PatchSampler, MirrorsOnlyWhereAsked) {
  const Numbered data;
  const PatchSampler plain(data.image, data.label,
                           {.size = {2, 3, 4}, .flips = {false, false, false}, .seed = 5});
  const PatchSampler deep(data.image, data.label,
                          {.size = {2, 3, 4}, .flips = {true, false, false}, .seed = 5});
  bool flipped = false;
  for (Index i = 0; i < 50; ++i) {
    const auto a = plain.sample(i).label.to_vector<std::int64_t>();
    const auto b = deep.sample(i).label.to_vector<std::int64_t>();
    EXPECT_EQ(a.back() - a.front(), 123);
    flipped = flipped || b.front() == a.front() + 100;
    EXPECT_TRUE(b.front() == a.front() || b.front() == a.front() + 100);  // the place is the same
  }
  EXPECT_TRUE(flipped);
}

TEST(PatchSampler, DependsOnTheNumberAndTheSeedAlone) {
  const Numbered data;
  const PatchSampler a(data.image, data.label, {.size = {2, 3, 4}, .seed = 5});
  const PatchSampler b(data.image, data.label, {.size = {2, 3, 4}, .seed = 5});
  const PatchSampler c(data.image, data.label, {.size = {2, 3, 4}, .seed = 6});
  const auto labels = [](const PatchSampler& sampler, Index i) {
    return sampler.sample(i).label.to_vector<std::int64_t>();
  };
  EXPECT_EQ(labels(a, 9), labels(b, 9));
  EXPECT_EQ(labels(b, 0), labels(a, 0));
  int differ = 0;
  for (Index i = 0; i < 20; ++i) differ += labels(a, i) != labels(c, i);
  EXPECT_GT(differ, 15);
}

TEST(PatchSampler, RefusesBadInput) {
  const Numbered data;
  EXPECT_THROW(PatchSampler(data.image, data.label, {.size = {2, 6, 4}}), ShapeError);
  EXPECT_THROW(PatchSampler(data.image, data.label, {.size = {0, 3, 4}}), ShapeError);
  EXPECT_THROW(PatchSampler(data.image, data.label, {.size = {2, 3, 4}, .batch = 0}), ShapeError);
  EXPECT_THROW(
      PatchSampler(data.image, Tensor::empty({4, 5, 5}, DType::uint8), {.size = {2, 3, 4}}),
      ShapeError);
  EXPECT_THROW(PatchSampler(data.image, data.image, {.size = {2, 3, 4}}), DTypeError);
  EXPECT_THROW(PatchSampler(data.label, data.label, {.size = {2, 3, 4}}), DTypeError);
  EXPECT_THROW(PatchSampler(data.image, data.label, {.size = {2, 3, 4}}).sample(-1), IndexError);
}

}  // namespace
}  // namespace voxgrad
