#include <gtest/gtest.h>
#include <voxgrad/core/error.h>
#include <voxgrad/optim/scheduler.h>
#include <voxgrad/optim/sgd.h>

#include <cmath>
#include <numbers>

namespace voxgrad {
namespace {

class Schedule : public testing::Test {
 protected:
  /// The rates after 0, 1, ... steps.
  static std::vector<double> rates(optim::Scheduler& scheduler, int steps) {
    std::vector<double> result{scheduler.learning_rate()};
    for (int i = 0; i < steps; ++i) {
      scheduler.step();
      result.push_back(scheduler.learning_rate());
    }
    return result;
  }
  static void expect_near(const std::vector<double>& got, const std::vector<double>& expected) {
    ASSERT_EQ(got.size(), expected.size());
    for (std::size_t i = 0; i < got.size(); ++i) EXPECT_NEAR(got[i], expected[i], 1e-15) << i;
  }

  Tensor parameter_ = Tensor::from(std::vector<double>{1}, {1}).requires_grad_();
  optim::SGD sgd_{{parameter_}, {.learning_rate = 0.8}};
};

TEST_F(Schedule, PolynomialFallsToZeroAndStays) {
  optim::PolynomialLR linear(sgd_, 4);
  expect_near(rates(linear, 5), {0.8, 0.6, 0.4, 0.2, 0, 0});
}

TEST_F(Schedule, PolynomialHasAPower) {
  optim::PolynomialLR scheduler(sgd_, 10, 0.9);
  scheduler.set_steps(3);
  EXPECT_NEAR(sgd_.learning_rate(), 0.8 * std::pow(0.7, 0.9), 1e-15);
}

TEST_F(Schedule, StepMultipliesEverySoOften) {
  optim::StepLR scheduler(sgd_, 2, 0.5);
  expect_near(rates(scheduler, 5), {0.8, 0.8, 0.4, 0.4, 0.2, 0.2});
}

TEST_F(Schedule, MultiStepMultipliesAtMilestones) {
  optim::MultiStepLR scheduler(sgd_, {3, 1, 3}, 0.5);
  expect_near(rates(scheduler, 4), {0.8, 0.4, 0.4, 0.1, 0.1});
}

TEST_F(Schedule, ExponentialMultipliesEachTime) {
  optim::ExponentialLR scheduler(sgd_, 0.5);
  expect_near(rates(scheduler, 3), {0.8, 0.4, 0.2, 0.1});
}

TEST_F(Schedule, LinearGoesFromFactorToFactor) {
  optim::LinearLR scheduler(sgd_, 0.25, 0.75, 4);
  expect_near(rates(scheduler, 5), {0.2, 0.3, 0.4, 0.5, 0.6, 0.6});
}

TEST_F(Schedule, CosineFallsToItsMinimum) {
  optim::CosineAnnealingLR scheduler(sgd_, 4, 0.2);
  const double quarter = 0.2 + 0.6 * (1 + std::cos(std::numbers::pi / 4)) / 2;
  expect_near(rates(scheduler, 5), {0.8, quarter, 0.5, 1.0 - quarter, 0.2, 1.0 - quarter});
}

TEST_F(Schedule, LambdaIsCalledFromZeroOn) {
  optim::LambdaLR warmup(sgd_, [](std::int64_t t) { return std::min(1.0, (t + 1) / 4.0); });
  expect_near(rates(warmup, 4), {0.2, 0.4, 0.6, 0.8, 0.8});
}

TEST_F(Schedule, ContinuesFromItsState) {
  optim::PolynomialLR first(sgd_, 4);
  first.step();
  first.step();
  const optim::State state = first.state();
  optim::SGD other({parameter_}, {.learning_rate = 5});
  optim::PolynomialLR second(other, 4);
  second.load_state(state);
  EXPECT_EQ(second.steps(), 2);
  EXPECT_EQ(other.learning_rate(), sgd_.learning_rate());
  EXPECT_EQ(second.base_learning_rate(), 0.8);
  EXPECT_THROW(second.load_state({}), KeyError);
  EXPECT_THROW(second.load_state({state[0], state[0]}), KeyError);
  EXPECT_EQ(second.steps(), 2);
}

TEST_F(Schedule, RefusesOptionsOutOfRange) {
  EXPECT_THROW(optim::PolynomialLR(sgd_, 0), ShapeError);
  EXPECT_THROW(optim::StepLR(sgd_, 0), ShapeError);
  EXPECT_THROW(optim::StepLR(sgd_, 1, -1), ShapeError);
  EXPECT_THROW(optim::MultiStepLR(sgd_, {1}, -1), ShapeError);
  EXPECT_THROW(optim::ExponentialLR(sgd_, -1), ShapeError);
  EXPECT_THROW(optim::LinearLR(sgd_, 0), ShapeError);
  EXPECT_THROW(optim::LinearLR(sgd_, 0.5, 2), ShapeError);
  EXPECT_THROW(optim::LinearLR(sgd_, 0.5, 1, 0), ShapeError);
  EXPECT_THROW(optim::CosineAnnealingLR(sgd_, 0), ShapeError);
  EXPECT_THROW(optim::CosineAnnealingLR(sgd_, 1, -1), ShapeError);
  EXPECT_THROW(optim::LambdaLR(sgd_, nullptr), ShapeError);
  EXPECT_THROW(optim::LambdaLR(sgd_, [](std::int64_t) { return -1.0; }), ShapeError);
  EXPECT_EQ(sgd_.learning_rate(), 0.8);
}

}  // namespace
}  // namespace voxgrad
