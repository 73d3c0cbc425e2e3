// The layers that only pass their options on: activations, pooling, resampling, dropout, Linear,
// losses.
#include <gtest/gtest.h>
#include <voxgrad/autograd/functions/activation.h>
#include <voxgrad/autograd/functions/creation.h>
#include <voxgrad/core/error.h>
#include <voxgrad/nn/activation.h>
#include <voxgrad/nn/dropout.h>
#include <voxgrad/nn/linear.h>
#include <voxgrad/nn/loss.h>
#include <voxgrad/nn/pool.h>
#include <voxgrad/nn/upsample.h>

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

TEST(Activation, SmoothOnesComputeAndPrintLikePyTorch) {
  const Tensor x = Tensor::from(Values{-2, 3}, {2});
  EXPECT_EQ(nn::ELU({.alpha = 2})(x).to_vector<float>(), elu(x, 2).to_vector<float>());
  EXPECT_EQ(nn::GELU()(x).to_vector<float>(), gelu(x).to_vector<float>());
  EXPECT_EQ(nn::GELU({.tanh = true})(x).to_vector<float>(), gelu_tanh(x).to_vector<float>());
  EXPECT_EQ(nn::SiLU()(x).to_vector<float>(), silu(x).to_vector<float>());
  EXPECT_EQ(nn::ELU().repr(), "ELU(alpha=1.0)");
  EXPECT_EQ(nn::ELU({.alpha = 0.5, .inplace = true}).repr(), "ELU(alpha=0.5, inplace=True)");
  EXPECT_EQ(nn::GELU().repr(), "GELU(approximate='none')");
  EXPECT_EQ(nn::GELU({.tanh = true}).repr(), "GELU(approximate='tanh')");
  EXPECT_EQ(nn::SiLU().repr(), "SiLU()");
  Tensor written = x.clone();
  EXPECT_TRUE(nn::SiLU({.inplace = true})(written).is_same(written));
  EXPECT_TRUE(nn::ELU({.inplace = true})(written).is_same(written));
}

TEST(Activation, PReLUTrainsItsSlopes) {
  nn::PReLU layer({.num_parameters = 2});
  const Tensor x = Tensor::from(Values{-2, 3, -4, 5}, {1, 2, 2});
  EXPECT_EQ(layer(x).to_vector<float>(), (Values{-0.5, 3, -1, 5}));
  EXPECT_EQ(layer.parameters().size(), 1U);
  EXPECT_EQ(layer.repr(), "PReLU(num_parameters=2)");
  EXPECT_THROW(nn::PReLU({.num_parameters = 0}), ShapeError);
}

TEST(Pool, AdaptiveOnesTakeOneSizeOrOneEach) {
  const Tensor x = arange(24).to(DType::float32).reshape({1, 1, 4, 6});
  EXPECT_EQ(nn::AdaptiveAvgPool2d({2})(x).shape(), (Shape{1, 1, 2, 2}));
  EXPECT_EQ(nn::AdaptiveAvgPool2d({1, std::nullopt})(x).shape(), (Shape{1, 1, 1, 6}));
  EXPECT_EQ(nn::AdaptiveAvgPool2d({1})(x).item(), 11.5);
  EXPECT_EQ(nn::AdaptiveAvgPool3d({5}).repr(), "AdaptiveAvgPool3d(output_size=5)");
  EXPECT_EQ(nn::AdaptiveAvgPool2d({1, std::nullopt}).repr(),
            "AdaptiveAvgPool2d(output_size=(1, None))");
  EXPECT_THROW(nn::AdaptiveAvgPool3d({1, 2}), ShapeError);
  EXPECT_THROW(nn::AdaptiveAvgPool1d({-1}), ShapeError);
}

TEST(Upsample, InterpolatesAndPrintsLikePyTorch) {
  nn::Upsample nearest({.scale_factor = {2}});
  EXPECT_EQ(nearest(Tensor::from(Values{1, 2}, {1, 1, 2})).to_vector<float>(),
            (Values{1, 1, 2, 2}));
  EXPECT_EQ(nearest.repr(), "Upsample(scale_factor=2.0, mode='nearest')");
  EXPECT_EQ(nn::Upsample({.scale_factor = {2, 2, 1.5}, .mode = InterpolateMode::linear}).repr(),
            "Upsample(scale_factor=(2.0, 2.0, 1.5), mode='trilinear')");
  EXPECT_EQ(nn::Upsample({.size = Spatial{3, 4}, .mode = InterpolateMode::bicubic}).repr(),
            "Upsample(size=(3, 4), mode='bicubic')");
  EXPECT_THROW(nn::Upsample({}), ShapeError);
  EXPECT_THROW(nn::Upsample({.size = 2, .scale_factor = {2}}), ShapeError);
}

TEST(Dropout, ActsInTrainingOnly) {
  nn::Dropout layer({.p = 0.5});
  const Tensor x = ones({200});
  manual_seed(1);
  double kept = 0;
  for (const float value : layer(x).to_vector<float>()) {
    EXPECT_TRUE(value == 0 || value == 2);
    kept += value / 2;
  }
  EXPECT_NEAR(kept, 100, 40);
  layer.eval();
  EXPECT_TRUE(layer(x).is_same(x));
  EXPECT_EQ(layer.repr(), "Dropout(p=0.5, inplace=False)");
  EXPECT_THROW(nn::Dropout({.p = 2}), ShapeError);
}

TEST(Dropout, OfChannelsTakesUnbatchedInput) {
  nn::Dropout2d layer({.p = 0.5, .inplace = true});
  Tensor x = ones({40, 2, 3});
  EXPECT_TRUE(layer(x).is_same(x));
  const auto values = x.to_vector<float>();
  double kept = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    EXPECT_EQ(values[i], values[i / 6 * 6]);
    kept += values[i] / 2;
  }
  EXPECT_GT(kept, 0);
  EXPECT_LT(kept, 240);
  EXPECT_EQ(layer.repr(), "Dropout2d(p=0.5, inplace=True)");
  EXPECT_THROW(layer(ones({2, 3})), ShapeError);
}

}  // namespace
}  // namespace voxgrad
