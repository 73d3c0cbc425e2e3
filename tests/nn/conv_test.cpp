#include <gtest/gtest.h>
#include <voxgrad/autograd/functions/conv.h>
#include <voxgrad/autograd/functions/creation.h>
#include <voxgrad/autograd/functions/reduce.h>
#include <voxgrad/autograd/functions/shape.h>
#include <voxgrad/core/error.h>
#include <voxgrad/nn/container.h>
#include <voxgrad/nn/conv.h>

#include <string>

namespace voxgrad {
namespace {

using nn::Conv1d;
using nn::Conv2d;
using nn::Conv3d;
using nn::ConvTranspose1d;
using nn::ConvTranspose2d;
using nn::ConvTranspose3d;

TEST(ConvLayer, HasPyTorchsKeysAndShapes) {
  const Conv3d layer({.in_channels = 4, .out_channels = 6, .kernel_size = {1, 2, 3}, .groups = 2});
  const nn::StateDict state = layer.state_dict();
  ASSERT_EQ(state.size(), 2U);
  EXPECT_EQ(state[0].first, "weight");
  EXPECT_EQ(state[0].second.shape(), (Shape{6, 2, 1, 2, 3}));
  EXPECT_EQ(state[1].first, "bias");
  EXPECT_EQ(state[1].second.shape(), (Shape{6}));
}

TEST(ConvLayer, HasNoBiasWithoutOne) {
  const Conv1d layer({.in_channels = 2, .out_channels = 3, .kernel_size = 3, .bias = false});
  EXPECT_FALSE(layer.bias.defined());
  EXPECT_EQ(layer.state_dict().size(), 1U);
  EXPECT_EQ(layer.parameters().size(), 1U);
}

TEST(ConvLayer, ComputesConvWithItsOptions) {
  Generator generator(1);
  Conv2d layer({.in_channels = 4,
                .out_channels = 6,
                .kernel_size = {3, 2},
                .stride = {2, 1},
                .padding = {1, 0},
                .dilation = {1, 2},
                .groups = 2});
  const Tensor x = randn({2, 4, 7, 5}, DType::float32, {}, generator);
  const Tensor y = layer(x);
  EXPECT_EQ(y.shape(), (Shape{2, 6, 4, 3}));
  const Tensor expected =
      conv(x, layer.weight, layer.bias,
           {.stride = {2, 1}, .padding = {1, 0}, .dilation = {1, 2}, .groups = 2});
  EXPECT_EQ(y.to_vector<float>(), expected.to_vector<float>());
}

TEST(ConvLayer, SamePaddingPutsTheOddZeroAtTheEnd) {
  Conv1d layer(
      {.in_channels = 1, .out_channels = 1, .kernel_size = 2, .padding = "same", .bias = false});
  layer.load_state_dict({{"weight", Tensor::from(std::vector<float>{1, 10}, {1, 1, 2})}});
  const Tensor y = layer(Tensor::from(std::vector<float>{1, 2, 3}, {1, 1, 3}));
  EXPECT_EQ(y.to_vector<float>(), (std::vector<float>{21, 32, 3}));
}

TEST(ConvLayer, PadsByItsMode) {
  const auto run = [](PadMode mode) {
    Conv1d layer({.in_channels = 1,
                  .out_channels = 1,
                  .kernel_size = 3,
                  .padding = 1,
                  .bias = false,
                  .padding_mode = mode});
    layer.load_state_dict({{"weight", Tensor::from(std::vector<float>{1, 10, 100}, {1, 1, 3})}});
    return layer(Tensor::from(std::vector<float>{1, 2, 3}, {1, 1, 3})).to_vector<float>();
  };
  EXPECT_EQ(run(PadMode::constant), (std::vector<float>{210, 321, 32}));
  EXPECT_EQ(run(PadMode::reflect), (std::vector<float>{212, 321, 232}));
  EXPECT_EQ(run(PadMode::replicate), (std::vector<float>{211, 321, 332}));
  EXPECT_EQ(run(PadMode::circular), (std::vector<float>{213, 321, 132}));
}

TEST(ConvLayer, PadsByItsModeAlsoToTheSameSize) {
  Conv2d layer({.in_channels = 1,
                .out_channels = 1,
                .kernel_size = {2, 3},
                .padding = "same",
                .dilation = {1, 2},
                .padding_mode = PadMode::replicate});
  EXPECT_EQ(layer(ones({1, 1, 5, 7})).shape(), (Shape{1, 1, 5, 7}));
}

TEST(ConvLayer, TakesUnbatchedInput) {
  Conv2d layer({.in_channels = 2, .out_channels = 3, .kernel_size = 3, .padding = 1});
  Generator generator(1);
  const Tensor x = randn({1, 2, 5, 7}, DType::float32, {}, generator);
  const Tensor y = layer(x.select(0, 0));
  EXPECT_EQ(y.shape(), (Shape{3, 5, 7}));
  EXPECT_EQ(y.to_vector<float>(), layer(x).to_vector<float>());
}

TEST(ConvLayer, TrainsWeightAndBias) {
  Conv3d layer({.in_channels = 1, .out_channels = 2, .kernel_size = 2});
  sum(layer(ones({1, 1, 3, 3, 3}))).backward();
  EXPECT_EQ(layer.weight.grad().to_vector<float>(), std::vector<float>(16, 8.0F));
  EXPECT_EQ(layer.bias.grad().to_vector<float>(), std::vector<float>(2, 8.0F));
}

TEST(ConvLayer, HasTheDtypeAskedFor) {
  const Conv1d layer(
      {.in_channels = 2, .out_channels = 3, .kernel_size = 3, .dtype = DType::float64});
  EXPECT_EQ(layer.weight.dtype(), DType::float64);
  EXPECT_EQ(layer.bias.dtype(), DType::float64);
  // 2^60 bytes: refused before they are asked for.
  EXPECT_THROW(Conv1d({.in_channels = 1,
                       .out_channels = 1,
                       .kernel_size = Index{1} << 57,
                       .dtype = DType::int64}),
               DTypeError);
}

template <typename Layer, typename Options>
void expect_refused(const Options& options, const std::string& part) {
  try {
    Layer layer(options);
    FAIL() << "no error with " << part;
  } catch (const ShapeError& error) {
    EXPECT_NE(std::string(error.what()).find(part), std::string::npos) << error.what();
  }
}

TEST(ConvLayer, RefusesOptionsThatDoNotFit) {
  const nn::ConvOptions good{.in_channels = 4, .out_channels = 6, .kernel_size = 3};
  const auto with = [&](auto change) {
    nn::ConvOptions options = good;
    change(options);
    return options;
  };
  expect_refused<Conv3d>(with([](auto& o) { o.groups = 0; }), "groups must be >= 1; got 0");
  expect_refused<Conv3d>(with([](auto& o) { o.groups = 3; }), "got 3 groups for 4 and 6");
  expect_refused<Conv3d>(with([](auto& o) { o.groups = 4; }), "got 4 groups for 4 and 6");
  expect_refused<Conv3d>(with([](auto& o) { o.in_channels = 0; }), "got 0 and 6");
  expect_refused<Conv3d>(with([](auto& o) { o.out_channels = -1; }), "got 4 and -1");
  expect_refused<Conv3d>(with([](auto& o) { o.kernel_size = 0; }), "kernel_size must be >= 1");
  expect_refused<Conv3d>(with([](auto& o) { o.kernel_size = {3, 3}; }), "kernel_size");
  expect_refused<Conv3d>(with([](auto& o) { o.stride = {1, 0, 1}; }), "got (1, 0, 1)");
  expect_refused<Conv3d>(with([](auto& o) { o.dilation = 0; }), "dilation must be >= 1");
  expect_refused<Conv3d>(with([](auto& o) { o.padding = -1; }), "padding must be >= 0");
  expect_refused<Conv3d>(with([](auto& o) {
                           o.padding = "same";
                           o.stride = {1, 2, 1};
                         }),
                         "'same' needs stride 1");
  EXPECT_THROW(ConvPadding("foo"), ShapeError);
}

TEST(ConvLayer, PrintsLikePyTorch) {
  EXPECT_EQ(Conv1d({.in_channels = 2, .out_channels = 3, .kernel_size = 3}).repr(),
            "Conv1d(2, 3, kernel_size=(3,), stride=(1,))");
  EXPECT_EQ(Conv2d({.in_channels = 2,
                    .out_channels = 4,
                    .kernel_size = {3, 5},
                    .padding = {0, 1},
                    .dilation = 2,
                    .groups = 2,
                    .bias = false,
                    .padding_mode = PadMode::reflect})
                .repr(),
            "Conv2d(2, 4, kernel_size=(3, 5), stride=(1, 1), padding=(0, 1), dilation=(2, 2), "
            "groups=2, bias=False, padding_mode=reflect)");
  EXPECT_EQ(
      Conv1d({.in_channels = 2, .out_channels = 3, .kernel_size = 3, .padding = "same"}).repr(),
      "Conv1d(2, 3, kernel_size=(3,), stride=(1,), padding=same)");
}

TEST(ConvTransposeLayer, HasPyTorchsKeysAndShapes) {
  const ConvTranspose2d layer(
      {.in_channels = 4, .out_channels = 6, .kernel_size = {2, 3}, .groups = 2});
  const nn::StateDict state = layer.state_dict();
  ASSERT_EQ(state.size(), 2U);
  EXPECT_EQ(state[0].first, "weight");
  EXPECT_EQ(state[0].second.shape(), (Shape{4, 3, 2, 3}));
  EXPECT_EQ(state[1].first, "bias");
  EXPECT_EQ(state[1].second.shape(), (Shape{6}));
}

TEST(ConvTransposeLayer, ComputesConvTransposeWithItsOptions) {
  Generator generator(1);
  ConvTranspose2d layer({.in_channels = 4,
                         .out_channels = 6,
                         .kernel_size = {3, 2},
                         .stride = {2, 3},
                         .padding = {1, 0},
                         .output_padding = {1, 2},
                         .groups = 2,
                         .dilation = {1, 2}});
  const Tensor x = randn({2, 4, 3, 5}, DType::float32, {}, generator);
  const Tensor y = layer(x);
  EXPECT_EQ(y.shape(), (Shape{2, 6, 6, 17}));
  const Tensor expected = conv_transpose(x, layer.weight, layer.bias,
                                         {.stride = {2, 3},
                                          .padding = {1, 0},
                                          .output_padding = {1, 2},
                                          .groups = 2,
                                          .dilation = {1, 2}});
  EXPECT_EQ(y.to_vector<float>(), expected.to_vector<float>());
}

TEST(ConvTransposeLayer, FitsASkipOfOddSize) {
  ConvTranspose3d up({.in_channels = 3, .out_channels = 2, .kernel_size = 2, .stride = 2});
  const Tensor skip = zeros({1, 2, 9, 8, 5});
  EXPECT_EQ(up(zeros({1, 3, 4, 4, 2}), {.like = &skip}).shape(), (Shape{1, 2, 9, 8, 5}));
  EXPECT_EQ(up(zeros({1, 3, 4, 4, 2})).shape(), (Shape{1, 2, 8, 8, 4}));
}

TEST(ConvTransposeLayer, TakesAnOutputSizeInPlaceOfItsOutputPadding) {
  ConvTranspose2d up({.in_channels = 3,
                      .out_channels = 2,
                      .kernel_size = 3,
                      .stride = 2,
                      .padding = 1,
                      .output_padding = 1});
  const Tensor x = zeros({2, 3, 4, 5});
  EXPECT_EQ(up(x).shape(), (Shape{2, 2, 8, 10}));
  EXPECT_EQ(up(x, {.output_size = Shape{7, 10}}).shape(), (Shape{2, 2, 7, 10}));
  EXPECT_EQ(up(x, {.output_size = Shape{2, 2, 8, 9}}).shape(), (Shape{2, 2, 8, 9}));
  EXPECT_THROW(up(x, {.output_size = Shape{9, 10}}), ShapeError);
  EXPECT_THROW(up(x, {.output_size = Shape{7}}), ShapeError);
  const Tensor like = zeros({2, 2, 8, 9});
  EXPECT_THROW(up(x, {.like = &like, .output_size = Shape{8, 9}}), ShapeError);
}

TEST(ConvTransposeLayer, RefusesOptionsThatDoNotFit) {
  const nn::ConvTransposeOptions good{.in_channels = 4, .out_channels = 6, .kernel_size = 3};
  const auto with = [&](auto change) {
    nn::ConvTransposeOptions options = good;
    change(options);
    return options;
  };
  expect_refused<ConvTranspose3d>(with([](auto& o) { o.groups = 3; }), "got 3 groups for 4 and 6");
  expect_refused<ConvTranspose3d>(with([](auto& o) { o.padding = {0, -1, 0}; }), "got (0, -1, 0)");
  expect_refused<ConvTranspose3d>(with([](auto& o) { o.output_padding = -1; }),
                                  "output_padding must be >= 0");
  expect_refused<ConvTranspose3d>(with([](auto& o) { o.stride = {2, 2}; }), "stride");
}

TEST(ConvTransposeLayer, PrintsLikePyTorch) {
  EXPECT_EQ(ConvTranspose3d({.in_channels = 4,
                             .out_channels = 6,
                             .kernel_size = 3,
                             .stride = 2,
                             .padding = 1,
                             .output_padding = 1,
                             .groups = 2,
                             .bias = false,
                             .dilation = 2})
                .repr(),
            "ConvTranspose3d(4, 6, kernel_size=(3, 3, 3), stride=(2, 2, 2), padding=(1, 1, 1), "
            "dilation=(2, 2, 2), output_padding=(1, 1, 1), groups=2, bias=False)");
}

TEST(ConvTransposeLayer, IsCalledInASequential) {
  nn::Sequential net{
      ConvTranspose1d({.in_channels = 1, .out_channels = 1, .kernel_size = 2, .stride = 2})};
  EXPECT_EQ(net(ones({1, 1, 3})).shape(), (Shape{1, 1, 6}));
}

}  // namespace
}  // namespace voxgrad
