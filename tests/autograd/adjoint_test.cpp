#include <voxgrad/autograd/adjoint.h>

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include <voxgrad/autograd/functions/conv.h>
#include <voxgrad/autograd/functions/creation.h>
#include <voxgrad/autograd/functions/elementwise.h>
#include <voxgrad/autograd/functions/reduce.h>
#include <voxgrad/autograd/functions/resample.h>
#include <voxgrad/core/error.h>

namespace voxgrad {
namespace {

Tensor normal(Shape shape, DType dtype = DType::float64) {
  static Generator generator(3);
  return randn(std::move(shape), dtype, {}, generator);
}

TEST(CheckAdjoint, GivesTheThreeFormsOfAConvolution) {
  const Tensor x = normal({2, 4, 6, 7}), w = normal({6, 2, 3, 2}), bias = normal({6});
  const AdjointCheck check = check_adjoint(
      [&](std::span<const Tensor> in) {
        return std::vector{conv(in[0], in[1], bias, {.stride = 2, .padding = 1, .groups = 2})};
      },
      {x, w});
  ASSERT_EQ(check.backward.size(), 2u);
  EXPECT_LE(check.gap(), 1e-13 * check.scale);
  EXPECT_GT(std::abs(check.forward), 1e-3);  // not the equality of nothings
  EXPECT_LE(std::abs(check.forward), check.scale);
}

TEST(CheckAdjoint, TakesAnyFunctionThatIsAffine) {
  const Tensor x = normal({1, 2, 4, 5}, DType::float32), w = normal({2, 3, 2, 2}, DType::float32);
  const auto f = [&](const Tensor& t) {
    return conv_transpose(mean(t, {2}, true) * 3 + 1, w, {.stride = 2});
  };
  const AdjointCheck check = check_adjoint(f, x);
  EXPECT_LE(check.gap(), 1e-6 * check.scale);
  EXPECT_NE(check.forward, check_adjoint(f, x, 2).forward);  // another seed, another y
}

TEST(CheckAdjoint, SeesAFunctionThatIsNotAffine) {
  const Tensor x = normal({5});
  const AdjointCheck check = check_adjoint([](const Tensor& t) { return t * t; }, x);
  EXPECT_GT(check.gap(), 0.1 * std::abs(check.forward));
  EXPECT_NEAR(check.backward[0], 2 * check.forward, 1e-12);
}

TEST(CheckAdjoint, SeesADerivativeThatIsWrong) {
  const Tensor x = normal({5});
  const auto cut = [](const Tensor& t) { return t + t.detach(); };  // 2 x with the derivative 1
  const AdjointCheck check = check_adjoint(cut, x);
  EXPECT_NEAR(check.backward[0], check.forward / 2, 1e-12);
}

TEST(CheckAdjoint, ShowsThatNumbersAreNoNumbers) {
  const Tensor x = Tensor::from(std::vector<double>{std::nan(""), 1}, {2});
  EXPECT_TRUE(std::isnan(check_adjoint([](const Tensor& t) { return t * 2; }, x).gap()));
}

TEST(CheckAdjoint, LeavesInputsAsTheyWere) {
  const Tensor x = normal({3});
  check_adjoint([](const Tensor& t) { return t * 2; }, x);
  EXPECT_FALSE(x.requires_grad());
  EXPECT_FALSE(x.grad().defined());
}

TEST(CheckAdjoint, RefusesWhatItCannotCheck) {
  const Tensor x = normal({3});
  const auto twice = [](const Tensor& t) { return t * 2; };
  EXPECT_THROW(check_adjoint(twice, x.to(DType::int64)), DTypeError);
  EXPECT_THROW(check_adjoint(twice, Tensor()), DTypeError);
  EXPECT_THROW(check_adjoint([&](const Tensor&) { return x; }, x), AutogradError);
  EXPECT_THROW(check_adjoint([](std::span<const Tensor>) { return std::vector<Tensor>(); }, {}),
               AutogradError);
}

}  // namespace
}  // namespace voxgrad
