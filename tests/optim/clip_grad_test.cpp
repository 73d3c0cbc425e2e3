#include <gtest/gtest.h>
#include <voxgrad/core/error.h>
#include <voxgrad/optim/clip_grad.h>

#include <cmath>
#include <limits>

namespace voxgrad {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// Two parameters with gradients (3, -4) and (12), and one without.
class ClipGrad : public testing::Test {
 protected:
  static Tensor with_grad(const std::vector<double>& grad) {
    const Shape shape{static_cast<Index>(grad.size())};
    Tensor parameter = Tensor::from(grad, shape).requires_grad_();
    parameter.set_grad(Tensor::from(grad, shape));
    return parameter;
  }
  std::vector<Tensor> parameters_{with_grad({3, -4}), with_grad({12}),
                                  Tensor::from(std::vector<double>{1}, {1}).requires_grad_()};
};

TEST_F(ClipGrad, ScalesAllTogether) {
  EXPECT_NEAR(optim::clip_grad_norm_(parameters_, 1.3), 13, 1e-12);
  const double factor = 1.3 / (13 + 1e-6);
  EXPECT_NEAR(parameters_[0].grad().to_vector<double>()[1], -4 * factor, 1e-15);
  EXPECT_NEAR(parameters_[1].grad().item(), 12 * factor, 1e-15);
}

TEST_F(ClipGrad, LeavesSmallGradientsAlone) {
  EXPECT_NEAR(optim::clip_grad_norm_(parameters_, 20), 13, 1e-12);
  EXPECT_EQ(parameters_[1].grad().item(), 12);
}

TEST_F(ClipGrad, KnowsOtherNorms) {
  EXPECT_NEAR(optim::clip_grad_norm_(parameters_, 100, 1), 19, 1e-12);
  EXPECT_NEAR(optim::clip_grad_norm_(parameters_, 100, kInfinity), 12, 1e-12);
  EXPECT_NEAR(optim::clip_grad_norm_(parameters_, 100, 3), std::cbrt(27 + 64 + 1728), 1e-12);
}

TEST_F(ClipGrad, GivesTheNormAloneAndChangesNothing) {
  std::vector<Tensor> grads{parameters_[0].grad(), parameters_[1].grad()};
  EXPECT_NEAR(optim::get_total_norm(grads), 13, 1e-12);
  EXPECT_NEAR(optim::get_total_norm(grads, kInfinity), 12, 1e-12);
  EXPECT_EQ(optim::get_total_norm({}, 3), 0);
  grads[1].fill_(kInfinity);
  EXPECT_EQ(optim::get_total_norm(grads), kInfinity);
  EXPECT_EQ(grads[0].to_vector<double>(), (std::vector<double>{3, -4}));
  EXPECT_THROW(optim::get_total_norm(grads, -1), ShapeError);
  const std::vector<Tensor> whole{Tensor::from(std::vector<std::int64_t>{1}, {1})};
  EXPECT_THROW(optim::get_total_norm(whole), DTypeError);
}

TEST_F(ClipGrad, ShowsNanWhateverTheNorm) {
  for (const double p : {2.0, 1.0, kInfinity}) {
    parameters_[0].set_grad(
        Tensor::from(std::vector<double>{std::numeric_limits<double>::quiet_NaN(), 1}, {2}));
    parameters_[1].set_grad(Tensor::from(std::vector<double>{12}, {1}));
    EXPECT_TRUE(std::isnan(optim::clip_grad_norm_(parameters_, 1, p))) << p;
    EXPECT_TRUE(std::isnan(parameters_[1].grad().item())) << p;
  }
}

TEST_F(ClipGrad, IsZeroWithoutGradients) {
  EXPECT_EQ(optim::clip_grad_norm_(std::span(parameters_).last(1), 1), 0);
}

TEST_F(ClipGrad, ClampsValues) {
  optim::clip_grad_value_(parameters_, 3.5);
  EXPECT_EQ(parameters_[0].grad().to_vector<double>(), (std::vector<double>{3, -3.5}));
  EXPECT_EQ(parameters_[1].grad().item(), 3.5);
}

TEST_F(ClipGrad, RefusesOptionsOutOfRange) {
  EXPECT_THROW(optim::clip_grad_norm_(parameters_, -1), ShapeError);
  EXPECT_THROW(optim::clip_grad_norm_(parameters_, 1, 0), ShapeError);
  EXPECT_THROW(optim::clip_grad_value_(parameters_, -1), ShapeError);
}

}  // namespace
}  // namespace voxgrad
