#include <voxgrad/autograd/functions/reduce.h>

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

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
  check([](const Tensor& x) { return var(x, 0.5); });
  check([](const Tensor& x) { return std(x, {0, 2}); });
  check([](const Tensor& x) { return std(x, 0); });
  check([](const Tensor& x) { return prod(x); });
  check([](const Tensor& x) { return prod(x, 1, true); });
  check([](const Tensor& x) { return square(cumsum(x, 1)); });
  const std::vector<Index> axes{0, 2};
  check([&](const Tensor& x) { return logsumexp(x, axes); });
  check([&](const Tensor& x) { return logsumexp(x, axes, true); });
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  // Shifted, as one element is 0, where some norms have a corner.
  for (const double p : {2.0, 1.0, 3.0, 0.5, -1.5, 0.0, kInfinity, -kInfinity}) {
    check([&](const Tensor& x) { return square(norm(add(x, 0.11), p, axes)); });
    check([&](const Tensor& x) { return square(norm(add(x, 0.11), p)); });
  }
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
  EXPECT_EQ(argmin(x).item(), 0);
  EXPECT_EQ(values(argmin(neg(x), 1)), (std::vector<double>{2, 2}));
  EXPECT_EQ(argmax(x.transpose(0, 1)).item(), 5);
  EXPECT_EQ(argmax(Tensor::from<double>({1, 2, 3, 9, 5, 4}, {2, 3}).transpose(0, 1)).item(), 1);
}

TEST(Reduce, ProductsDifferentiateAtZeros) {
  for (const std::vector<double>& data :
       {std::vector<double>{2, 0, 3, 4, 5, 6}, {0, 0, 3, 4, 0, 6}, {0, 0, 0, 1, 2, 3}}) {
    const Tensor x = Tensor::from<double>(data, {2, 3}).requires_grad_();
    for (const bool whole : {false, true}) {
      const TensorFunction f = [whole](std::span<const Tensor> in) {
        return std::vector<Tensor>{whole ? prod(in[0]) : prod(in[0], 1)};
      };
      gradcheck(f, {x});
      gradgradcheck(f, {x});
    }
  }
  const Tensor x = Tensor::from<double>({2, 0, 3}, {3}).requires_grad_();
  prod(x).backward();
  EXPECT_EQ(values(x.grad()), (std::vector<double>{0, 6, 0}));
}

TEST(Reduce, ProductsAndRunningSums) {
  const Tensor x = Tensor::from<double>({1, 2, 3, 4, 5, 9}, {2, 3});
  EXPECT_EQ(prod(x).item(), 1080);
  EXPECT_EQ(values(prod(x, 0)), (std::vector<double>{4, 10, 27}));
  EXPECT_EQ(prod(zeros({0})).item(), 1);
  EXPECT_EQ(prod(numbers({3}, DType::boolean)).dtype(), DType::int64);
  EXPECT_EQ(values(cumsum(x, 1)), (std::vector<double>{1, 3, 6, 4, 9, 18}));
  EXPECT_EQ(values(cumsum(x.transpose(0, 1), 0)), (std::vector<double>{1, 4, 3, 9, 6, 18}));
  EXPECT_EQ(cumsum(numbers({3}, DType::uint8), 0).dtype(), DType::int64);
  EXPECT_EQ(cumsum(scalar(3), -1).item(), 3);
  EXPECT_EQ(cumsum(zeros({0, 2}), 1).shape(), (Shape{0, 2}));
  EXPECT_TRUE(same_on_any_threads([] { return cumsum(noise({40, 5000}), 0); }));
  EXPECT_THROW(cumsum(x, 2), IndexError);
  EXPECT_THROW(prod(x, -3), IndexError);
}

TEST(Reduce, TakesADType) {
  const Tensor x = Tensor::from<double>({1.5, 2.5, 3}, {3});
  EXPECT_EQ(sum(x, DType::int64).item(), 6);  // converted before they are summed
  EXPECT_EQ(sum(x, DType::int32).dtype(), DType::int32);
  EXPECT_EQ(sum(x, {0}, true, DType::float32).dtype(), DType::float32);
  EXPECT_EQ(mean(numbers({3}, DType::int64), DType::float64).dtype(), DType::float64);
  EXPECT_EQ(prod(x, DType::int64).item(), 6);
  EXPECT_EQ(prod(x, 0, true, DType::int32).dtype(), DType::int32);
  EXPECT_EQ(values(cumsum(x, 0, DType::int32)), (std::vector<double>{1, 3, 6}));
  const Tensor y = ones({2}, DType::float64).requires_grad_();
  sum(y, DType::float32).backward();
  EXPECT_EQ(y.grad().dtype(), DType::float64);
}

TEST(Reduce, SomeAndEvery) {
  const Tensor x = Tensor::from<double>({0, 2, 0, 0, 5, 9}, {2, 3});
  const std::vector<Index> first{0};
  EXPECT_EQ(values(any(x, first)), (std::vector<double>{0, 1, 1}));
  EXPECT_EQ(values(all(x, first, true)), (std::vector<double>{0, 1, 0}));
  EXPECT_EQ(values(count_nonzero(x, first)), (std::vector<double>{0, 2, 1}));
  EXPECT_EQ(count_nonzero(x).item(), 3);
  EXPECT_EQ(any(x).dtype(), DType::boolean);
  EXPECT_EQ(all(ones({2}, DType::uint8)).dtype(), DType::uint8);
  EXPECT_EQ(any(zeros({0})).item(), 0);
  EXPECT_EQ(all(zeros({0})).item(), 1);
  EXPECT_EQ(any(scalar(std::nan(""))).item(), 1);
}

