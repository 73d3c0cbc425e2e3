#include <voxgrad/optim/plateau.h>

#include <gtest/gtest.h>
#include <voxgrad/core/error.h>
#include <voxgrad/optim/sgd.h>

#include <cmath>

namespace voxgrad {
namespace {

class Plateau : public testing::Test {
 protected:
  /// The rate after each metric.
  std::vector<double> rates(optim::ReduceLROnPlateau& scheduler,
                            const std::vector<double>& metrics) {
    std::vector<double> result;
    for (const double metric : metrics) {
      scheduler.step(metric);
      result.push_back(sgd_.learning_rate());
    }
    return result;
  }

  Tensor parameter_ = Tensor::from(std::vector<double>{1}, {1}).requires_grad_();
  optim::SGD sgd_{{parameter_}, {.learning_rate = 0.8}};
};

TEST_F(Plateau, ReducesWhenPatienceIsOver) {
  optim::ReduceLROnPlateau scheduler(sgd_, {.factor = 0.5, .patience = 1});
  EXPECT_EQ(rates(scheduler, {3, 2, 2, 2, 2, 2, 1, 1, 1}),
            (std::vector<double>{0.8, 0.8, 0.8, 0.4, 0.4, 0.2, 0.2, 0.2, 0.1}));
  EXPECT_EQ(scheduler.best(), 1);
}

TEST_F(Plateau, CanAskForARise) {
  optim::ReduceLROnPlateau scheduler(sgd_, {.maximize = true, .factor = 0.5, .patience = 0});
  EXPECT_EQ(rates(scheduler, {1, 2, 1.5, 3}), (std::vector<double>{0.8, 0.8, 0.4, 0.4}));
}

TEST_F(Plateau, CountsOnlyWhatPassesTheThreshold) {
  optim::ReduceLROnPlateau relative(sgd_, {.factor = 0.5, .patience = 0, .threshold = 0.1});
  EXPECT_EQ(rates(relative, {10, 9.5, 8.9}), (std::vector<double>{0.8, 0.4, 0.4}));
  sgd_.set_learning_rate(0.8);
  optim::ReduceLROnPlateau absolute(
      sgd_, {.factor = 0.5, .patience = 0, .threshold = 0.1, .relative_threshold = false});
  EXPECT_EQ(rates(absolute, {10, 9.95, 9.5, std::nan("")}),
            (std::vector<double>{0.8, 0.4, 0.4, 0.2}));
}

TEST_F(Plateau, WaitsAfterAReductionAndKeepsTheMinimum) {
  optim::ReduceLROnPlateau scheduler(
      sgd_, {.factor = 0.5, .patience = 0, .cooldown = 2, .minimum_learning_rate = 0.3});
  EXPECT_EQ(rates(scheduler, {1, 1, 1, 1, 1, 1}),
            (std::vector<double>{0.8, 0.4, 0.4, 0.4, 0.3, 0.3}));
}

TEST_F(Plateau, LeavesOutTinyChanges) {
  optim::ReduceLROnPlateau scheduler(sgd_, {.factor = 0.5, .patience = 0, .eps = 0.5});
  EXPECT_EQ(rates(scheduler, {1, 1}), (std::vector<double>{0.8, 0.8}));
}

TEST_F(Plateau, ContinuesFromItsState) {
  optim::ReduceLROnPlateau first(sgd_, {.factor = 0.5, .patience = 1});
  rates(first, {1, 1});
  const optim::State state = first.state();
  optim::SGD other({parameter_}, {.learning_rate = 5});
  optim::ReduceLROnPlateau second(other, {.factor = 0.5, .patience = 1});
  second.load_state(state);
  EXPECT_EQ(other.learning_rate(), 0.8);
  second.step(1);
  EXPECT_EQ(other.learning_rate(), 0.4);
  EXPECT_THROW(second.load_state({}), KeyError);
  EXPECT_THROW(second.load_state({state[0], state[1], state[2], state[2]}), KeyError);
}

TEST_F(Plateau, RefusesOptionsOutOfRange) {
  EXPECT_THROW(optim::ReduceLROnPlateau(sgd_, {.factor = 1}), ShapeError);
  EXPECT_THROW(optim::ReduceLROnPlateau(sgd_, {.patience = -1}), ShapeError);
  EXPECT_THROW(optim::ReduceLROnPlateau(sgd_, {.threshold = -1}), ShapeError);
  EXPECT_THROW(optim::ReduceLROnPlateau(sgd_, {.eps = -1}), ShapeError);
}

}  // namespace
}  // namespace voxgrad
