// The layers that only pass their options on: activations, pooling, Linear, losses.
#include <gtest/gtest.h>
#include <voxgrad/autograd/functions/creation.h>
#include <voxgrad/core/error.h>
#include <voxgrad/nn/activation.h>
#include <voxgrad/nn/linear.h>
#include <voxgrad/nn/loss.h>
#include <voxgrad/nn/pool.h>

#include <cmath>

namespace voxgrad {
namespace {

using Values = std::vector<float>;

TEST(Activation, ComputesItsFunction) {
  const Tensor x = Tensor::from(Values{-2, 3}, {2});
  EXPECT_EQ(nn::ReLU()(x).to_vector<float>(), (Values{0, 3}));
  EXPECT_EQ(nn::LeakyReLU({.negative_slope = 0.5})(x).to_vector<float>(), (Values{-1, 3}));
  EXPECT_NEAR(nn::Sigmoid()(x).to_vector<float>()[1], 1 / (1 + std::exp(-3.0)), 1e-6);
  EXPECT_TRUE(nn::Identity()(x).is_same(x));
}

TEST(Activation, InplaceWritesItsArgument) {
  Tensor x = Tensor::from(Values{-2, 3}, {2});
  EXPECT_TRUE(nn::LeakyReLU({.negative_slope = 0.5, .inplace = true})(x).is_same(x));
  EXPECT_EQ(x.to_vector<float>(), (Values{-1, 3}));
  EXPECT_TRUE(nn::ReLU({.inplace = true})(x).is_same(x));
  EXPECT_EQ(x.to_vector<float>(), (Values{0, 3}));
}

TEST(Activation, PrintsLikePyTorch) {
  EXPECT_EQ(nn::ReLU().repr(), "ReLU()");
  EXPECT_EQ(nn::ReLU({.inplace = true}).repr(), "ReLU(inplace=True)");
  EXPECT_EQ(nn::LeakyReLU().repr(), "LeakyReLU(negative_slope=0.01)");
  EXPECT_EQ(nn::Sigmoid().repr(), "Sigmoid()");
}

TEST(Pool, TakesTheKernelAsStride) {
  nn::MaxPool1d pool({.kernel_size = 2});
  EXPECT_EQ(pool(Tensor::from(Values{1, 5, 2, 3, 9}, {1, 1, 5})).to_vector<float>(),
            (Values{5, 3}));
  nn::AvgPool1d mean({.kernel_size = 2, .stride = 1});
  EXPECT_EQ(mean(Tensor::from(Values{1, 5, 2}, {1, 3})).to_vector<float>(), (Values{3, 3.5}));
}

TEST(Pool, ChecksTheNumberOfValues) {
  EXPECT_THROW(nn::MaxPool3d({.kernel_size = {2, 2}}), ShapeError);
  EXPECT_THROW(nn::AvgPool2d({.kernel_size = 2, .stride = Spatial{1, 1, 1}}), ShapeError);
}

TEST(Pool, PrintsLikePyTorch) {
  EXPECT_EQ(nn::MaxPool3d({.kernel_size = {2, 2, 1}}).repr(),
            "MaxPool3d(kernel_size=(2, 2, 1), stride=(2, 2, 1), padding=0, dilation=1, "
            "ceil_mode=False)");
  EXPECT_EQ(nn::AvgPool2d({.kernel_size = 3, .stride = 2}).repr(),
            "AvgPool2d(kernel_size=3, stride=2, padding=0)");
}

TEST(Linear, MultipliesByItsTransposedWeight) {
  nn::Linear layer({.in_features = 3, .out_features = 2});
  layer.load_state_dict({{"weight", Tensor::from(Values{1, 2, 3, 4, 5, 6}, {2, 3})},
                         {"bias", Tensor::from(Values{10, 20}, {2})}});
  EXPECT_EQ(layer(Tensor::from(Values{1, 0, 2}, {1, 3})).to_vector<float>(), (Values{17, 36}));
  EXPECT_THROW(nn::Linear({.in_features = 0, .out_features = 2}), ShapeError);
  EXPECT_THROW(nn::Linear({.in_features = 1, .out_features = 2, .dtype = DType::int64}),
               DTypeError);
}

TEST(Loss, PassesItsOptionsOn) {
  Generator generator(1);
  const Tensor logits = randn({2, 3, 5}, DType::float64, {}, generator);
  const Tensor labels = randint(0, 3, {2, 5}, DType::int64, {}, generator);
  nn::CrossEntropyLoss entropy({.ignore_index = 1});
  EXPECT_EQ(entropy(logits, labels).item(),
            cross_entropy(logits, labels, {.ignore_index = 1}).item());
  nn::DiceLoss dice({.include_background = true});
  EXPECT_EQ(dice(logits, labels).item(),
            dice_loss(logits, labels, {.include_background = true}).item());
  nn::MSELoss squares(Reduction::sum);
  EXPECT_EQ(squares(logits, logits).item(), 0);
}

}  // namespace
}  // namespace voxgrad
