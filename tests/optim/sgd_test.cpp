#include <gtest/gtest.h>

#include <limits>

#include <voxgrad/optim/sgd.h>

#include "tests/optim/scalar_optimizers.h"

namespace voxgrad {
namespace {

void expect_sgd(const optim::SGDOptions& o) {
  const auto make = [&](std::vector<Tensor> parameters) {
    return std::make_unique<optim::SGD>(std::move(parameters), o);
  };
  const auto rule = [&]() -> test::ScalarRule {
    return [o, b = 0.0](double p, double g, int t) mutable {
      g += o.weight_decay * p;
      if (o.momentum == 0) return p - o.learning_rate * g;
      b = t == 1 ? g : o.momentum * b + (1 - o.dampening) * g;
      return p - o.learning_rate * (o.nesterov ? g + o.momentum * b : b);
    };
  };
  test::expect_like_scalar_rule<double>(make, rule);
  test::expect_like_scalar_rule<float>(make, rule);
}

TEST(SGD, FollowsTheGradient) { expect_sgd({.learning_rate = 0.1}); }

TEST(SGD, DecaysWeights) { expect_sgd({.learning_rate = 0.1, .weight_decay = 0.2}); }

TEST(SGD, HasMomentum) { expect_sgd({.learning_rate = 0.1, .momentum = 0.9}); }

TEST(SGD, DampensFromTheSecondStepOn) {
  expect_sgd({.learning_rate = 0.1, .momentum = 0.8, .dampening = 0.3, .weight_decay = 0.1});
}

TEST(SGD, LooksAheadWithNesterov) {
  expect_sgd({.learning_rate = 0.01, .momentum = 0.99, .weight_decay = 3e-5, .nesterov = true});
}

// Two steps by hand: p 1, g 1, then 2, lr 0.1, momentum 0.5: b 1, p 0.9; b 2.5, p 0.65.
TEST(SGD, AgreesWithAHandComputation) {
  Tensor p = Tensor::from(std::vector<double>{1}, {1}).requires_grad_();
  optim::SGD sgd({p}, {.learning_rate = 0.1, .momentum = 0.5});
  p.set_grad(Tensor::from(std::vector<double>{1}, {1}));
  sgd.step();
  EXPECT_NEAR(p.item(), 0.9, 1e-15);
  p.set_grad(Tensor::from(std::vector<double>{2}, {1}));
  sgd.step();
  EXPECT_NEAR(p.item(), 0.65, 1e-15);
}

TEST(SGD, KeepsInfiniteParametersInfinite) {
  const std::vector<float> infinite(1, std::numeric_limits<float>::infinity());
  Tensor parameter = Tensor::from(infinite, {1}).requires_grad_();
  parameter.set_grad(Tensor::from(std::vector<float>{1}, {1}));
  optim::SGD({parameter}, {.momentum = 0.9}).step();
  EXPECT_EQ(parameter.to_vector<float>(), infinite);
}

}  // namespace
}  // namespace voxgrad
