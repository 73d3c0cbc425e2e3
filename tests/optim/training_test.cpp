// Layers, losses and optimizers together: small networks that must learn.
#include <gtest/gtest.h>
#include <voxgrad/autograd/functions/conv.h>
#include <voxgrad/autograd/functions/creation.h>
#include <voxgrad/autograd/functions/elementwise.h>
#include <voxgrad/autograd/functions/loss.h>
#include <voxgrad/autograd/functions/reduce.h>
#include <voxgrad/core/allocator.h>
#include <voxgrad/core/parallel.h>
#include <voxgrad/nn/activation.h>
#include <voxgrad/nn/container.h>
#include <voxgrad/nn/conv.h>
#include <voxgrad/nn/linear.h>
#include <voxgrad/nn/unet.h>
#include <voxgrad/optim/adam.h>
#include <voxgrad/optim/scheduler.h>
#include <voxgrad/optim/sgd.h>

#include <cmath>

namespace voxgrad {
namespace {

/// The losses of the first and the last step.
template <typename Loss>
std::pair<double, double> train(optim::Optimizer& optimizer, int steps, Loss loss) {
  double first = 0;
  double last = 0;
  for (int step = 0; step < steps; ++step) {
    optimizer.zero_grad();
    const Tensor value = loss();
    value.backward();
    optimizer.step();
    last = value.item();
    if (step == 0) first = last;
  }
  return {first, last};
}

TEST(Training, AUNetLearnsToFindABall) {
  manual_seed(1);
  nn::UNet3d net({.channels = {4, 8}});
  Tensor image = Tensor::empty({1, 1, 8, 9, 10});
  Tensor labels = Tensor::empty({1, 8, 9, 10}, DType::int64);
  Generator generator(2);
  fill_normal(image.mutable_data<float>(), image.numel(), 0, 0.5, generator);
  Index at = 0;
  for (Index d = 0; d < 8; ++d)
    for (Index h = 0; h < 9; ++h)
      for (Index w = 0; w < 10; ++w, ++at) {
        const bool inside = (d - 4) * (d - 4) + (h - 4) * (h - 4) + (w - 5) * (w - 5) < 9;
        labels.mutable_data<std::int64_t>()[at] = inside;
        image.mutable_data<float>()[at] += inside ? 1.0F : 0.0F;
      }
  optim::AdamW adam(net.parameters(), {.learning_rate = 1e-2});
  const auto [first, last] = train(adam, 80, [&] {
    const Tensor logits = net(image);
    return cross_entropy(logits, labels) + dice_loss(logits, labels);
  });
  EXPECT_LT(last, first / 10);
}

/// All weights after 20 steps of a network with every kind of convolution.
std::vector<std::vector<float>> train_twenty_steps(int threads, std::size_t limit) {
  const int threads_before = num_threads();
  const std::size_t limit_before = workspace_limit();
  set_num_threads(threads);
  set_workspace_limit(limit);
  manual_seed(3);
  nn::Sequential net{
      nn::Conv3d({.in_channels = 1, .out_channels = 16, .kernel_size = 3}),
      nn::Conv3d(
          {.in_channels = 16, .out_channels = 16, .kernel_size = 3, .padding = 1, .groups = 16}),
      nn::UNet3d({.in_channels = 16,
                  .channels = {16, 32},
                  .norm = nn::UNetNorm::batch,
                  .activation = nn::UNetActivation::relu}),
      nn::Conv3d({.in_channels = 2, .out_channels = 2, .kernel_size = 3, .stride = 2})};
  optim::SGD sgd(net.parameters(), {.learning_rate = 1e-2, .momentum = 0.9});
  const Tensor x = randn({1, 1, 12, 14, 16});
  train(sgd, 20, [&] { return mean(square(net(x) - 1)); });
  set_num_threads(threads_before);
  set_workspace_limit(limit_before);
  std::vector<std::vector<float>> weights;
  for (const Tensor& parameter : net.parameters()) weights.push_back(parameter.to_vector<float>());
  return weights;
}

TEST(Training, TwentyStepsGiveTheSameBitsWithAnyThreadsAndWorkspace) {
  std::vector<std::string> algorithms = conv_algorithms();
  algorithms.emplace_back();  // the library's choice
  for (const std::string& algorithm : algorithms) {
    force_conv_algorithm(algorithm);
    const auto expected = train_twenty_steps(1, std::size_t{1} << 30);
    EXPECT_TRUE(std::isfinite(expected[0][0]));
    EXPECT_EQ(train_twenty_steps(2, std::size_t{64} << 20), expected) << algorithm;
    EXPECT_EQ(train_twenty_steps(3, 1), expected) << algorithm;
    EXPECT_EQ(train_twenty_steps(2, std::size_t{64} << 20), expected) << algorithm << " again";
  }
  force_conv_algorithm("");
}

TEST(Training, SgdFitsALine) {
  manual_seed(1);
  nn::Linear net({.in_features = 2, .out_features = 1});
  const Tensor x = Tensor::from(std::vector<float>{0, 0, 0, 1, 1, 0, 1, 1}, {4, 2});
  const Tensor y = Tensor::from(std::vector<float>{1, 3, -1, 1}, {4, 1});
  optim::SGD sgd(net.parameters(), {.learning_rate = 0.1, .momentum = 0.9, .nesterov = true});
  const auto [first, last] = train(sgd, 200, [&] { return mse_loss(net(x), y); });
  EXPECT_LT(last, first / 1000);
  EXPECT_NEAR(net.weight.to_vector<float>()[0], -2, 1e-2);
  EXPECT_NEAR(net.weight.to_vector<float>()[1], 2, 1e-2);
  EXPECT_NEAR(net.bias.item(), 1, 1e-2);
}

TEST(Training, AScheduleSlowsDown) {
  manual_seed(1);
  nn::Sequential net{nn::Linear({.in_features = 1, .out_features = 8}), nn::Sigmoid{},
                     nn::Linear({.in_features = 8, .out_features = 1})};
  const Tensor x = arange(0, 1, 0.125).view({8, 1});
  const Tensor y = x * x;
  optim::Adam adam(net.parameters(), {.learning_rate = 5e-2});
  optim::PolynomialLR schedule(adam, 300, 0.9);
  const auto [first, last] = train(adam, 300, [&] {
    Tensor loss = mse_loss(net(x), y);
    schedule.step();
    return loss;
  });
  EXPECT_EQ(adam.learning_rate(), 0);
  EXPECT_LT(last, first / 10);
}

}  // namespace
}  // namespace voxgrad
