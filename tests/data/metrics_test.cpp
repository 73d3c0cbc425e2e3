#include <voxgrad/data/metrics.h>

#include <gtest/gtest.h>

#include <cmath>

#include <voxgrad/core/error.h>
#include <voxgrad/core/random.h>

namespace voxgrad {
namespace {

Tensor bytes(const std::vector<std::uint8_t>& values) {
  return Tensor::from(values, {static_cast<Index>(values.size())});
}

TEST(Dice, MeasuresOverlap) {
  EXPECT_DOUBLE_EQ(dice(bytes({1, 1, 0, 0}), bytes({1, 0, 1, 0})), 0.5);
  EXPECT_DOUBLE_EQ(dice(bytes({1, 1, 1, 0}), bytes({9, 0, 0, 0})), 0.5);
  EXPECT_DOUBLE_EQ(dice(bytes({1, 0}), bytes({0, 1})), 0);
  EXPECT_DOUBLE_EQ(dice(bytes({0, 0}), bytes({0, 0})), 1);
}

TEST(Dice, TakesDifferentDtypesButNotShapes) {
  EXPECT_DOUBLE_EQ(dice(bytes({1, 0}), Tensor::from(std::vector<float>{0.5, 0}, {2})), 1);
  EXPECT_THROW(dice(bytes({1, 0}), bytes({1, 0, 0})), ShapeError);
}

TEST(BestThreshold, FindsTheBestOfAllThresholds) {
  Generator generator(3);
  for (int round = 0; round < 20; ++round) {
    Tensor image = Tensor::empty({60});
    fill_uniform(image.mutable_data<float>(), 60, 0, 10, generator);
    Tensor mask = Tensor::empty({60}, DType::uint8);
    for (Index i = 0; i < 60; ++i) {
      image.mutable_data<float>()[i] = std::floor(image.data<float>()[i]);  // ties
      mask.mutable_data<std::uint8_t>()[i] =
          image.data<float>()[i] > 5 ? generator.draw() % 4 != 0 : generator.draw() % 4 == 0;
    }
    const ThresholdResult best = best_threshold(image, mask);
    EXPECT_DOUBLE_EQ(dice(threshold_mask(image, best.threshold), mask), best.dice);
    for (double t = -1; t < 11; t += 0.5)
      EXPECT_LE(dice(threshold_mask(image, t), mask), best.dice);
  }
}

TEST(BestThreshold, CanTakeEverythingOrNothing) {
  const Tensor image = Tensor::from(std::vector<float>{1, 2}, {2});
  EXPECT_DOUBLE_EQ(best_threshold(image, bytes({1, 1})).dice, 1);
  EXPECT_LT(best_threshold(image, bytes({1, 1})).threshold, 1);
  EXPECT_DOUBLE_EQ(best_threshold(image, bytes({0, 0})).dice, 1);
}

TEST(BestThreshold, PromisesNoMaskThatNoThresholdMakes) {
  const Tensor image = Tensor::from(std::vector<float>{-INFINITY, 2, INFINITY}, {3});
  const Tensor mask = bytes({1, 1, 1});
  const ThresholdResult best = best_threshold(image, mask);
  EXPECT_DOUBLE_EQ(best.dice, 0.8);
  EXPECT_DOUBLE_EQ(dice(threshold_mask(image, best.threshold), mask), best.dice);
}

TEST(BestThreshold, RefusesBadInput) {
  const Tensor image = Tensor::from(std::vector<float>{1, NAN}, {2});
  EXPECT_THROW(best_threshold(image, bytes({1, 1})), Error);
  EXPECT_THROW(best_threshold(image, bytes({1})), ShapeError);
  EXPECT_THROW(best_threshold(bytes({1}), bytes({1})), DTypeError);
  EXPECT_THROW(best_threshold(Tensor::empty({0}), Tensor::empty({0}, DType::uint8)), ShapeError);
}

}  // namespace
}  // namespace voxgrad