TEST(Reduce, Norms) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  const Tensor x = Tensor::from<double>({3, -4, 0, 12}, {2, 2});
  const std::vector<Index> last{1};
  EXPECT_EQ(norm(x).item(), 13);
  EXPECT_EQ(values(norm(x, 2, last)), (std::vector<double>{5, 12}));
  EXPECT_EQ(values(norm(x, 1, last)), (std::vector<double>{7, 12}));
  EXPECT_EQ(values(norm(x, 0, last)), (std::vector<double>{2, 1}));
  EXPECT_EQ(values(norm(x, kInfinity, last)), (std::vector<double>{4, 12}));
  EXPECT_EQ(values(norm(x, -kInfinity, last, true)), (std::vector<double>{3, 0}));
  EXPECT_NEAR(norm(x, 3).item(), std::cbrt(27 + 64 + 1728), 1e-12);
  EXPECT_EQ(norm(numbers({3}, DType::int64), 2, DType::float64).dtype(), DType::float64);
  Tensor origin = zeros({2}, DType::float64).requires_grad_();
  for (const double p : {0.0, 0.5, 1.0, 2.0, 3.0, kInfinity}) {
    origin.set_grad({});
    norm(origin, p).backward();
    EXPECT_EQ(values(origin.grad()), (std::vector<double>{0, 0})) << p;
  }
  EXPECT_THROW(norm(numbers({3}, DType::int64)), DTypeError);
  EXPECT_THROW(norm(zeros({0}), kInfinity), ShapeError);
  EXPECT_EQ(norm(zeros({0})).item(), 0);
}

TEST(Reduce, LogSumExpDoesNotOverflow) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  const std::vector<Index> axis{0};
  EXPECT_NEAR(logsumexp(full({2}, 1000, DType::float64), axis).item(), 1000 + std::log(2), 1e-12);
  EXPECT_EQ(logsumexp(full({2}, kInfinity), axis).item(), kInfinity);
  EXPECT_EQ(logsumexp(zeros({0}), axis).item(), -kInfinity);
  EXPECT_NEAR(logsumexp(zeros({3}, DType::int64), axis).item(), std::log(3), 1e-6);
  const Tensor none = full({2}, -kInfinity, DType::float64).requires_grad_();
  logsumexp(none, axis).backward();
  EXPECT_EQ(values(none.grad()), (std::vector<double>{0, 0}));
}

TEST(Reduce, DeviationIsFlatWhereItIsZero) {
  const Tensor x = ones({3}, DType::float64).requires_grad_();
  const Tensor deviation = std(x);
  EXPECT_EQ(deviation.item(), 0);
  deviation.backward();
  EXPECT_EQ(values(x.grad()), (std::vector<double>{0, 0, 0}));
  EXPECT_EQ(values(std(Tensor::from<double>({1, 2, 3, 5, 5, 5}, {2, 3}), {1})),
            (std::vector<double>{1, 0}));
}

TEST(Reduce, RankZeroCountsAsOneAxis) {
  const Tensor x = scalar(3, DType::float64);
  EXPECT_EQ(sum(x, {0}).item(), 3);
  EXPECT_EQ(mean(x, {-1}, true).shape(), Shape{});
  EXPECT_EQ(amax(x, {0}).item(), 3);
  EXPECT_EQ(argmin(x, 0, true).shape(), Shape{});
  EXPECT_EQ(prod(x, -1).item(), 3);
  EXPECT_THROW(sum(x, {1}), IndexError);
}

TEST(Reduce, EqualExtremaShareTheGradient) {
  const Tensor x = Tensor::from<double>({3, 1, 3, 2, 3, 0}, {2, 3}).requires_grad_();
  max(x).backward();
  const double third = 1.0 / 3;
  EXPECT_EQ(values(x.grad()), (std::vector<double>{third, 0, third, 0, third, 0}));
}

TEST(Reduce, NanTakesTheGradientOfMaxAndMinAndSpreadsInAmax) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  for (Tensor (*f)(const Tensor&) :
       {+[](const Tensor& t) { return max(t); }, +[](const Tensor& t) { return min(t); }}) {
    const Tensor x = Tensor::from<double>({nan, 1, nan, 2}, {4}).requires_grad_();
    f(x).backward();
    EXPECT_EQ(values(x.grad()), (std::vector<double>{0.5, 0, 0.5, 0}));
  }
  const Tensor x = Tensor::from<double>({nan, 1}, {2}).requires_grad_();
  amax(x, {0}).backward();
  EXPECT_TRUE(std::isnan(values(x.grad())[0]) && std::isnan(values(x.grad())[1]));
}

TEST(Reduce, EmptyTensors) {
  EXPECT_EQ(sum(zeros({0, 3})).item(), 0);
  EXPECT_TRUE(std::isnan(mean(zeros({0})).item()));
  EXPECT_TRUE(std::isnan(var(ones({1}), {0}).item()));
  EXPECT_THROW(max(zeros({0})), IndexError);
  EXPECT_THROW(amax(zeros({2, 0}), {1}), IndexError);
  EXPECT_EQ(amax(zeros({0, 2}), {1}).shape(), Shape{0});
  EXPECT_THROW(argmax(zeros({0})), IndexError);
  EXPECT_THROW(argmax(zeros({2, 0}), 1), IndexError);
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
