#include <gtest/gtest.h>
#include <voxgrad/core/parallel.h>
#include <voxgrad/optim/adam.h>

#include <limits>

#include "tests/optim/scalar_optimizers.h"

namespace voxgrad {
namespace {

// Written from the papers: bias-corrected moments, then one quotient.
template <typename Options>
test::ScalarRule adam_rule(const Options& o, bool decoupled) {
  return [o, decoupled, m = 0.0, v = 0.0, top = 0.0](double p, double g, int t) mutable {
    if (decoupled) p -= o.learning_rate * o.weight_decay * p;
    else g += o.weight_decay * p;
    m = o.beta1 * m + (1 - o.beta1) * g;
    v = o.beta2 * v + (1 - o.beta2) * g * g;
    top = std::max(top, v);
    const double mean = m / (1 - std::pow(o.beta1, t));
    const double square = (o.amsgrad ? top : v) / (1 - std::pow(o.beta2, t));
    return p - o.learning_rate * mean / (std::sqrt(square) + o.eps);
  };
}

void expect_adam(const optim::AdamOptions& o) {
  const auto make = [&](std::vector<Tensor> parameters) {
    return std::make_unique<optim::Adam>(std::move(parameters), o);
  };
  const auto rule = [&] { return adam_rule(o, false); };
  test::expect_like_scalar_rule<double>(make, rule);
  test::expect_like_scalar_rule<float>(make, rule);
}

void expect_adamw(const optim::AdamWOptions& o) {
  const auto make = [&](std::vector<Tensor> parameters) {
    return std::make_unique<optim::AdamW>(std::move(parameters), o);
  };
  const auto rule = [&] { return adam_rule(o, true); };
  test::expect_like_scalar_rule<double>(make, rule);
  test::expect_like_scalar_rule<float>(make, rule);
}

TEST(Adam, HasPyTorchsDefaults) {
  const optim::AdamOptions adam;
  EXPECT_EQ(adam.learning_rate, 1e-3);
  EXPECT_EQ(adam.beta1, 0.9);
  EXPECT_EQ(adam.beta2, 0.999);
  EXPECT_EQ(adam.eps, 1e-8);
  EXPECT_EQ(adam.weight_decay, 0);
  EXPECT_EQ(optim::AdamWOptions().weight_decay, 1e-2);
}

TEST(Adam, DividesTheMeanByTheRoot) { expect_adam({.learning_rate = 0.01}); }

TEST(Adam, DecaysThroughTheGradient) {
  expect_adam({.learning_rate = 0.01, .beta1 = 0.8, .beta2 = 0.9, .weight_decay = 0.3});
}

TEST(Adam, AmsgradKeepsTheLargestSquare) {
  expect_adam({.learning_rate = 0.01, .beta2 = 0.5, .amsgrad = true});
}

TEST(AdamW, DecaysApartFromTheGradient) {
  expect_adamw({.learning_rate = 0.01, .weight_decay = 0.3});
  expect_adamw({.learning_rate = 0.01, .beta2 = 0.5, .weight_decay = 0.1, .amsgrad = true});
}

// The first step is learning_rate * sign(g) where eps is negligible.
TEST(Adam, AgreesWithAHandComputation) {
  Tensor p = Tensor::from(std::vector<double>{1, 1}, {2}).requires_grad_();
  optim::Adam adam({p}, {.learning_rate = 0.1});
  p.set_grad(Tensor::from(std::vector<double>{4, -0.5}, {2}));
  adam.step();
  EXPECT_NEAR(p.to_vector<double>()[0], 0.9, 1e-8);
  EXPECT_NEAR(p.to_vector<double>()[1], 1.1, 1e-8);
}

TEST(Adam, GivesTheSameBitsWithAnyNumberOfThreads) {
  const auto run = [](int threads) {
    const int before = num_threads();
    set_num_threads(threads);
    std::vector<float> values(100000);
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = std::sin(static_cast<float>(i));
    Tensor p = Tensor::from(values, {100000}).requires_grad_();
    optim::AdamW adam({p});
    for (int t = 0; t < 3; ++t) {
      p.set_grad(p.detach().clone());
      adam.step();
    }
    set_num_threads(before);
    return p.to_vector<float>();
  };
  const auto one = run(1);
  EXPECT_EQ(run(2), one);
  EXPECT_EQ(run(3), one);
}

TEST(Adam, IsNotCancelledHalfWay) {
  std::vector<float> values(200000, 1.0F);
  Tensor p = Tensor::from(values, {200000}).requires_grad_();
  p.set_grad(Tensor::from(values, {200000}));
  optim::Adam adam({p}, {.learning_rate = 0.5});
  request_cancel();
  EXPECT_NO_THROW(adam.step());
  clear_cancel();
  for (const float value : p.to_vector<float>()) ASSERT_NEAR(value, 0.5F, 1e-5F);
}

TEST(Adam, NanIsNotHiddenByAmsgrad) {
  Tensor p = Tensor::from(std::vector<double>{1}, {1}).requires_grad_();
  optim::Adam adam({p}, {.amsgrad = true});
  p.set_grad(Tensor::from(std::vector<double>{1}, {1}));
  adam.step();
  p.set_grad(Tensor::from(std::vector<double>{std::numeric_limits<double>::quiet_NaN()}, {1}));
  adam.step();
  EXPECT_TRUE(std::isnan(adam.state()[4].second.item()));
}

TEST(Adam, KeepsInfiniteParametersInfinite) {
  const std::vector<float> infinite(1, std::numeric_limits<float>::infinity());
  Tensor parameter = Tensor::from(infinite, {1}).requires_grad_();
  parameter.set_grad(Tensor::from(std::vector<float>{1}, {1}));
  optim::Adam({parameter}, {}).step();
  EXPECT_EQ(parameter.to_vector<float>(), infinite);
}

}  // namespace
}  // namespace voxgrad
