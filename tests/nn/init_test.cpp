// The recorded numbers come from an independent script: MT19937 by its definition, each value
// u * (to - from) + from in exact rational arithmetic with float32 operands, rounded once to
// float32; u is the low 24 bits of a draw times 2^-24. Its Linear(1, 1) after seed 0 gives the
// -0.0075 and 0.5364 known from PyTorch.
#include <gtest/gtest.h>
#include <voxgrad/core/error.h>
#include <voxgrad/nn/conv.h>
#include <voxgrad/nn/init.h>
#include <voxgrad/nn/linear.h>

#include <cmath>

namespace voxgrad {
namespace {

struct Recorded {
  std::array<float, 3> first;
  float last;
  double sum;  // in order of memory, each times (index mod 7) + 1
  float first_bias, last_bias;
};

void expect_recorded(const Tensor& weight, const Tensor& bias, const Recorded& recorded) {
  const auto w = weight.to_vector<float>();
  const auto b = bias.to_vector<float>();
  for (std::size_t i = 0; i < recorded.first.size(); ++i) EXPECT_EQ(w[i], recorded.first[i]) << i;
  EXPECT_EQ(w.back(), recorded.last);
  double sum = 0;
  for (std::size_t i = 0; i < w.size(); ++i) sum += static_cast<double>(w[i]) * (i % 7 + 1);
  EXPECT_EQ(sum, recorded.sum);
  EXPECT_EQ(b.front(), recorded.first_bias);
  EXPECT_EQ(b.back(), recorded.last_bias);
}

TEST(Init, ConvTranspose2dHasPyTorchsValues) {
  manual_seed(0);
  const nn::ConvTranspose2d layer({.in_channels = 2, .out_channels = 2, .kernel_size = 2});
  expect_recorded(layer.weight, layer.bias,
                  {.first = {-0x1.5af244p-9F, 0x1.846d38p-3F, -0x1.29f962p-2F},
                   .last = 0x1.ad2898p-7F,
                   .sum = -0x1.70a35521p+2,
                   .first_bias = 0x1.1e40d6p-3F,
                   .last_bias = 0x1.b27680p-3F});
}

TEST(Init, GroupedConvTranspose3dTakesItsFanFromTheOutputChannels) {
  manual_seed(11);
  const nn::ConvTranspose3d layer(
      {.in_channels = 8, .out_channels = 12, .kernel_size = {3, 4, 5}, .groups = 4});
  EXPECT_EQ(layer.weight.shape(), (Shape{8, 3, 3, 4, 5}));
  expect_recorded(layer.weight, layer.bias,
                  {.first = {-0x1.ac9652p-5F, -0x1.06bd3ap-9F, 0x1.288af4p-4F},
                   .last = -0x1.ad20e8p-5F,
                   .sum = -0x1.4818568f84p+1,
                   .first_bias = -0x1.857958p-5F,
                   .last_bias = 0x1.178a9ap-6F});
}

TEST(Init, Conv2dHasPyTorchsValues) {
  manual_seed(7);
  const nn::Conv2d layer({.in_channels = 16, .out_channels = 33, .kernel_size = 3});
  expect_recorded(layer.weight, layer.bias,
                  {.first = {0x1.7d7280p-8F, -0x1.9b3becp-5F, 0x1.b2c10cp-6F},
                   .last = 0x1.9b7d4cp-5F,
                   .sum = 0x1.8e41b4daa4cp+3,
                   .first_bias = -0x1.184cfcp-4F,
                   .last_bias = -0x1.1d04ccp-6F});
}

TEST(Init, LinearHasPyTorchsValues) {
  manual_seed(3);
  const nn::Linear layer({.in_features = 7, .out_features = 5});
  expect_recorded(layer.weight, layer.bias,
                  {.first = {-0x1.7fbc40p-2F, -0x1.315142p-2F, -0x1.4b8bdep-3F},
                   .last = -0x1.4f7270p-2F,
                   .sum = -0x1.1a76b66ap+3,
                   .first_bias = -0x1.7ce8b4p-3F,
                   .last_bias = 0x1.dc858cp-8F});
}

TEST(Init, ResettingDrawsTheSameValuesFromTheSameSeed) {
  manual_seed(3);
  nn::Linear layer({.in_features = 7, .out_features = 5});
  const auto before = layer.weight.to_vector<float>();
  layer.reset_parameters();
  EXPECT_NE(layer.weight.to_vector<float>(), before);
  manual_seed(3);
  layer.reset_parameters();
  EXPECT_EQ(layer.weight.to_vector<float>(), before);
}

TEST(Init, FansCountTheTaps) {
  const nn::init::Fans fans = nn::init::calculate_fans(Tensor::empty({7, 3, 2, 5}));
  EXPECT_EQ(fans.in, 30);
  EXPECT_EQ(fans.out, 70);
  EXPECT_THROW(nn::init::calculate_fans(Tensor::empty({7})), ShapeError);
}

TEST(Init, KaimingUniformFillsItsRange) {
  Generator generator(1);
  const Tensor weight = nn::init::kaiming_uniform_(
      Tensor::empty({50, 20, 3}),
      {.mode = nn::init::FanMode::out, .nonlinearity = nn::init::Nonlinearity::relu}, generator);
  const double bound = std::sqrt(3.0) * std::sqrt(2.0) / std::sqrt(150.0);
  double largest = 0;
  for (const float value : weight.to_vector<float>())
    largest = std::max(largest, std::abs(static_cast<double>(value)));
  EXPECT_LE(largest, bound * (1 + 1e-6));
  EXPECT_GT(largest, 0.99 * bound);
}

TEST(Init, KaimingNormalHasItsDeviation) {
  Generator generator(1);
  const Tensor weight =
      nn::init::kaiming_normal_(Tensor::empty({50, 20, 5}, DType::float64), {.a = 1e-2}, generator);
  double squares = 0;
  for (const double value : weight.to_vector<double>()) squares += value * value;
  const double expected = 2 / (1 + 1e-4) / 100;
  // The variance of 5000 squares is 2 / 5000 of their mean squared: 5 deviations.
  EXPECT_NEAR(squares / 5000, expected, 5 * std::sqrt(2.0 / 5000) * expected);
}

TEST(Init, FillsViewsOfOtherLayoutsInRowMajorOrder) {
  Generator first(9);
  Generator second(9);
  const Tensor plain = nn::init::uniform_(Tensor::empty({2, 3, 5}), -1, 1, first);
  const Tensor last = nn::init::uniform_(Tensor::empty_channels_last({2, 3, 5}), -1, 1, second);
  EXPECT_EQ(plain.to_vector<float>(), last.to_vector<float>());
}

TEST(Init, WritesParametersWithoutAGraph) {
  Tensor weight = Tensor::empty({2, 3});
  weight.requires_grad_();
  const auto version = weight.version();
  nn::init::ones_(weight);
  EXPECT_GT(weight.version(), version);
  EXPECT_TRUE(weight.is_leaf());
  EXPECT_EQ(weight.to_vector<float>(), std::vector<float>(6, 1.0F));
}

TEST(Init, RefusesIntegersAndEmptyRanges) {
  EXPECT_THROW(nn::init::uniform_(Tensor::empty({2}, DType::int64)), DTypeError);
  EXPECT_THROW(nn::init::uniform_(Tensor::empty({2}), 1, 0), ShapeError);
  EXPECT_THROW(nn::init::normal_(Tensor::empty({2}), 0, -1), ShapeError);
}

}  // namespace
}  // namespace voxgrad
