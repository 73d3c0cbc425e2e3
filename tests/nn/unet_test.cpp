#include <gtest/gtest.h>

#include <voxgrad/autograd/functions/creation.h>
#include <voxgrad/autograd/functions/elementwise.h>
#include <voxgrad/autograd/functions/reduce.h>
#include <voxgrad/core/backend.h>
#include <voxgrad/core/error.h>
#include <voxgrad/core/parallel.h>
#include <voxgrad/nn/unet.h>

namespace voxgrad {
namespace {

TEST(UNet, KeepsTheSizeWhateverItIs) {
  nn::UNet3d net({.in_channels = 2, .out_channels = 3, .channels = {2, 3, 4}});
  EXPECT_EQ(net(ones({1, 2, 4, 9, 7})).shape(), (Shape{1, 3, 4, 9, 7}));
  nn::UNet2d flat({.channels = {2, 3}});
  EXPECT_EQ(flat(ones({2, 1, 5, 4})).shape(), (Shape{2, 2, 5, 4}));
}

TEST(UNet, GivesEveryParameterAGradient) {
  nn::UNet2d net({.channels = {2, 3, 4}, .norm = nn::UNetNorm::batch});
  Generator generator(1);
  sum(net(randn({2, 1, 9, 6}, DType::float32, {}, generator))).backward();
  for (const auto& [name, parameter] : net.named_parameters())
    EXPECT_TRUE(parameter.grad().defined()) << name;
}

TEST(UNet, HasTheNamesItDocuments) {
  const nn::UNet1d net({.channels = {2, 3}, .convs_per_level = 1, .norm = nn::UNetNorm::none});
  std::vector<std::string> names;
  for (const auto& [name, tensor] : net.state_dict()) names.push_back(name);
  EXPECT_EQ(names, (std::vector<std::string>{"encoder.0.0.weight", "encoder.0.0.bias",
                                             "encoder.1.0.weight", "encoder.1.0.bias",
                                             "up.0.weight", "up.0.bias", "decoder.0.0.weight",
                                             "decoder.0.0.bias", "head.weight", "head.bias"}));
}

TEST(UNet, DrawsItsInitialValuesInTheOrderOfItsNames) {
  manual_seed(4);
  const nn::UNet1d net({.channels = {2, 3}, .convs_per_level = 1, .norm = nn::UNetNorm::none});
  manual_seed(4);
  const nn::Conv1d fine({.in_channels = 1, .out_channels = 2, .kernel_size = 3});
  const nn::Conv1d deep({.in_channels = 2, .out_channels = 3, .kernel_size = 3});
  const nn::ConvTranspose1d up(
      {.in_channels = 3, .out_channels = 2, .kernel_size = 2, .stride = 2});
  const nn::Conv1d decoder({.in_channels = 4, .out_channels = 2, .kernel_size = 3});
  const nn::Conv1d head({.in_channels = 2, .out_channels = 2, .kernel_size = 1});
  const nn::StateDict state = net.state_dict();
  EXPECT_EQ(state[0].second.to_vector<float>(), fine.weight.to_vector<float>());
  EXPECT_EQ(state[2].second.to_vector<float>(), deep.weight.to_vector<float>());
  EXPECT_EQ(state[4].second.to_vector<float>(), up.weight.to_vector<float>());
  EXPECT_EQ(state[6].second.to_vector<float>(), decoder.weight.to_vector<float>());
  EXPECT_EQ(state[9].second.to_vector<float>(), head.bias.to_vector<float>());
}

TEST(UNet, HasTheSizeOfTheReferenceNetwork) {
  const nn::UNet3d net({.out_channels = 3,
                        .channels = {32, 64, 128, 256},
                        .norm = nn::UNetNorm::batch,
                        .activation = nn::UNetActivation::relu});
  // Blocks: (27 a b + 3 b) + (27 b b + 3 b); ups: 8 a b + b; head: 3 (32 + 1).
  const auto block = [](Index a, Index b) { return 27 * a * b + 27 * b * b + 6 * b; };
  const auto up = [](Index a, Index b) { return 8 * a * b + b; };
  EXPECT_EQ(net.parameter_count(), block(1, 32) + block(32, 64) + block(64, 128) + block(128, 256) +
                                       up(256, 128) + up(128, 64) + up(64, 32) + block(256, 128) +
                                       block(128, 64) + block(64, 32) + 3 * 33);
}

TEST(UNet, ClonesAndConverts) {
  nn::UNet2d net({.channels = {2, 3}});
  const auto copy = net.clone();
  copy->to(DType::float64);
  Generator generator(1);
  const Tensor x = randn({1, 1, 6, 5}, DType::float32, {}, generator);
  const auto narrow = net(x).to_vector<float>();
  const auto wide = (*copy)(x.to(DType::float64)).to_vector<double>();
  for (std::size_t i = 0; i < narrow.size(); ++i) EXPECT_NEAR(narrow[i], wide[i], 1e-4);
}

// The bytes of 7.5 tensors of level 0. A step keeps 5.3: one tensor for each convolution and pooled
// values (4 on level 0, a quarter of that on level 1, two of a sixteenth on level 2, an eighth
// pooled); what the transposed convolutions gave is computed again. The rest is passing values,
// gradients and workspace, of which each thread that gets work has its own: the second may come too
// late. Every set of kernels takes the same.
TEST(UNet, ATrainingStepTakesLittleMemory) {
  const int threads = num_threads();
  const Index width = 16, size = 32;
  const std::size_t least = 15'819'136;
  for (const auto& [used, most] : {std::pair{1, least}, {2, std::size_t{16'100'224}}}) {
    set_num_threads(used);
    manual_seed(0);
    nn::UNet3d net({.channels = {width, 2 * width, 4 * width}, .norm = nn::UNetNorm::batch});
    Generator generator(1);
    const Tensor x = randn({1, 1, size, size, size}, DType::float32, {}, generator);
    const auto step = [&] {
      net.zero_grad();
      sum(square(net(x))).backward();
    };
    step();
    const std::size_t before = backend({}).memory_stats().current;
    backend({}).reset_peak_memory_stats();
    step();
    const std::size_t taken = backend({}).memory_stats().peak - before;
    EXPECT_LE(taken, most) << used;
    EXPECT_GE(taken, least) << used;
  }
  set_num_threads(threads);
}

TEST(UNet, RefusesWhatDoesNotFit) {
  EXPECT_THROW(nn::UNet3d({.channels = {}}), ShapeError);
  EXPECT_THROW(nn::UNet3d({.channels = {2, 0}}), ShapeError);
  EXPECT_THROW(nn::UNet3d({.convs_per_level = 0}), ShapeError);
  nn::UNet2d net({.channels = {2, 3, 4}});
  EXPECT_THROW(net(ones({1, 1, 3, 8})), ShapeError);
  EXPECT_THROW(net(ones({1, 8, 8})), ShapeError);
  EXPECT_THROW(net(ones({1, 2, 8, 8})), ShapeError);
}

}  // namespace
}  // namespace voxgrad
