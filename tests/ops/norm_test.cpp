#include <voxgrad/ops/norm.h>

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "tests/ops/random_values.h"

namespace voxgrad::ops {
namespace {

using namespace voxgrad::testing;

struct Case {
  Shape shape;
  bool per_sample;

  NormShape norm() const {
    const Index voxels = element_count(shape) / std::max<Index>(1, shape[0] * shape[1]);
    return per_sample ? NormShape{shape[0], voxels, shape[1]}
                      : NormShape{1, shape[0] * voxels, shape[1]};
  }
  std::size_t group_of(const std::vector<Index>& index) const {
    return static_cast<std::size_t>((per_sample ? index[0] * shape[1] : 0) + index[1]);
  }
  std::size_t groups() const {
    return static_cast<std::size_t>((per_sample ? shape[0] : 1) * shape[1]);
  }
};

std::vector<Case> cases() {
  std::vector<Case> all;
  for (const Shape& shape :
       {Shape{1, 1, 3, 5, 7}, Shape{2, 3, 5, 4, 3}, Shape{3, 8, 7, 5}, Shape{1, 17, 11},
        Shape{2, 33, 3, 3, 2}, Shape{2, 16, 41, 30}, Shape{1, 3, 12001}, Shape{1, 33, 1000}}) {
    for (const bool per_sample : {false, true}) all.push_back({shape, per_sample});
  }
  all.push_back({{9, 6}, false});
  return all;
}

struct Reference {
  std::vector<double> mean, variance;
};

Reference reference_moments(const Case& c, const Tensor& x) {
  const auto in = values(x);
  std::vector<long double> sum(c.groups()), squares(c.groups());
  const auto rows = static_cast<long double>(c.norm().rows);
  std::size_t i = 0;
  for (const auto& index : indices(c.shape)) sum[c.group_of(index)] += in[i++];
  i = 0;
  for (const auto& index : indices(c.shape)) {
    const long double gap = in[i++] - sum[c.group_of(index)] / rows;
    squares[c.group_of(index)] += gap * gap;
  }
  Reference result;
  for (std::size_t g = 0; g < c.groups(); ++g) {
    result.mean.push_back(static_cast<double>(sum[g] / rows));
    result.variance.push_back(static_cast<double>(squares[g] / rows));
  }
  return result;
}

/// Large cases, which take several chunks, in one layout only.
std::vector<Layout> layouts_for(const Case& c) {
  if (element_count(c.shape) > 5000) return {Layout::channels_last};
  return {std::begin(kAllLayouts), std::end(kAllLayouts)};
}

TEST(Moments, FollowTheDefinition) {
  for (const Case& c : cases()) {
    for (const DType dtype : {DType::float32, DType::float64}) {
      for (const Layout layout : layouts_for(c)) {
        const Tensor x = random_values(c.shape, dtype, layout);
        const Moments found = moments(c.norm(), x);
        const Reference expected = reference_moments(c, x);
        EXPECT_LE(largest_difference(values(found.mean), expected.mean), 1e-14)
            << to_string(c.shape);
        EXPECT_LE(largest_difference(values(found.variance), expected.variance), 1e-14)
            << to_string(c.shape);
      }
    }
  }
}

TEST(Moments, StayExactWhereTheMeanIsLarge) {
  for (const double mean : {1e3, 1e6}) {
    Tensor x = random_values({1, 5, 7001}, DType::float64);
    double* data = x.mutable_data<double>();
    for (Index i = 0; i < x.numel(); ++i) data[i] += mean;
    data[0] = -mean;  // an outlier must not spoil it either
    const Case c{x.shape(), true};
    const Reference expected = reference_moments(c, x);
    const auto variance = values(moments(c.norm(), x).variance);
    for (std::size_t g = 0; g < variance.size(); ++g)
      EXPECT_NEAR(variance[g] / expected.variance[g], 1, 1e-11);
  }
}

/// Rows at the start of a chunk may lie far from the others, as padding does.
TEST(Moments, StayExactWhereTheFirstRowsLieApart) {
  for (const Index apart : {1, 65, 700, 4000}) {
    Tensor x = random_values({1, 7, 4001}, DType::float64, Layout::channels_last);
    double* data = x.mutable_data<double>();
    for (Index i = 0; i < apart * 7; ++i) data[i] -= 1e5;
    const Case c{x.shape(), true};
    const Reference expected = reference_moments(c, x);
    const Moments found = moments(c.norm(), x);
    const auto mean = values(found.mean), variance = values(found.variance);
    for (std::size_t g = 0; g < variance.size(); ++g) {
      EXPECT_NEAR(mean[g] / expected.mean[g], 1, 1e-14) << apart;
      EXPECT_NEAR(variance[g] / expected.variance[g], 1, 1e-12) << apart;
    }
  }
}

TEST(Moments, TheMeanOfAnInfinityIsOne) {
  const double infinity = std::numeric_limits<double>::infinity();
  for (const Index rows : {1, 3, 700, 5000}) {
    for (const Index place : {Index{0}, rows - 1}) {
      Tensor x = random_values({1, 7, rows}, DType::float64, Layout::channels_last);
      x.mutable_data<double>()[place * 7 + 3] = -infinity;
      const Moments found = moments({1, rows, 7}, x);
      const auto mean = values(found.mean), variance = values(found.variance);
      for (std::size_t c = 0; c < 7; ++c) {
        EXPECT_EQ(std::isfinite(mean[c]) && std::isfinite(variance[c]), c != 3) << rows;
      }
      if (rows < 1000) {  // several chunks may give NaN
        EXPECT_EQ(mean[3], -infinity) << rows;
      }
    }
  }
}

TEST(Moments, SquaresThatOverflowAreInfinite) {
  for (const Index rows : {3, 700, 5000}) {
    const Tensor x = random_values({1, 2, rows}, DType::float64, Layout::channels_last);
    double* data = Tensor(x).mutable_data<double>();
    for (Index i = 0; i < rows; ++i) data[2 * i] *= 1e160;
    const Moments found = moments({1, rows, 2}, x);
    EXPECT_TRUE(std::isfinite(values(found.mean)[0])) << rows;
    EXPECT_EQ(values(found.variance)[0], std::numeric_limits<double>::infinity()) << rows;
    EXPECT_TRUE(std::isfinite(values(found.variance)[1])) << rows;
  }
}

TEST(Normalize, FollowsTheDefinition) {
  const double eps = 1e-3;
  for (const Case& c : cases()) {
    for (const DType dtype : {DType::float32, DType::float64}) {
      for (const Layout layout : layouts_for(c)) {
        const Tensor x = random_values(c.shape, dtype, layout);
        const Tensor weight = random_values({c.shape[1]}, dtype, Layout::gaps, 2);
        const Tensor bias = random_values({c.shape[1]}, dtype, Layout::plain, 3);
        const Moments stats = moments(c.norm(), x);
        const auto in = values(x), w = values(weight), b = values(bias), m = values(stats.mean),
                   v = values(stats.variance);
        std::vector<double> plain, affine;
        std::size_t i = 0;
        for (const auto& index : indices(c.shape)) {
          const std::size_t g = c.group_of(index), channel = static_cast<std::size_t>(index[1]);
          plain.push_back((in[i++] - m[g]) / std::sqrt(v[g] + eps));
          affine.push_back(plain.back() * w[channel] + b[channel]);
        }
        const double tolerance = dtype == DType::float32 ? 2e-6 : 1e-14;
        const Tensor y = normalize(c.norm(), x, stats, {eps, weight, bias});
        EXPECT_TRUE(y.is_channels_last() || y.dim() < 3);
        EXPECT_LE(largest_difference(values(y), affine), tolerance);
        EXPECT_LE(largest_difference(values(normalize(c.norm(), x, stats, {.eps = eps})), plain),
                  tolerance);
      }
    }
  }
}

TEST(Normalize, FloatKeepsItsPrecisionWhereTheMeanIsLarge) {
  Tensor x = random_values({1, 2, 5000}, DType::float32);
  float* data = x.mutable_data<float>();
  for (Index i = 0; i < x.numel(); ++i) data[i] += 1000;
  const Case c{x.shape(), true};
  const Moments stats = moments(c.norm(), x);
  const auto in = values(x), m = values(stats.mean), v = values(stats.variance);
  const auto y = values(normalize(c.norm(), x, stats, {}));
  for (std::size_t i = 0; i < y.size(); ++i) {
    const std::size_t g = i / 5000;
    EXPECT_NEAR(y[i], (in[i] - m[g]) / std::sqrt(v[g]), 5e-7);
  }
}

TEST(NormGradients, FollowTheDefinition) {
  const double eps = 1e-3;
  for (const Case& c : cases()) {
    for (const DType dtype : {DType::float32, DType::float64}) {
      const Tensor x = random_values(c.shape, dtype, Layout::gaps);
      const Tensor dy = random_values(c.shape, dtype, Layout::reversed, 4);
      const Tensor weight = random_values({c.shape[1]}, dtype, Layout::plain, 2);
      const Moments stats = moments(c.norm(), x);
      const auto in = values(x), gradient = values(dy), w = values(weight), m = values(stats.mean),
                 v = values(stats.variance);
      std::vector<double> sum(c.groups()), product(c.groups()), xhat;
      std::size_t i = 0;
      for (const auto& index : indices(c.shape)) {
        const std::size_t g = c.group_of(index);
        xhat.push_back((in[i] - m[g]) / std::sqrt(v[g] + eps));
        sum[g] += gradient[i];
        product[g] += gradient[i] * xhat[i];
        ++i;
      }
      std::vector<double> through, constant;
      i = 0;
      const double rows = static_cast<double>(c.norm().rows);
      for (const auto& index : indices(c.shape)) {
        const std::size_t g = c.group_of(index);
        const double scale = w[static_cast<std::size_t>(index[1])] / std::sqrt(v[g] + eps);
        constant.push_back(scale * gradient[i]);
        through.push_back(scale * (gradient[i] - sum[g] / rows - xhat[i] * product[g] / rows));
        ++i;
      }
      const double tolerance = dtype == DType::float32 ? 3e-6 : 1e-13;
      const NormSums sums = norm_sums(c.norm(), x, dy, stats, {.eps = eps});
      const NormSums weighted = merge_sums(c.norm(), 1, sums, weight);
      EXPECT_LE(largest_difference(values(sums.dy), sum), 1e-11);
      EXPECT_LE(largest_difference(values(sums.dy_xhat), product), 1e-10);
      EXPECT_LE(largest_difference(values(norm_input_gradient(c.norm(), x, dy, stats,
                                                              {eps, weight, {}}, weighted)),
                                   through),
                tolerance);
      EXPECT_LE(
          largest_difference(
              values(norm_input_gradient(c.norm(), x, dy, stats, {eps, weight, {}}, {})), constant),
          tolerance);
    }
  }
}

TEST(NormGradients, OfConstantMomentsDoNotReadInfiniteInputs) {
  const NormShape shape{1, 4, 1};
  const Tensor x = Tensor::from(std::vector<float>{1, INFINITY, NAN, 2}, {4, 1});
  const Tensor dy = Tensor::from(std::vector<float>{1, 2, 3, 4}, {4, 1});
  const Moments stats{Tensor::from(std::vector<float>{1}, {1}),
                      Tensor::from(std::vector<float>{4}, {1})};
  EXPECT_EQ(values(norm_input_gradient(shape, x, dy, stats, {}, {})),
            (std::vector<double>{0.5, 1, 1.5, 2}));
}

TEST(RunningStatistics, MoveByTheMomentumWithTheUnbiasedVariance) {
  const Case c{{2, 3, 5}, true};
  const Tensor x = random_values(c.shape, DType::float32);
  const Moments stats = moments(c.norm(), x);
  Moments running{Tensor::from(std::vector<float>{1, 2, 3}, {3}),
                  Tensor::from(std::vector<float>{4, 5, 6}, {3})};
  update_running(c.norm(), stats, 0.25, running);
  const auto m = values(stats.mean), v = values(stats.variance), mean = values(running.mean),
             variance = values(running.variance);
  for (std::size_t k = 0; k < 3; ++k) {
    const double start = static_cast<double>(k);
    EXPECT_NEAR(mean[k], 0.75 * (1 + start) + 0.25 * (m[k] + m[k + 3]) / 2, 1e-6);
    EXPECT_NEAR(variance[k], 0.75 * (4 + start) + 0.25 * (v[k] + v[k + 3]) / 2 * 5 / 4, 1e-6);
  }
}

TEST(Moments, MergedOverChannelsAreThoseOfAllTheirElements) {
  const Tensor x = random_values({2, 6, 5, 7});
  const NormShape shape{2, 35, 6};
  const Moments merged = merge_moments(shape, 3, moments(shape, x));
  const auto mean = values(merged.mean), variance = values(merged.variance);
  for (Index run = 0; run < 4; ++run) {
    const std::vector<double> all = values(x);
    const auto begin = all.begin() + run * 3 * 35, end = begin + 3 * 35;
    double m = 0, v = 0;
    for (auto i = begin; i != end; ++i) m += *i / (3 * 35);
    for (auto i = begin; i != end; ++i) v += (*i - m) * (*i - m) / (3 * 35);
    for (Index c = 0; c < 3; ++c) {
      EXPECT_NEAR(mean[static_cast<std::size_t>(3 * run + c)], m, 1e-14);
      EXPECT_NEAR(variance[static_cast<std::size_t>(3 * run + c)], v, 1e-14);
    }
  }
}

TEST(Norm, SameBitsOnAnyNumberOfThreads) {
  for (const bool per_sample : {false, true}) {
    const Case c{{2, 3, 40, 41, 43}, per_sample};
    const Tensor x = random_values(c.shape, DType::float32, Layout::channels_last);
    const Tensor dy = random_values(c.shape, DType::float32, Layout::channels_last, 2);
    const Moments stats = moments(c.norm(), x);
    EXPECT_TRUE(same_on_any_threads([&] { return moments(c.norm(), x).mean; }));
    EXPECT_TRUE(same_on_any_threads([&] { return moments(c.norm(), x).variance; }));
    EXPECT_TRUE(same_on_any_threads([&] { return normalize(c.norm(), x, stats, {.eps = 1e-5}); }));
    EXPECT_TRUE(same_on_any_threads(
        [&] { return norm_sums(c.norm(), x, dy, stats, {.eps = 1e-5}).dy_xhat; }));
    const NormSums sums = norm_sums(c.norm(), x, dy, stats, {.eps = 1e-5});
    EXPECT_TRUE(same_on_any_threads(
        [&] { return norm_input_gradient(c.norm(), x, dy, stats, {.eps = 1e-5}, sums); }));
  }
}

}  // namespace
}  // namespace voxgrad::ops
