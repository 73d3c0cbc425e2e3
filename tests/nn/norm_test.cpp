#include <gtest/gtest.h>
#include <voxgrad/autograd/functions/creation.h>
#include <voxgrad/core/error.h>
#include <voxgrad/nn/norm.h>

#include <cmath>

namespace voxgrad {
namespace {

// Two samples, two channels, three voxels.
Tensor sample() {
  return Tensor::from(std::vector<double>{1, 2, 6, 10, 20, 30, 3, 4, 8, 0, 5, 7}, {2, 2, 3});
}

TEST(BatchNorm, HasPyTorchsKeysAndInitialValues) {
  const nn::BatchNorm2d layer({.num_features = 3});
  const nn::StateDict state = layer.state_dict();
  ASSERT_EQ(state.size(), 5U);
  EXPECT_EQ(state[0].first, "weight");
  EXPECT_EQ(state[0].second.to_vector<float>(), std::vector<float>(3, 1.0F));
  EXPECT_EQ(state[1].first, "bias");
  EXPECT_EQ(state[2].first, "running_mean");
  EXPECT_EQ(state[3].first, "running_var");
  EXPECT_EQ(state[3].second.to_vector<float>(), std::vector<float>(3, 1.0F));
  EXPECT_EQ(state[4].first, "num_batches_tracked");
  EXPECT_EQ(state[4].second.to_vector<std::int64_t>(), std::vector<std::int64_t>{0});
  EXPECT_EQ(layer.parameters().size(), 2U);
}

TEST(BatchNorm, TracksMeanAndUnbiasedVarianceWhenTraining) {
  nn::BatchNorm1d layer({.num_features = 2, .dtype = DType::float64});
  const auto y = layer(sample()).to_vector<double>();
  // Channel 0 is 1 2 6 3 4 8: mean 4, squared distances 34.
  EXPECT_NEAR(y[0], (1 - 4) / std::sqrt(34.0 / 6 + 1e-5), 1e-12);
  EXPECT_NEAR(layer.running_mean.to_vector<double>()[0], 0.1 * 4, 1e-12);
  EXPECT_NEAR(layer.running_var.to_vector<double>()[0], 0.9 + 0.1 * 34 / 5, 1e-12);
  EXPECT_EQ(layer.num_batches_tracked.item(), 1);
}

TEST(BatchNorm, UsesRunningStatisticsInEvaluation) {
  nn::BatchNorm1d layer({.num_features = 2, .dtype = DType::float64});
  layer(sample());
  layer.eval();
  const double mean = layer.running_mean.to_vector<double>()[0];
  const double variance = layer.running_var.to_vector<double>()[0];
  EXPECT_NEAR(layer(sample()).to_vector<double>()[0], (1 - mean) / std::sqrt(variance + 1e-5),
              1e-12);
  EXPECT_EQ(layer.num_batches_tracked.item(), 1);
}

TEST(BatchNorm, AveragesAllBatchesWithoutMomentum) {
  nn::BatchNorm1d layer({.num_features = 2, .momentum = {}, .dtype = DType::float64});
  layer(sample());
  EXPECT_NEAR(layer.running_mean.to_vector<double>()[0], 4, 1e-12);
  layer(full({2, 2, 3}, 10, DType::float64));
  EXPECT_NEAR(layer.running_mean.to_vector<double>()[0], 7, 1e-12);
  EXPECT_EQ(layer.num_batches_tracked.item(), 2);
}

TEST(BatchNorm, UsesTheBatchInEvaluationWithoutRunningStatistics) {
  nn::BatchNorm1d layer(
      {.num_features = 2, .affine = false, .track_running_stats = false, .dtype = DType::float64});
  EXPECT_TRUE(layer.state_dict().empty());
  layer.eval();
  EXPECT_NEAR(layer(sample()).to_vector<double>()[0], -3 / std::sqrt(34.0 / 6 + 1e-5), 1e-12);
}

TEST(BatchNorm, DoesNotCountABatchThatItRefuses) {
  nn::BatchNorm2d layer({.num_features = 2});
  EXPECT_THROW(layer(ones({2, 3, 4, 5})), ShapeError);
  EXPECT_THROW(layer(ones({2, 2, 5})), ShapeError);
  EXPECT_THROW(layer(ones({1, 2, 1, 1})), ShapeError);
  EXPECT_EQ(layer.num_batches_tracked.item(), 0);
}

TEST(BatchNorm, Rank1TakesPlainFeatures) {
  nn::BatchNorm1d layer({.num_features = 2});
  EXPECT_EQ(layer(Tensor::from(std::vector<float>{1, 2, 3, 4}, {2, 2})).shape(), (Shape{2, 2}));
}

TEST(BatchNorm, RefusesOptionsOutOfRange) {
  EXPECT_THROW(nn::BatchNorm2d({.num_features = 0}), ShapeError);
  EXPECT_THROW(nn::BatchNorm2d({.num_features = 2, .eps = -1}), ShapeError);
  EXPECT_THROW(nn::BatchNorm2d({.num_features = 2, .momentum = 1.5}), ShapeError);
}

TEST(InstanceNorm, HasNoStateByDefault) {
  const nn::InstanceNorm3d layer({.num_features = 3});
  EXPECT_TRUE(layer.state_dict().empty());
  EXPECT_EQ(layer.repr(),
            "InstanceNorm3d(3, eps=1e-05, momentum=0.1, affine=False, track_running_stats=False)");
}

TEST(InstanceNorm, NormalisesEachSample) {
  nn::InstanceNorm1d layer({.num_features = 2, .affine = true, .dtype = DType::float64});
  ASSERT_EQ(layer.state_dict().size(), 2U);
  layer.eval();
  // Channel 0 of sample 0 is 1 2 6: mean 3, squared distances 14.
  EXPECT_NEAR(layer(sample()).to_vector<double>()[0], -2 / std::sqrt(14.0 / 3 + 1e-5), 1e-12);
}

TEST(InstanceNorm, TakesUnbatchedInput) {
  nn::InstanceNorm1d layer({.num_features = 2, .dtype = DType::float64});
  const Tensor x = sample();
  const auto all = layer(x).to_vector<double>();
  const Tensor y = layer(x.select(0, 0));
  EXPECT_EQ(y.shape(), (Shape{2, 3}));
  EXPECT_EQ(y.to_vector<double>(), std::vector<double>(all.begin(), all.begin() + 6));
}

TEST(InstanceNorm, TracksStatisticsWhereAsked) {
  nn::InstanceNorm1d layer(
      {.num_features = 2, .track_running_stats = true, .dtype = DType::float64});
  layer(sample());
  // The samples' means of channel 0 are 3 and 5.
  EXPECT_NEAR(layer.running_mean.to_vector<double>()[0], 0.1 * 4, 1e-12);
  layer.eval();
  const double variance = layer.running_var.to_vector<double>()[0];
  EXPECT_NEAR(layer(sample()).to_vector<double>()[0], (1 - 0.4) / std::sqrt(variance + 1e-5),
              1e-12);
}

TEST(InstanceNorm, RefusesOtherShapes) {
  nn::InstanceNorm2d layer({.num_features = 2});
  EXPECT_THROW(layer(ones({1, 3, 4, 5})), ShapeError);
  EXPECT_THROW(layer(ones({1, 1, 2, 4, 5})), ShapeError);
  EXPECT_THROW(layer(ones({1, 2, 1, 1})), ShapeError);
}

TEST(GroupNorm, NormalisesGroupsOfChannels) {
  nn::GroupNorm layer({.num_groups = 1, .num_channels = 2, .dtype = DType::float64});
  // Sample 0 is 1 2 6 10 20 30: mean 11.5, squared distances 647.5.
  EXPECT_NEAR(layer(sample()).to_vector<double>()[0], -10.5 / std::sqrt(647.5 / 6 + 1e-5), 1e-12);
  layer.load_state_dict({{"weight", Tensor::from(std::vector<double>{2, 3}, {2})},
                         {"bias", Tensor::from(std::vector<double>{10, 20}, {2})}});
  EXPECT_NEAR(layer(sample()).to_vector<double>()[5], 3 * 18.5 / std::sqrt(647.5 / 6 + 1e-5) + 20,
              1e-12);
  EXPECT_EQ(layer.repr(), "GroupNorm(1, 2, eps=1e-05, affine=True)");
  EXPECT_TRUE(
      nn::GroupNorm({.num_groups = 1, .num_channels = 2, .affine = false}).state_dict().empty());
}

TEST(GroupNorm, RefusesWhatDoesNotFit) {
  EXPECT_THROW(nn::GroupNorm({.num_groups = 2, .num_channels = 3}), ShapeError);
  EXPECT_THROW(nn::GroupNorm({.num_groups = 0, .num_channels = 3}), ShapeError);
  EXPECT_THROW(nn::GroupNorm({.num_groups = 1, .num_channels = 2, .eps = -1}), ShapeError);
  nn::GroupNorm layer({.num_groups = 1, .num_channels = 2});
  EXPECT_THROW(layer(ones({1, 3, 4})), ShapeError);
}

TEST(LayerNorm, NormalisesTheLastAxes) {
  nn::LayerNorm layer({.normalized_shape = {3}, .dtype = DType::float64});
  // The first row is 1 2 6: mean 3, squared distances 14.
  EXPECT_NEAR(layer(sample()).to_vector<double>()[0], -2 / std::sqrt(14.0 / 3 + 1e-5), 1e-12);
  EXPECT_EQ(layer.state_dict().size(), 2U);
  EXPECT_EQ(layer.repr(), "LayerNorm((3,), eps=1e-05, elementwise_affine=True)");
  const nn::LayerNorm unbiased({.normalized_shape = {2, 3}, .bias = false});
  EXPECT_EQ(unbiased.state_dict().size(), 1U);
  EXPECT_EQ(unbiased.state_dict()[0].second.shape(), (Shape{2, 3}));
  const nn::LayerNorm plain({.normalized_shape = {2, 3}, .elementwise_affine = false});
  EXPECT_TRUE(plain.state_dict().empty());
  EXPECT_EQ(plain.repr(), "LayerNorm((2, 3), eps=1e-05, elementwise_affine=False)");
  EXPECT_THROW(layer(ones({2, 4}, DType::float64)), ShapeError);
  EXPECT_THROW(nn::LayerNorm({.normalized_shape = {}}), ShapeError);
  EXPECT_THROW(nn::LayerNorm({.normalized_shape = {2, 0}}), ShapeError);
}

}  // namespace
}  // namespace voxgrad
