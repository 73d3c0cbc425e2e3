#include <voxgrad/ops/pool.h>

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>

#include <voxgrad/autograd/functions/pool.h>
#include <voxgrad/core/error.h>

#include "tests/ops/random_values.h"
#include "tests/support/on_cuda.h"

namespace voxgrad::testing {
namespace {

using ops::PoolGeometry;

class CudaPool : public Cuda {};

int between(std::mt19937& random, int low, int high) {
  return low + static_cast<int>(random() % static_cast<unsigned>(high - low + 1));
}

/// Any legal geometry: windows apart and overlapping, dilated, beyond the end.
PoolGeometry random_pooling(std::mt19937& random, int most_dilation) {
  while (true) {
    PoolGeometry g;
    g.rank = between(random, 1, 3);
    g.batch = between(random, 0, 3);
    g.channels = between(random, 1, 9);
    try {
      for (int a = 3 - g.rank; a < 3; ++a) {
        ops::PoolAxis& axis = g.axis[static_cast<std::size_t>(a)];
        const int kernel = between(random, 1, 5);
        axis = {.in = between(random, 1, 9),
                .kernel = kernel,
                .stride = between(random, 1, 4),
                .padding = between(random, 0, kernel / 2),
                .dilation = between(random, 1, most_dilation)};
        if (between(random, 0, 3) == 0) {
          axis = ops::adaptive_axis("test", axis.in, between(random, 1, 6));
        } else {
          ops::set_output_size("test", axis, between(random, 0, 1) == 1);
        }
      }
      return g;
    } catch (const ShapeError&) {
    }
  }
}

/// Few different whole numbers, so that maxima meet and sums are exact.
Tensor whole_numbers(const Shape& shape, DType dtype, Layout layout, std::uint32_t seed) {
  return numbers(shape, dtype, layout, static_cast<Index>(seed));
}

TEST_F(CudaPool, MaximaAndTheirAdjointsAgreeInRandomGeometries) {
  std::mt19937 random(3);
  for (int i = 0; i < 100; ++i) {
    const PoolGeometry g = random_pooling(random, 3);
    const DType dtype = i % 2 == 0 ? DType::float32 : DType::float64;
    const Layout layout = kAllLayouts[i % 4];
    const Tensor x = whole_numbers(g.input_shape(), dtype, layout, random());
    const Tensor y = random_values(g.output_shape(), dtype, layout, random());
    const std::string name = "geometry " + std::to_string(i);
    expect_agreement(name, [&](const auto& in) { return ops::max_pool(g, in[0]).values; }, {x});
    expect_agreement(name, [&](const auto& in) { return ops::max_pool(g, in[0]).positions; }, {x});
    const Tensor positions = ops::max_pool(g, x).positions;
    expect_agreement(name, [&](const auto& in) { return ops::flat_indices(g, in[0]); },
                     {positions});
    expect_agreement(name, [&](const auto& in) { return ops::scatter_at(g, in[0], in[1]); },
                     {y, positions});
    expect_agreement(name, [&](const auto& in) { return ops::gather_at(g, in[0], in[1]); },
                     {x, positions});
  }
}

TEST_F(CudaPool, AveragesAndTheirAdjointsAgreeInRandomGeometries) {
  std::mt19937 random(5);
  for (int i = 0; i < 100; ++i) {
    const PoolGeometry g = random_pooling(random, 1);
    const DType dtype = i % 2 == 0 ? DType::float32 : DType::float64;
    const ops::AverageDivisor divisor{.count_include_pad = i % 3 == 0,
                                      .divisor = i % 5 == 0 ? 3 : 0};
    const Tensor x = random_values(g.input_shape(), dtype, kAllLayouts[i % 4], random());
    const Tensor y = random_values(g.output_shape(), dtype, kAllLayouts[i % 4], random());
    const std::string name = "geometry " + std::to_string(i);
    expect_agreement(name, [&](const auto& in) { return ops::average_pool(g, divisor, in[0]); },
                     {x});
    expect_agreement(
        name, [&](const auto& in) { return ops::average_pool_adjoint(g, divisor, in[0]); }, {y});
  }
}

TEST_F(CudaPool, NanWinsAndTheLowestNumberIsAMaximum) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const float low = -std::numeric_limits<float>::infinity();
  const Tensor x = Tensor::from(std::vector<float>{1, nan, 2, 3, low, low, nan, nan, 4}, {1, 1, 9});
  for (const MaxPoolOptions& o :
       {MaxPoolOptions{}, MaxPoolOptions{.kernel = 3, .stride = 1, .padding = 1}}) {
    expect_agreement("values", [&](const auto& in) { return max_pool(in[0], o); }, {x},
                     {.gradients = true});
    expect_agreement("indices",
                     [&](const auto& in) { return max_pool_with_indices(in[0], o).indices; }, {x});
  }
}

TEST_F(CudaPool, WindowsOfManyPlacesAgree) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const Shape shape{2, 3, 9, 8, 9};
  Tensor gaps = numbers(shape);  // whose maxima meet, and one of them in two places is NaN
  for (const Index place : {700, 800}) gaps.mutable_data<float>()[place] = nan;
  for (const Tensor& x : {random_values(shape, DType::float32, Layout::channels_last), gaps}) {
    for (const MaxPoolOptions& o : {MaxPoolOptions{.kernel = 7, .stride = 2, .padding = 3},
                                    MaxPoolOptions{.kernel = {4, 4, 5}, .dilation = {2, 2, 1}}}) {
      expect_agreement("values", [&](const auto& in) { return max_pool(in[0], o); }, {x},
                       {.gradients = true});
      expect_agreement(
          "indices", [&](const auto& in) { return max_pool_with_indices(in[0], o).indices; }, {x});
    }
  }
}

