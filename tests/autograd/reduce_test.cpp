#include <voxgrad/autograd/functions/reduce.h>

#include <gtest/gtest.h>

#include <cmath>

#include <voxgrad/autograd/engine.h>
#include <voxgrad/autograd/functions/creation.h>
#include <voxgrad/autograd/functions/elementwise.h>
#include <voxgrad/autograd/gradcheck.h>
#include <voxgrad/core/error.h>

#include "tests/ops/layouts.h"

namespace voxgrad {
namespace {

using namespace voxgrad::testing;

/// All values different, by far more than a finite difference.
Tensor distinct(const Shape& shape, Layout layout = Layout::plain) {
  Tensor x = uninitialised(shape, DType::float64, layout);
  double* data = x.mutable_data<double>();
  Index i = 0;
  for (const auto& index : indices(shape)) {
    data[offset(index, x.strides())] = static_cast<double>(++i * 37 % 101) / 40 - 1;
  }
  return x.requires_grad_();
}

template <typename F>
void check(F f) {
  const TensorFunction g = [f](std::span<const Tensor> x) { return std::vector<Tensor>{f(x[0])}; };
  for (const Layout layout : kAllLayouts) {
    gradcheck(g, {distinct({2, 3, 5}, layout)});
    gradgradcheck(g, {distinct({2, 3, 5}, layout)});
  }
}

TEST(Reduce, Derivatives) {
  check([](const Tensor& x) { return sum(x); });
  check([](const Tensor& x) { return sum(x, {0, -1}); });
  check([](const Tensor& x) { return sum(square(x), {1}, true); });
  check([](const Tensor& x) { return mean(x); });
  check([](const Tensor& x) { return mean(square(x), {2, 0}); });
  check([](const Tensor& x) { return max(x); });
  check([](const Tensor& x) { return min(square(x)); });
  check([](const Tensor& x) { return amax(x, {1}); });
  check([](const Tensor& x) { return amin(x, {0, 2}, true); });
  check([](const Tensor& x) { return var(x, {0, 2}); });
  check([](const Tensor& x) { return var(x, {1}, false, true); });
  check([](const Tensor& x) { return sum_to(x, {3, 1}); });
  check([](const Tensor& x) { return sum_to(x, {}); });
}

TEST(Reduce, ValuesAndShapes) {
  const Tensor x = Tensor::from<double>({1, 2, 3, 4, 5, 9}, {2, 3});
  EXPECT_EQ(sum(x).item(), 24);
  EXPECT_EQ(sum(x).shape(), Shape{});
  EXPECT_EQ(values(sum(x, {0})), (std::vector<double>{5, 7, 12}));
  EXPECT_EQ(sum(x, {1}, true).shape(), (Shape{2, 1}));
  EXPECT_EQ(values(mean(x, {1})), (std::vector<double>{2, 6}));
  EXPECT_EQ(mean(x).item(), 4);
  EXPECT_EQ(max(x).item(), 9);
  EXPECT_EQ(min(x).item(), 1);
  EXPECT_EQ(values(amax(x, {0})), (std::vector<double>{4, 5, 9}));
  EXPECT_EQ(values(amin(x, {1}, true)), (std::vector<double>{1, 4}));
  EXPECT_EQ(values(var(x, {1})), (std::vector<double>{1, 7}));
  EXPECT_EQ(values(var(x, {0}, false)), (std::vector<double>{2.25, 2.25, 9}));
  EXPECT_EQ(values(argmax(x, 0)), (std::vector<double>{1, 1, 1}));
  EXPECT_EQ(argmax(x, -1, true).shape(), (Shape{2, 1}));
  EXPECT_EQ(argmax(x.transpose(0, 1)).item(), 5);
  EXPECT_EQ(argmax(Tensor::from<double>({1, 2, 3, 9, 5, 4}, {2, 3}).transpose(0, 1)).item(), 1);
}

TEST(Reduce, EqualExtremaShareTheGradient) {
  const Tensor x = Tensor::from<double>({3, 1, 3, 2, 3, 0}, {2, 3}).requires_grad_();
  max(x).backward();
  const double third = 1.0 / 3;
  EXPECT_EQ(values(x.grad()), (std::vector<double>{third, 0, third, 0, third, 0}));
}

TEST(Reduce, EmptyTensors) {
  EXPECT_EQ(sum(zeros({0, 3})).item(), 0);
  EXPECT_TRUE(std::isnan(mean(zeros({0})).item()));
  EXPECT_TRUE(std::isnan(var(ones({1}), {0}).item()));
  EXPECT_THROW(max(zeros({0})), ShapeError);
  EXPECT_THROW(amax(zeros({2, 0}), {1}), ShapeError);
  EXPECT_EQ(amax(zeros({0, 2}), {1}).shape(), Shape{0});
  EXPECT_THROW(argmax(zeros({0})), ShapeError);
  EXPECT_THROW(argmax(zeros({2, 0}), 1), ShapeError);
  Tensor x = zeros({0, 3}).requires_grad_();
  sum(x).backward();
  EXPECT_EQ(x.grad().shape(), (Shape{0, 3}));
}

TEST(Reduce, RefusesWrongAxesAndDTypes) {
  const Tensor x = zeros({2, 3});
  EXPECT_THROW(sum(x, {2}), IndexError);
  EXPECT_THROW(sum(x, {0, -2}), ShapeError);
  EXPECT_THROW(argmax(x, -3), IndexError);
  EXPECT_THROW(mean(numbers({3}, DType::int64)), DTypeError);
  EXPECT_THROW(var(numbers({3}, DType::int64), {0}), DTypeError);
  EXPECT_THROW(sum_to(x, {2}), ShapeError);
  EXPECT_THROW(sum_to(x, {5, 2, 3}), ShapeError);
}

}  // namespace
}  // namespace voxgrad
