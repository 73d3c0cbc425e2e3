#include <voxgrad/autograd/gradcheck.h>

#include <gtest/gtest.h>

#include <voxgrad/autograd/functions/elementwise.h>
#include <voxgrad/autograd/node.h>
#include <voxgrad/core/error.h>

namespace voxgrad {
namespace {

Tensor leaf() { return Tensor::from<double>({0.3, -1.2, 2.0}, {3}).requires_grad_(); }

/// x^2 with a derivative of `factor` * x.
Tensor square_with(const Tensor& x, double factor) {
  return record_one(
      "square", {x}, mul(x.detach(), x.detach()),
      [factor](auto saved, auto grads, Needs) {
        return std::vector<Tensor>{mul(mul(saved[0], factor), grads[0])};
      },
      x);
}

TEST(Gradcheck, AcceptsARightDerivative) {
  gradcheck([](auto x) { return std::vector{square_with(x[0], 2)}; }, {leaf()});
  gradgradcheck([](auto x) { return std::vector{square_with(x[0], 2)}; }, {leaf()});
}

TEST(Gradcheck, FindsAWrongDerivative) {
  EXPECT_THROW(gradcheck([](auto x) { return std::vector{square_with(x[0], 2.001)}; }, {leaf()}),
               AutogradError);
}

TEST(Gradcheck, FindsAMissingDerivative) {
  EXPECT_THROW(
      gradcheck([](auto x) { return std::vector{mul(x[0].detach(), x[1])}; }, {leaf(), leaf()}),
      AutogradError);
}

/// Right in first order; its rule leaves the graph, so the second is lost.
TEST(Gradgradcheck, FindsAWrongSecondDerivative) {
  const auto f = [](std::span<const Tensor> x) {
    return std::vector{record_one(
        "square", {x[0]}, mul(x[0].detach(), x[0].detach()),
        [](auto saved, auto grads, Needs) {
          return std::vector<Tensor>{mul(mul(saved[0].detach(), 2.0), grads[0])};
        },
        x[0])};
  };
  gradcheck(f, {leaf()});
  EXPECT_THROW(gradgradcheck(f, {leaf()}), AutogradError);
}

TEST(Gradcheck, WantsFloat64AndAGradient) {
  const auto f = [](std::span<const Tensor> x) { return std::vector{mul(x[0], 2.0)}; };
  EXPECT_THROW(gradcheck(f, {Tensor::from<float>({1.0f}, {1}).requires_grad_()}), DTypeError);
  EXPECT_THROW(gradcheck(f, {leaf().detach()}), AutogradError);
}

TEST(Gradcheck, RefusesAFunctionThatLeavesTheGraph) {
  EXPECT_THROW(gradcheck([](auto x) { return std::vector{mul(x[0], x[0]).detach()}; }, {leaf()}),
               AutogradError);
}

TEST(Gradcheck, RefusesAFunctionThatGivesOtherValuesEachTime) {
  double call = 0;
  EXPECT_THROW(gradcheck([&](auto x) { return std::vector{add(x[0], ++call * 1e-9)}; }, {leaf()}),
               AutogradError);
}

}  // namespace
}  // namespace voxgrad
