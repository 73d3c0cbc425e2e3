// Optimizers and limits on gradients, on the GPU as on the CPU.
#include <gtest/gtest.h>
#include <voxgrad/autograd/functions/creation.h>
#include <voxgrad/autograd/functions/elementwise.h>
#include <voxgrad/optim/adam.h>
#include <voxgrad/optim/clip_grad.h>
#include <voxgrad/optim/sgd.h>

#include <cmath>
#include <functional>
#include <limits>
#include <memory>

#include "tests/ops/random_values.h"
#include "tests/support/on_cuda.h"

namespace voxgrad::testing {
namespace {

using Make = std::function<std::unique_ptr<optim::Optimizer>(std::vector<Tensor>)>;

template <typename Optimizer, typename Options>
Make make(const Options& options) {
  return [options](std::vector<Tensor> parameters) {
    return std::make_unique<Optimizer>(std::move(parameters), options);
  };
}

Tensor parameter_of(const Tensor& values, Device device) {
  return values.to(device).detach().clone().requires_grad_();
}

/// Parameters and state after some steps from fixed values with fixed gradients, on the CPU.
std::vector<Tensor> after_steps(const Make& make, DType dtype, Device device) {
  const Layout channels_last = Layout::channels_last;
  const std::vector<Tensor> values{random_values({3, 5, 7}, dtype, channels_last),
                                   random_values({70001}, dtype), random_values({0, 2}, dtype)};
  std::vector<Tensor> parameters;
  for (const Tensor& value : values) parameters.push_back(parameter_of(value, device));
  const auto optimizer = make(parameters);
  for (int step = 0; step < 3; ++step) {
    for (std::size_t i = 0; i < parameters.size(); ++i)
      parameters[i].set_grad(values[i].to(device) * (step + 0.5));
    optimizer->step();
  }
  std::vector<Tensor> result;
  for (const Tensor& parameter : parameters) {
    EXPECT_EQ(parameter.device(), device);
    result.push_back(parameter.detach().to(Device{}));
  }
  for (const auto& [name, tensor] : optimizer->state()) {
    const bool counts = name == "learning_rate" || name.ends_with(".step");
    EXPECT_EQ(tensor.device(), counts ? Device{} : device) << name;
    result.push_back(tensor.to(Device{}));
  }
  return result;
}

void expect_same_training(const char* name, const Make& make) {
  for (const DType dtype : {DType::float32, DType::float64}) {
    const auto cpu = after_steps(make, dtype, Device{});
    const auto cuda = after_steps(make, dtype, kCuda);
    ASSERT_EQ(cpu.size(), cuda.size());
    const double tolerance = dtype == DType::float32 ? 1e-6 : 1e-14;
    for (std::size_t i = 0; i < cpu.size(); ++i) {
      const auto a = cpu[i].to(DType::float64).to_vector<double>();
      const auto b = cuda[i].to(DType::float64).to_vector<double>();
      ASSERT_EQ(a.size(), b.size());
      for (std::size_t k = 0; k < a.size(); ++k)
        ASSERT_NEAR(a[k], b[k], tolerance * (1 + std::abs(a[k]))) << name << " " << i << " " << k;
    }
  }
}

class CudaOptim : public Cuda {};

TEST_F(CudaOptim, StepsAsOnTheCpu) {
  using optim::Adam, optim::AdamOptions, optim::SGD, optim::SGDOptions;
  expect_same_training("SGD", make<SGD>(SGDOptions{.learning_rate = 0.1}));
  expect_same_training(
      "momentum",
      make<SGD>(SGDOptions{
          .learning_rate = 0.1, .momentum = 0.9, .dampening = 0.1, .weight_decay = 0.01}));
  expect_same_training("nesterov", make<SGD>(SGDOptions{.momentum = 0.9, .nesterov = true}));
  expect_same_training("Adam", make<Adam>(AdamOptions{.weight_decay = 0.1}));
  expect_same_training("amsgrad", make<Adam>(AdamOptions{.beta2 = 0.5, .amsgrad = true}));
  expect_same_training("AdamW", make<optim::AdamW>(optim::AdamWOptions{.weight_decay = 0.1}));
}

TEST_F(CudaOptim, UpdatesParametersWithGaps) {
  const Tensor whole = random_values({4, 6}, DType::float32);
  const auto step = [&](Device device) {
    const Tensor base = whole.to(device).clone();
    Tensor parameter = base.slice(1, 0, 3, 2).detach().requires_grad_();
    parameter.set_grad(base.slice(1, 1, 3, 2).detach().clone());
    optim::SGD({parameter}, {.learning_rate = 1, .momentum = 0.5}).step();
    return base.to(Device{}).to_vector<float>();
  };
  EXPECT_EQ(step(kCuda), step(Device{}));
}

TEST_F(CudaOptim, LoadsStateOntoTheParametersDevice) {
  const Tensor values = random_values({3, 4}, DType::float32);
  const Tensor trained = parameter_of(values, Device{});
  optim::Adam before({trained});
  Tensor(trained).set_grad(values);
  before.step();
  const Tensor moved = parameter_of(trained.detach(), kCuda);
  optim::Adam after({moved});
  after.load_state(before.state());
  Tensor(moved).set_grad(values.to(kCuda));
  after.step();
  before.step();
  const auto a = trained.to_vector<float>(), b = moved.detach().to(Device{}).to_vector<float>();
  for (std::size_t i = 0; i < a.size(); ++i) EXPECT_NEAR(a[i], b[i], 1e-6);
}

std::vector<Tensor> with_gradients(Device device) {
  std::vector<Tensor> parameters;
  for (const Shape& shape : {Shape{3, 70001}, Shape{5}, Shape{0}, Shape{1}}) {
    parameters.push_back(zeros(shape, DType::float32, device).requires_grad_());
    parameters.back().set_grad(random_values(shape, DType::float32).to(device));
  }
  return parameters;
}

TEST_F(CudaOptim, ClipsAsOnTheCpu) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  for (const double p : {1.0, 2.0, 3.5, kInfinity}) {
    std::vector<Tensor> cpu = with_gradients({}), cuda = with_gradients(kCuda);
    const double expected = optim::clip_grad_norm_(cpu, 0.5, p);
    EXPECT_NEAR(optim::clip_grad_norm_(cuda, 0.5, p), expected, 1e-12 * expected) << p;
    EXPECT_EQ(cuda[0].grad().to(Device{}).to_vector<float>(), cpu[0].grad().to_vector<float>());
    cpu[1].set_grad(Tensor::from(std::vector<float>{1, NAN, 0, 2, 3}, {5}));
    cuda[1].set_grad(cpu[1].grad().to(kCuda));
    EXPECT_TRUE(std::isnan(optim::clip_grad_norm_(cuda, 1, p))) << p;
  }
  std::vector<Tensor> mixed = with_gradients({}), cuda = with_gradients(kCuda);
  const double one = optim::get_total_norm(std::vector{mixed[0].grad()});
  mixed.insert(mixed.end(), cuda.begin(), cuda.end());
  EXPECT_NEAR(optim::get_total_norm(std::vector{mixed[0].grad(), mixed[4].grad()}),
              std::sqrt(2.0) * one, 1e-9 * one);
}

TEST_F(CudaOptim, ClampsAsOnTheCpu) {
  std::vector<Tensor> cpu = with_gradients({}), cuda = with_gradients(kCuda);
  optim::clip_grad_value_(cpu, 0.25);
  optim::clip_grad_value_(cuda, 0.25);
  EXPECT_EQ(cuda[0].grad().to(Device{}).to_vector<float>(), cpu[0].grad().to_vector<float>());
}

}  // namespace
}  // namespace voxgrad::testing
