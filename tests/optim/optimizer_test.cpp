#include <gtest/gtest.h>
#include <voxgrad/autograd/functions/creation.h>
#include <voxgrad/autograd/functions/elementwise.h>
#include <voxgrad/autograd/functions/reduce.h>
#include <voxgrad/autograd/grad_mode.h>
#include <voxgrad/core/error.h>
#include <voxgrad/optim/adam.h>
#include <voxgrad/optim/sgd.h>

#include <limits>

namespace voxgrad {
namespace {

using Values = std::vector<double>;

Tensor parameter(const Values& values) {
  return Tensor::from(values, {static_cast<Index>(values.size())}).requires_grad_();
}

void set_grad(Tensor& parameter, const Values& grad) {
  parameter.set_grad(Tensor::from(grad, parameter.shape()));
}

TEST(Optimizer, PassesOverParametersWithoutAGradient) {
  Tensor a = parameter({1});
  Tensor b = parameter({2});
  set_grad(a, {10});
  optim::SGD sgd({a, b}, {.learning_rate = 0.1, .weight_decay = 1});
  sgd.step();
  EXPECT_EQ(a.item(), 1 - 0.1 * (10 + 1));
  EXPECT_EQ(b.item(), 2);
  EXPECT_EQ(sgd.state().size(), 2U) << "learning_rate and 0.step";
}

TEST(Optimizer, ZeroGradDropsOrZeroes) {
  Tensor a = parameter({1});
  set_grad(a, {10});
  optim::SGD sgd({a});
  sgd.zero_grad(false);
  EXPECT_EQ(a.grad().item(), 0);
  sgd.zero_grad();
  EXPECT_FALSE(a.grad().defined());
}

TEST(Optimizer, StepIsNotRecordedAndIsSeenByASavedTensor) {
  Tensor a = parameter({3});
  const Tensor loss = sum(a * a);
  set_grad(a, {1});
  optim::SGD sgd({a});
  sgd.step();
  EXPECT_TRUE(a.is_leaf());
  EXPECT_THROW(loss.backward(), AutogradError) << "the saved value was changed";
}

TEST(Optimizer, TakesGradientsOfAnotherMemoryOrder) {
  Tensor plain = zeros({2, 3, 5}, DType::float64).requires_grad_();
  const Tensor grad = arange(30, DType::float64).view({2, 3, 5});
  plain.set_grad(grad.channels_last());
  optim::SGD sgd({plain}, {.learning_rate = 1, .momentum = 0.5});
  sgd.step();
  sgd.step();
  EXPECT_EQ(plain.to_vector<double>(), (grad * -2.5).to_vector<double>());
}

TEST(Optimizer, BuffersFollowAParameterIntoAnotherMemoryOrder) {
  const Tensor grad = arange(30, DType::float64).view({2, 3, 5});
  const Tensor orders[] = {grad.channels_last().detach(),
                           grad.transpose(0, 2).clone().transpose(0, 2)};
  for (const Tensor& other : orders) {
    Tensor a = zeros({2, 3, 5}, DType::float64).requires_grad_();
    a.set_grad(grad);
    optim::SGD sgd({a}, {.learning_rate = 1, .momentum = 0.5});
    sgd.step();
    const Tensor moved = Tensor::empty_like(other).copy_(a.detach());
    a.impl()->replace(moved.impl()->storage(), moved.strides(), 0);
    sgd.step();
    EXPECT_EQ(a.to_vector<double>(), (grad * -2.5).to_vector<double>());
  }
}

TEST(Optimizer, UpdatesAViewWithGaps) {
  Tensor whole = zeros({3, 4}, DType::float64);
  Tensor view = whole.narrow(1, 1, 2);
  view.requires_grad_();
  view.set_grad(ones({3, 2}, DType::float64));
  optim::Adam adam({view}, {.learning_rate = 1, .eps = 0});
  adam.step();
  const Values row{0, -1, -1, 0};
  Values expected;
  for (int i = 0; i < 3; ++i) expected.insert(expected.end(), row.begin(), row.end());
  const Values got = whole.to_vector<double>();
  for (std::size_t i = 0; i < got.size(); ++i) EXPECT_NEAR(got[i], expected[i], 1e-12) << i;
}

TEST(Optimizer, RefusesParametersItCannotTrain) {
  const Tensor a = parameter({1});
  EXPECT_THROW(optim::SGD({}), ShapeError);
  EXPECT_THROW(optim::SGD({Tensor()}), ShapeError);
  EXPECT_THROW(optim::SGD({a, a}), ShapeError);
  EXPECT_THROW(optim::SGD({Tensor::empty({1}, DType::int64)}), DTypeError);
  EXPECT_THROW(optim::SGD({a * 2.0}), AutogradError);
  EXPECT_THROW(optim::SGD({ones({1, 2}).expand({3, 2})}), ShapeError);
}

TEST(Optimizer, RefusesOptionsOutOfRange) {
  const Tensor a = parameter({1});
  constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
  EXPECT_THROW(optim::SGD({a}, {.learning_rate = -1}), ShapeError);
  EXPECT_THROW(optim::SGD({a}, {.learning_rate = kNan}), ShapeError);
  EXPECT_THROW(optim::SGD({a}, {.momentum = -0.1}), ShapeError);
  EXPECT_THROW(optim::SGD({a}, {.weight_decay = -0.1}), ShapeError);
  EXPECT_THROW(optim::SGD({a}, {.nesterov = true}), ShapeError);
  EXPECT_THROW(optim::SGD({a}, {.momentum = 0.9, .dampening = 0.1, .nesterov = true}), ShapeError);
  EXPECT_THROW(optim::Adam({a}, {.beta1 = 1}), ShapeError);
  EXPECT_THROW(optim::Adam({a}, {.beta2 = -0.1}), ShapeError);
  EXPECT_THROW(optim::AdamW({a}, {.eps = -1}), ShapeError);
  EXPECT_THROW(optim::AdamW({a}, {.weight_decay = -1}), ShapeError);
  optim::SGD sgd({a});
  EXPECT_THROW(sgd.set_learning_rate(-1), ShapeError);
  EXPECT_EQ(sgd.learning_rate(), 1e-3);
}

TEST(Optimizer, RefusesParametersThatChangedTheirDtype) {
  Tensor a = parameter({1});
  set_grad(a, {1});
  optim::Adam adam({a});
  adam.step();
  const Tensor narrow = Tensor::from(std::vector<float>{1}, {1});
  a.impl()->replace(narrow.impl()->storage(), narrow.strides(), 0);
  a.impl()->dtype = DType::float32;
  a.set_grad(Tensor::from(std::vector<float>{1}, {1}));
  EXPECT_THROW(adam.step(), DTypeError);
  EXPECT_EQ(a.item(), 1);
}

TEST(OptimizerState, ContinuesWithTheSameBits) {
  Tensor a = parameter({1, -2, 3});
  Tensor b = parameter({1, -2, 3});
  optim::Adam first({a}, {.amsgrad = true});
  for (int i = 0; i < 3; ++i) {
    set_grad(a, {0.1 * i, 1, -2});
    first.step();
  }
  {
    const NoGrad no_grad;
    b.copy_(a);
  }
  optim::Adam second({b}, {.learning_rate = 5, .amsgrad = true});
  second.load_state(first.state());
  EXPECT_EQ(second.learning_rate(), 1e-3);
  for (int i = 0; i < 3; ++i) {
    set_grad(a, {1, 0.1 * i, -2});
    set_grad(b, {1, 0.1 * i, -2});
    first.step();
    second.step();
  }
  EXPECT_EQ(a.to_vector<double>(), b.to_vector<double>());
}

TEST(OptimizerState, IsNamedLikePyTorchs) {
  Tensor a = parameter({1});
  Tensor b = parameter({2});
  set_grad(b, {1});
  optim::Adam adam({a, b});
  adam.step();
  const optim::State state = adam.state();
  ASSERT_EQ(state.size(), 4U);
  EXPECT_EQ(state[0].first, "learning_rate");
  EXPECT_EQ(state[1].first, "1.step");
  EXPECT_EQ(state[1].second.item(), 1);
  EXPECT_EQ(state[2].first, "1.exp_avg");
  EXPECT_EQ(state[3].first, "1.exp_avg_sq");
}

TEST(OptimizerState, RefusesWhatDoesNotFitAndKeepsItsOwn) {
  Tensor a = parameter({1, 2});
  set_grad(a, {1, 1});
  optim::SGD sgd({a}, {.momentum = 0.9});
  sgd.step();
  const Tensor one = Tensor::from(std::vector<std::int64_t>{1}, {});
  const Tensor buffer = Tensor::from(Values{5, 5}, {2});
  const auto refuse_key = [&](const optim::State& state) {
    EXPECT_THROW(sgd.load_state(state), KeyError);
  };
  refuse_key({{"1.step", one}});
  refuse_key({{"momentum", one}});
  refuse_key({{"0.exp_avg", buffer}});
  refuse_key({{"0.step", one}});
  refuse_key({{"0.momentum_buffer", buffer}});
  refuse_key({{"0.step", one}, {"0.step", one}});
  EXPECT_THROW(
      sgd.load_state({{"0.step", one}, {"0.momentum_buffer", Tensor::from(Values{5}, {1})}}),
      ShapeError);
  EXPECT_EQ(sgd.state()[2].second.to_vector<double>(), (Values{1, 1}));
}

}  // namespace
}  // namespace voxgrad
