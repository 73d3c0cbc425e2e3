#include <voxgrad/ops/softmax.h>

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "tests/ops/random_values.h"

namespace voxgrad::ops {
namespace {

using namespace voxgrad::testing;

/// Elements of x along `axis` through `index`.
std::vector<double> line(const Tensor& x, const std::vector<double>& in, std::vector<Index> index,
                         int axis) {
  index[static_cast<std::size_t>(axis)] = 0;
  const std::size_t first = flat(x.shape(), index);
  const auto step =
      static_cast<std::size_t>(contiguous_strides(x.shape())[static_cast<std::size_t>(axis)]);
  std::vector<double> result;
  for (Index c = 0; c < x.size(axis); ++c)
    result.push_back(in[first + static_cast<std::size_t>(c) * step]);
  return result;
}

double log_sum(const std::vector<double>& x) {
  const double largest = *std::max_element(x.begin(), x.end());
  double sum = 0;
  for (const double value : x) sum += std::exp(value - largest);
  return largest + std::log(sum);
}

std::vector<Tensor> inputs(DType dtype) {
  std::vector<Tensor> all;
  for (const Layout layout : kAllLayouts) {
    for (const Shape& shape : {Shape{2, 3, 5, 4}, Shape{1, 2, 9, 70}, Shape{3, 1, 7}, Shape{5, 17},
                               Shape{4}, Shape{1, 600, 2}, Shape{0, 3, 2}, Shape{2, 3, 1, 1}}) {
      all.push_back(random_values(shape, dtype, layout));
    }
  }
  return all;
}

TEST(Softmax, FollowsTheDefinitionAlongEveryAxis) {
  for (const DType dtype : {DType::float32, DType::float64}) {
    for (const Tensor& x : inputs(dtype)) {
      const auto in = values(x);
      for (int axis = 0; axis < x.dim(); ++axis) {
        std::vector<double> probabilities, logarithms;
        for (const auto& index : indices(x.shape())) {
          logarithms.push_back(in[flat(x.shape(), index)] - log_sum(line(x, in, index, axis)));
          probabilities.push_back(std::exp(logarithms.back()));
        }
        const double tolerance = dtype == DType::float32 ? 1.5e-6 : 1e-14;
        EXPECT_LE(largest_difference(values(softmax(x, axis, false)), probabilities), tolerance);
        EXPECT_LE(largest_difference(values(softmax(x, axis, true)), logarithms), tolerance);
      }
    }
  }
}

TEST(Softmax, KeepsTheMemoryOrder) {
  for (const Layout layout : {Layout::plain, Layout::channels_last, Layout::reversed}) {
    const Tensor x = random_values({2, 3, 5, 4}, DType::float32, layout);
    EXPECT_EQ(softmax(x, 1, false).strides(), x.strides());
  }
}

TEST(Softmax, SmallProbabilitiesKeepTheirRelativePrecision) {
  const Tensor x = Tensor::from(std::vector<float>{0, -1.25f, -20, -50, -80, -86.5f}, {1, 6});
  const auto y = values(softmax(x, 1, false)), in = values(x);
  const double total = log_sum(in);
  for (std::size_t i = 0; i < y.size(); ++i)
    EXPECT_NEAR(y[i] / std::exp(in[i] - total), 1, 4e-7) << in[i];
}

TEST(Softmax, IsSafeForLargeScoresAndKeepsNaN) {
  const float inf = std::numeric_limits<float>::infinity();
  const auto y =
      values(softmax(Tensor::from(std::vector<float>{3e38f, -3e38f, -inf}, {1, 3}), 1, false));
  EXPECT_EQ(y, (std::vector<double>{1, 0, 0}));
  const auto logs = values(softmax(Tensor::from(std::vector<float>{1000, 1001}, {1, 2}), 1, true));
  EXPECT_NEAR(logs[0], -1 - std::log1p(std::exp(-1.0)), 1e-6);
  const auto nan =
      values(softmax(Tensor::from(std::vector<float>{0, std::nanf(""), 1}, {1, 3}), 1, false));
  for (const double value : nan) EXPECT_TRUE(std::isnan(value));
}

TEST(Softmax, GradientFollowsTheDefinition) {
  for (const DType dtype : {DType::float32, DType::float64}) {
    for (const Tensor& x : inputs(dtype)) {
      const Tensor dy = random_values(x.shape(), dtype, Layout::gaps, 2);
      const auto g = values(dy);
      for (int axis = 0; axis < x.dim(); ++axis) {
        for (const bool logarithm : {false, true}) {
          const Tensor y = softmax(x, axis, logarithm);
          const auto out = values(y);
          std::vector<double> expected;
          for (const auto& index : indices(x.shape())) {
            const auto ys = line(y, out, index, axis), gs = line(y, g, index, axis);
            double sum = 0;
            for (std::size_t i = 0; i < ys.size(); ++i) sum += logarithm ? gs[i] : gs[i] * ys[i];
            const double own = out[flat(x.shape(), index)], grad = g[flat(x.shape(), index)];
            expected.push_back(logarithm ? grad - std::exp(own) * sum : own * (grad - sum));
          }
          EXPECT_LE(largest_difference(values(softmax_gradient(y, dy, axis, logarithm)), expected),
                    dtype == DType::float32 ? 3e-5 : 1e-13);
        }
      }
    }
  }
}

TEST(Softmax, SameBitsOnAnyNumberOfThreads) {
  const Tensor x = noise({1, 3, 40, 50, 11}, Layout::channels_last);
  EXPECT_TRUE(same_on_any_threads([&] { return softmax(x, 1, false); }));
  EXPECT_TRUE(same_on_any_threads([&] { return softmax(x, 3, true); }));
}

}  // namespace
}  // namespace voxgrad::ops
