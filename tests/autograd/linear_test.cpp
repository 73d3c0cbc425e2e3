#include <voxgrad/autograd/functions/linear.h>

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include <voxgrad/autograd/functions/creation.h>
#include <voxgrad/autograd/functions/elementwise.h>
#include <voxgrad/autograd/functions/reduce.h>
#include <voxgrad/autograd/gradcheck.h>
#include <voxgrad/core/error.h>

#include "tests/ops/layouts.h"

namespace voxgrad {
namespace {

using namespace voxgrad::testing;

Tensor leaf(const Shape& shape, Layout layout = Layout::plain, Index seed = 0) {
  return numbers(shape, DType::float64, layout, seed).requires_grad_();
}

void check_matmul(const Shape& a, const Shape& b, const Shape& result) {
  const TensorFunction f = [](std::span<const Tensor> x) {
    return std::vector<Tensor>{matmul(x[0], x[1])};
  };
  for (const Layout layout : {Layout::plain, Layout::reversed, Layout::gaps}) {
    EXPECT_EQ(matmul(leaf(a, layout), leaf(b, layout, 5)).shape(), result);
    gradcheck(f, {leaf(a, layout), leaf(b, layout, 5)});
    gradgradcheck(f, {leaf(a, layout), leaf(b, layout, 5)});
  }
}

TEST(Matmul, ShapesAndDerivativesFollowPyTorch) {
  check_matmul({3}, {3}, {});
  check_matmul({3}, {3, 5}, {5});
  check_matmul({2, 3}, {3}, {2});
  check_matmul({2, 3}, {3, 5}, {2, 5});
  check_matmul({4, 2, 3}, {3, 5}, {4, 2, 5});
  check_matmul({4, 2, 3}, {3}, {4, 2});
  check_matmul({3}, {4, 3, 5}, {4, 5});
  check_matmul({2, 3}, {4, 3, 5}, {4, 2, 5});
  check_matmul({4, 1, 2, 3}, {2, 3, 5}, {4, 2, 2, 5});
}

TEST(Matmul, Values) {
  const Tensor a = Tensor::from<float>({1, 2, 3, 4}, {2, 2});
  const Tensor b = Tensor::from<float>({5, 6, 7, 8}, {2, 2});
  EXPECT_EQ(values(matmul(a, b)), (std::vector<double>{19, 22, 43, 50}));
  EXPECT_EQ(values(matmul(a, Tensor::from<float>({1, 10}, {2}))), (std::vector<double>{21, 43}));
  EXPECT_EQ(values(matmul(Tensor::from<float>({1, 10}, {2}), a)), (std::vector<double>{31, 42}));
}

TEST(Matmul, OfFixedRanks) {
  const auto check = [](auto f, const std::vector<Tensor>& inputs, const Shape& shape) {
    const TensorFunction g = [f](std::span<const Tensor> x) { return std::vector<Tensor>{f(x)}; };
    EXPECT_EQ(f(std::span<const Tensor>(inputs)).shape(), shape);
    gradcheck(g, inputs);
    gradgradcheck(g, inputs);
  };
  using In = std::span<const Tensor>;
  check([](In x) { return mm(x[0], x[1]); }, {leaf({2, 3}), leaf({3, 5})}, {2, 5});
  check([](In x) { return bmm(x[0], x[1]); }, {leaf({4, 2, 3}), leaf({4, 3, 5})}, {4, 2, 5});
  check([](In x) { return mv(x[0], x[1]); }, {leaf({2, 3}), leaf({3})}, {2});
  check([](In x) { return dot(x[0], x[1]); }, {leaf({3}), leaf({3})}, {});
  check([](In x) { return outer(x[0], x[1]); }, {leaf({3}), leaf({2})}, {3, 2});
  check([](In x) { return addmm(x[0], x[1], x[2], 0.2, 0.6); },
        {leaf({5}), leaf({2, 3}), leaf({3, 5})}, {2, 5});
  check([](In x) { return baddbmm(x[0], x[1], x[2], -1, 2); },
        {leaf({4, 2, 1}), leaf({4, 2, 3}), leaf({4, 3, 5})}, {4, 2, 5});
  const Tensor a = Tensor::from<float>({1, 2, 3, 4}, {2, 2});
  EXPECT_EQ(values(addmm(full({2}, std::nan(""), DType::float32), a, a, 0, 2)),
            (std::vector<double>{14, 20, 30, 44}));
  EXPECT_EQ(values(addmm(ones({2}), a, a)), (std::vector<double>{8, 11, 16, 23}));
  EXPECT_THROW(mm(a, ones({2})), ShapeError);
  EXPECT_THROW(bmm(ones({1, 2, 2}), ones({3, 2, 2})), ShapeError);
  EXPECT_THROW(dot(ones({2}), ones({3})), ShapeError);
  EXPECT_THROW(outer(a, ones({2})), ShapeError);
  EXPECT_THROW(addmm(ones({3}), a, a), ShapeError);
  const Tensor whole = a.to(DType::int64);
  EXPECT_EQ(addmm(whole, whole, whole, 2, -1).dtype(), DType::int64);
  for (const double factor : {0.5, std::nan(""), std::numeric_limits<double>::infinity()}) {
    EXPECT_THROW(addmm(whole, whole, whole, factor), DTypeError);
    EXPECT_THROW(addmm(whole, whole, whole, 1, factor), DTypeError);
  }
}

TEST(Matmul, RefusesWhatDoesNotFit) {
  EXPECT_THROW(matmul(zeros({2, 3}), zeros({2, 3})), ShapeError);
  EXPECT_THROW(matmul(zeros({}), zeros({3})), ShapeError);
  EXPECT_THROW(matmul(zeros({2, 2, 3}), zeros({3, 3, 5})), ShapeError);
  EXPECT_THROW(matmul(zeros({2, 3}), zeros({3, 5}, DType::float64)), DTypeError);
  EXPECT_THROW(matmul(numbers({2, 3}, DType::boolean), numbers({3, 2}, DType::boolean)),
               DTypeError);
}

TEST(Linear, IsTheProductWithTheTransposedWeightPlusBias) {
  for (const Shape& shape : {Shape{3}, Shape{2, 3}, Shape{2, 4, 3}, Shape{0, 3}}) {
    for (const Layout layout : kAllLayouts) {
      const Tensor x = leaf(shape, layout);
      const Tensor w = leaf({5, 3}, layout, 7);
      const Tensor bias = leaf({5}, Layout::gaps, 9);
      EXPECT_EQ(values(linear(x, w, bias)), values(matmul(x, w.transpose(0, 1)) + bias));
      EXPECT_EQ(values(linear(x, w)), values(matmul(x, w.transpose(0, 1))));
    }
  }
}

TEST(Linear, Derivatives) {
  const TensorFunction f = [](std::span<const Tensor> x) {
    return std::vector<Tensor>{linear(x[0], x[1], x.size() > 2 ? x[2] : Tensor())};
  };
  for (const Layout layout : {Layout::plain, Layout::reversed, Layout::gaps}) {
    for (const Shape& shape : {Shape{3}, Shape{2, 3}, Shape{2, 4, 3}}) {
      gradcheck(f, {leaf(shape, layout), leaf({5, 3}, layout, 7), leaf({5})});
      gradgradcheck(f, {leaf(shape, layout), leaf({5, 3}, layout, 7), leaf({5})});
      gradgradcheck(f, {leaf(shape, layout), leaf({5, 3}, layout, 7)});
    }
  }
}

TEST(Linear, WeightGradientLiesAsTheWeight) {
  const Tensor w = leaf({5, 3});
  sum(linear(leaf({2, 3}), w)).backward();
  EXPECT_TRUE(w.grad().is_contiguous());
}

TEST(Linear, RefusesWhatDoesNotFit) {
  EXPECT_THROW(linear(zeros({2, 3}), zeros({3, 5})), ShapeError);
  EXPECT_THROW(linear(zeros({2, 3}), zeros({3})), ShapeError);
  EXPECT_THROW(linear(zeros({}), zeros({5, 3})), ShapeError);
  EXPECT_THROW(linear(zeros({2, 3}), zeros({5, 3}), zeros({3})), ShapeError);
  EXPECT_THROW(linear(zeros({2, 3}), zeros({5, 3}, DType::float64)), DTypeError);
}

}  // namespace
}  // namespace voxgrad
