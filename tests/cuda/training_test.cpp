// Whole networks train on the GPU as on the CPU.
#include <gtest/gtest.h>
#include <voxgrad/voxgrad.h>

#include <cmath>
#include <functional>
#include <memory>

#include "tests/ops/random_values.h"
#include "tests/support/on_cuda.h"

namespace voxgrad::testing {
namespace {

using Loss = std::function<Tensor(const Tensor& x, const Tensor& labels)>;

/// Losses of three steps, and the weights after them.
struct Trained {
  std::vector<double> losses;
  std::vector<std::vector<double>> weights;
};

template <typename Net>
Trained train(Net net, Device device, const Tensor& x, const Tensor& labels) {
  net.to(device);
  optim::SGD optimizer(net.parameters(), {.learning_rate = 0.05, .momentum = 0.9});
  Trained result;
  for (int step = 0; step < 3; ++step) {
    optimizer.zero_grad();
    const Tensor loss = cross_entropy(net(x.to(device)), labels.to(device));
    loss.backward();
    optim::clip_grad_norm_(net.parameters(), 10);
    optimizer.step();
    result.losses.push_back(loss.item());
  }
  for (const auto& [name, tensor] : net.state_dict())
    result.weights.push_back(tensor.to(Device{}).to(DType::float64).template to_vector<double>());
  return result;
}

/// Makes the same network for each device and compares what came of it; on the GPU twice, with the
/// same bits.
template <typename Make>
void expect_same_training(const Make& make, const Tensor& x, const Tensor& labels,
                          double tolerance) {
  const auto run = [&](Device device) {
    manual_seed(1);
    return train(make(), device, x, labels);
  };
  const Trained cpu = run({}), cuda = run(kCuda), again = run(kCuda);
  EXPECT_EQ(cuda.losses, again.losses);
  EXPECT_EQ(cuda.weights, again.weights);
  for (std::size_t i = 0; i < cpu.losses.size(); ++i)
    EXPECT_NEAR(cuda.losses[i], cpu.losses[i], tolerance) << i;
  ASSERT_EQ(cpu.weights.size(), cuda.weights.size());
  for (std::size_t i = 0; i < cpu.weights.size(); ++i) {
    ASSERT_EQ(cpu.weights[i].size(), cuda.weights[i].size());
    for (std::size_t k = 0; k < cpu.weights[i].size(); ++k)
      ASSERT_NEAR(cuda.weights[i][k], cpu.weights[i][k], tolerance) << i << " " << k;
  }
}

class CudaTraining : public Cuda {};

TEST_F(CudaTraining, AMultilayerPerceptron) {
  const auto make = [] {
    return nn::Sequential{nn::Linear{{.in_features = 7, .out_features = 11}}, nn::ReLU{},
                          nn::Linear{{.in_features = 11, .out_features = 5}}, nn::GELU{},
                          nn::Linear{{.in_features = 5, .out_features = 3}}};
  };
  expect_same_training(make, random_values({6, 7}, DType::float32), random_labels({6}, 3), 1e-5);
}

TEST_F(CudaTraining, ANetworkWithBatchNorm) {
  const auto make = [] {
    return nn::Sequential{
        nn::Conv2d{{.in_channels = 2, .out_channels = 5, .kernel_size = 3, .padding = 1}},
        nn::BatchNorm2d{{.num_features = 5}}, nn::ReLU{}, nn::MaxPool2d{{.kernel_size = 2}},
        nn::ConvTranspose2d{{.in_channels = 5, .out_channels = 3, .kernel_size = 2, .stride = 2}}};
  };
  expect_same_training(make, random_values({2, 2, 6, 8}, DType::float32),
                       random_labels({2, 6, 8}, 3), 1e-4);
}

TEST_F(CudaTraining, AUNet) {
  const auto make = [] { return nn::UNet3d({.channels = {3, 6}}); };
  expect_same_training(make, random_values({1, 1, 8, 6, 4}, DType::float32),
                       random_labels({1, 8, 6, 4}, 2), 1e-4);
}

}  // namespace
}  // namespace voxgrad::testing