TEST_F(CudaPool, MaximaDifferentiate) {
  const std::vector<MaxPoolOptions> all = {{},
                                           {.kernel = 3, .stride = 2, .padding = 1},
                                           {.kernel = 2, .stride = 1, .dilation = 2},
                                           {.kernel = 2, .stride = 3, .ceil_mode = true}};
  for (const MaxPoolOptions& o : all) {
    for (const Shape& shape : {Shape{2, 3, 7}, Shape{1, 5, 5, 7}, Shape{2, 3, 4, 5, 4}}) {
      const Tensor x = numbers(shape, DType::float32, Layout::reversed);
      expect_agreement("max_pool", [&](const auto& in) { return max_pool(in[0], o); }, {x},
                       {.gradients = true});
      expect_agreement("max_pool_with_indices",
                       [&](const auto& in) { return max_pool_with_indices(in[0], o).values; }, {x},
                       {.gradients = true});
    }
  }
  const Tensor one = random_values({3, 4, 6, 5});
  expect_agreement("unbatched", [](const auto& in) { return max_pool(in[0], {.rank = 3}); }, {one},
                   {.gradients = true});
}

TEST_F(CudaPool, AveragesDifferentiate) {
  const std::vector<AvgPoolOptions> all = {
      {},
      {.kernel = 3, .stride = 2, .padding = 1},
      {.kernel = 3, .padding = 1, .count_include_pad = false},
      {.kernel = 2, .stride = 3, .ceil_mode = true, .divisor_override = 5},
      {.kernel = 5, .stride = 2, .padding = 2, .count_include_pad = false}};
  for (const AvgPoolOptions& o : all) {
    for (const DType dtype : {DType::float32, DType::float64}) {
      const Tensor x = random_values({2, 5, 4, 5, 4}, dtype, Layout::gaps);
      expect_agreement("avg_pool", [&](const auto& in) { return avg_pool(in[0], o); }, {x},
                       {.gradients = true});
    }
  }
}

TEST_F(CudaPool, AdaptivePoolsDifferentiate) {
  const Tensor x = random_values({2, 3, 9, 11, 10}, DType::float32, Layout::channels_last);
  for (const std::vector<std::optional<Index>>& sizes :
       {std::vector<std::optional<Index>>{2, 3, std::nullopt}, {1, 1, 2}, {9, 12, 4}, {2, 0, 1}}) {
    expect_agreement("adaptive_avg_pool",
                     [&](const auto& in) { return adaptive_avg_pool(in[0], sizes); }, {x},
                     {.gradients = true});
    expect_agreement("adaptive_max_pool",
                     [&](const auto& in) { return adaptive_max_pool(in[0], sizes); }, {x},
                     {.gradients = true});
    expect_agreement(
        "adaptive_max_pool_with_indices",
        [&](const auto& in) { return adaptive_max_pool_with_indices(in[0], sizes).indices; }, {x});
  }
}

}  // namespace
}  // namespace voxgrad::testing
