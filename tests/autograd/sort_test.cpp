#include <voxgrad/autograd/functions/sort.h>

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include <voxgrad/autograd/functions/creation.h>
#include <voxgrad/autograd/functions/elementwise.h>
#include <voxgrad/autograd/functions/indexing.h>
#include <voxgrad/autograd/functions/reduce.h>
#include <voxgrad/autograd/gradcheck.h>
#include <voxgrad/core/error.h>

#include "tests/ops/layouts.h"

namespace voxgrad {
namespace {

using namespace voxgrad::testing;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

TEST(Sort, OrdersEveryLineAndKeepsEquals) {
  for (const DType dtype : kAllDTypes) {
    for (const Layout layout : kAllLayouts) {
      const Tensor x = numbers({3, 4, 29}, dtype, layout);
      for (const Index axis : {0, 1, -1}) {
        for (const bool descending : {false, true}) {
          const auto [sorted, at] = sort(x, axis, descending);
          EXPECT_EQ(values(gather(x, axis, at)), values(sorted));
          EXPECT_EQ(values(argsort(x, axis, descending)), values(at));
          const Index n = x.size(axis);
          const Tensor low = sorted.narrow(axis, 0, n - 1), high = sorted.narrow(axis, 1, n - 1);
          const Tensor first = at.narrow(axis, 0, n - 1), second = at.narrow(axis, 1, n - 1);
          EXPECT_EQ(all(descending ? ge(low, high) : le(low, high)).item(), 1);
          EXPECT_EQ(all(logical_or(ne(low, high), lt(first, second))).item(), 1);
          EXPECT_EQ(values(sum(at, {axis})),
                    std::vector<double>(static_cast<std::size_t>(x.numel() / n),
                                        static_cast<double>(n * (n - 1) / 2)));
        }
      }
    }
  }
  EXPECT_TRUE(same_on_any_threads([] { return argsort(noise({90, 1000}), 1); }));
}

TEST(Sort, NanIsTheLargest) {
  const Tensor x = Tensor::from<double>({2, kNan, 1, kNan, 3}, {5});
  EXPECT_EQ(values(argsort(x)), (std::vector<double>{2, 0, 4, 1, 3}));
  EXPECT_EQ(values(argsort(x, 0, true)), (std::vector<double>{1, 3, 4, 0, 2}));
  EXPECT_EQ(values(topk(x, 2).indices), (std::vector<double>{1, 3}));
  EXPECT_EQ(values(topk(x, 2, 0, false).values), (std::vector<double>{1, 2}));
  EXPECT_EQ(values(max(x, 0).indices), std::vector<double>{1});
  EXPECT_EQ(values(min(x, 0).indices), std::vector<double>{1});
  EXPECT_EQ(values(median(x, 0).indices), std::vector<double>{1});
  EXPECT_TRUE(std::isnan(median(x).item()));
}

TEST(Sort, OrdersTheLimitsOfEveryDType) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  const std::vector<double> real{0, -kInfinity, -0.0, 5e-324, -5e-324, kInfinity, 1e300, -1e300};
  const std::vector<double> order{1, 7, 4, 0, 2, 3, 6, 5};  // the zeros are equal
  EXPECT_EQ(values(argsort(Tensor::from(real, {8}))), order);
  const std::vector<float> single{0, -INFINITY, -0.0f, 1e-45f, -1e-45f, INFINITY, 1e38f, -1e38f};
  EXPECT_EQ(values(argsort(Tensor::from(single, {8}))), order);
  const std::vector<std::int64_t> whole{0, INT64_MIN, INT64_MAX, -1, 1};
  EXPECT_EQ(values(argsort(Tensor::from(whole, {5}))), (std::vector<double>{1, 3, 0, 4, 2}));
  const std::vector<std::int32_t> narrow{0, INT32_MIN, INT32_MAX, -1, 1};
  EXPECT_EQ(values(argsort(Tensor::from(narrow, {5}))), (std::vector<double>{1, 3, 0, 4, 2}));
}

TEST(Sort, ValuesAndShapes) {
  const Tensor x = Tensor::from<double>({4, 1, 7, 7, 3, 9, 9, 2}, {2, 4});
  EXPECT_EQ(values(topk(x, 2).values), (std::vector<double>{7, 7, 9, 9}));
  EXPECT_EQ(values(topk(x, 2).indices), (std::vector<double>{2, 3, 1, 2}));
  EXPECT_EQ(topk(x, 0, 0).values.shape(), (Shape{0, 4}));
  EXPECT_EQ(values(max(x, 1).values), (std::vector<double>{7, 9}));
  EXPECT_EQ(values(max(x, 1).indices), (std::vector<double>{2, 1}));
  EXPECT_EQ(min(x, 0, true).values.shape(), (Shape{1, 4}));
  EXPECT_EQ(values(min(x, 0).values), (std::vector<double>{3, 1, 7, 2}));
  EXPECT_EQ(values(median(x, 1).values), (std::vector<double>{4, 3}));
  EXPECT_EQ(values(median(x, 1, true).indices), (std::vector<double>{0, 0}));
  EXPECT_EQ(median(x).item(), 4);
  EXPECT_TRUE(std::isnan(median(zeros({0})).item()));
  const Tensor number = scalar(3);
  EXPECT_EQ(sort(number).values.shape(), Shape{});
  EXPECT_EQ(argsort(number, 0).shape(), Shape{});
  EXPECT_EQ(topk(number, 1).indices.shape(), Shape{});
  EXPECT_EQ(max(number, 0).values.item(), 3);
  EXPECT_EQ(sort(zeros({2, 0})).indices.shape(), (Shape{2, 0}));
}

TEST(Sort, TheGradientGoesToTheChosenAlone) {
  for (const Layout layout : kAllLayouts) {
    Tensor x = uninitialised({2, 3, 5}, DType::float64, layout);
    double* data = x.mutable_data<double>();
    Index i = 0;
    for (const auto& index : indices(x.shape())) {
      data[offset(index, x.strides())] = static_cast<double>(++i * 37 % 101) / 40 - 1;
    }
    x.requires_grad_();
    const auto check = [&](auto f) {
      const TensorFunction g = [f](std::span<const Tensor> in) {
        return std::vector<Tensor>{square(f(in[0]))};
      };
      gradcheck(g, {x});
      gradgradcheck(g, {x});
    };
    check([](const Tensor& t) { return sort(t, 1).values; });
    check([](const Tensor& t) { return sort(t, 0, true).values; });
    check([](const Tensor& t) { return topk(t, 3, 2).values; });
    check([](const Tensor& t) { return max(t, 1).values; });
    check([](const Tensor& t) { return min(t, 2, true).values; });
    check([](const Tensor& t) { return median(t, 2).values; });
    check([](const Tensor& t) { return median(t); });
  }
  const Tensor equals = ones({3}, DType::float64).requires_grad_();
  max(equals, 0).values.backward();
  EXPECT_EQ(values(equals.grad()), (std::vector<double>{1, 0, 0}));
}

TEST(Sort, WrongArgumentsAreErrors) {
  const Tensor x = zeros({2, 3});
  EXPECT_THROW(sort(x, 2), IndexError);
  EXPECT_THROW(topk(x, 4), ShapeError);
  EXPECT_THROW(topk(x, -1), ShapeError);
  EXPECT_THROW(max(zeros({2, 0}), 1), IndexError);
  EXPECT_THROW(median(zeros({2, 0}), 1), IndexError);
  EXPECT_THROW(max(scalar(1), 1), IndexError);
}

}  // namespace
}  // namespace voxgrad
