#include <voxgrad/ops/pool.h>

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include <voxgrad/core/error.h>

#include "tests/ops/random_values.h"

namespace voxgrad::ops {
namespace {

using namespace voxgrad::testing;

PoolAxis axis(Index in, Index kernel, Index stride, Index padding = 0, Index dilation = 1,
              bool ceil = false) {
  PoolAxis result{
      .in = in, .kernel = kernel, .stride = stride, .padding = padding, .dilation = dilation};
  set_output_size("pool", result, ceil);
  return result;
}

PoolGeometry geometry(Index batch, Index channels, std::vector<PoolAxis> axes) {
  PoolGeometry g{
      .rank = static_cast<int>(axes.size()), .batch = batch, .channels = channels, .axis = {}};
  std::copy(axes.begin(), axes.end(), g.axis.begin() + (3 - g.rank));
  return g;
}

std::vector<PoolGeometry> geometries() {
  std::vector<PoolGeometry> all;
  all.push_back(geometry(2, 8, {axis(6, 2, 2), axis(5, 2, 2), axis(7, 2, 2)}));
  all.push_back(geometry(1, 17, {axis(5, 3, 2, 1), axis(4, 2, 1, 1), axis(9, 3, 2, 1, 2)}));
  all.push_back(
      geometry(3, 3, {axis(5, 2, 3), axis(7, 3, 2, 1, 1, true), axis(4, 2, 2, 0, 1, true)}));
  all.push_back(geometry(1, 32, {axis(3, 1, 2), axis(3, 3, 3, 1), axis(11, 4, 3, 2)}));
  // Each place in one window at most, of whole cache lines.
  all.push_back(geometry(2, 32, {axis(6, 2, 2), axis(5, 2, 2), axis(7, 3, 3, 1)}));
  all.push_back(geometry(1, 48, {axis(7, 2, 3), axis(4, 2, 2), axis(8, 2, 3)}));
  all.push_back(geometry(1, 16, {axis(8, 7, 7), axis(7, 7, 7), axis(15, 7, 7)}));  // int32
  all.push_back(geometry(2, 1, {axis(9, 3, 1, 1), axis(8, 2, 3)}));
  all.push_back(geometry(1, 20, {axis(40, 5, 3, 2, 2)}));
  all.push_back(geometry(1, 2, {axis(9000, 2, 2)}));
  all.push_back(
      geometry(1, 2, {axis(8, 7, 1), axis(9, 7, 2), axis(7, 7, 7)}));  // 343 places: int32
  all.push_back(geometry(0, 4, {axis(6, 2, 2), axis(5, 2, 2)}));
  return all;
}

/// Calls f(index of y, index of x, tap, inside) for every output and every place of its window.
template <typename F>
void for_each_tap(const PoolGeometry& g, const std::vector<Index>& y, const F& f) {
  const int lead = 3 - g.rank;
  Shape window;
  for (int a = lead; a < 3; ++a) window.push_back(g.axis[static_cast<std::size_t>(a)].kernel);
  Index tap = 0;
  for (const auto& k : indices(window)) {
    std::vector<Index> x = y;
    bool inside = true;
    for (std::size_t a = 0; a < k.size(); ++a) {
      const PoolAxis& along = g.axis[a + static_cast<std::size_t>(lead)];
      x[a + 2] = y[a + 2] * along.stride - along.padding + k[a] * along.dilation;
      inside = inside && x[a + 2] >= 0 && x[a + 2] < along.in;
    }
    f(x, tap++, inside);
  }
}

Index spatial_place(const PoolGeometry& g, const std::vector<Index>& x) {
  Index place = 0;
  for (std::size_t a = 2; a < x.size(); ++a) place = place * g.input_shape()[a] + x[a];
  return place;
}

TEST(MaxPool, FollowsTheDefinitionAndTheFirstMaximumWins) {
  for (const PoolGeometry& g : geometries()) {
    for (const DType dtype : {DType::float32, DType::float64}) {
      for (const Layout layout : kAllLayouts) {
        const Tensor x = numbers(g.input_shape(), dtype, layout);
        const MaxPooled pooled = max_pool(g, x);
        EXPECT_EQ(pooled.values.shape(), g.output_shape());
        EXPECT_TRUE(pooled.values.is_channels_last());
        const auto in = values(x);
        std::vector<double> expected, places;
        for (const auto& y : indices(g.output_shape())) {
          double best = -std::numeric_limits<double>::infinity();
          Index where = -1;
          for_each_tap(g, y, [&](const auto& at, Index, bool inside) {
            if (!inside) return;
            const double value = in[flat(x.shape(), at)];
            if (value > best) best = value, where = spatial_place(g, at);
          });
          expected.push_back(best);
          places.push_back(static_cast<double>(where));
        }
        EXPECT_EQ(values(pooled.values), expected);
        EXPECT_EQ(values(flat_indices(g, pooled.positions)), places);
      }
    }
  }
}

TEST(MaxPool, NaNWinsAndMinusInfinityCounts) {
  const PoolGeometry g = geometry(1, 1, {axis(8, 2, 2)});
  const double inf = std::numeric_limits<double>::infinity(), nan = std::nan("");
  const MaxPooled pooled =
      max_pool(g, Tensor::from(std::vector<double>{nan, 9, 9, nan, -inf, -inf, 1, 2}, {1, 1, 8}));
  const auto y = values(pooled.values);
  EXPECT_TRUE(std::isnan(y[0]));
  EXPECT_TRUE(std::isnan(y[1]));
  EXPECT_EQ(y[2], -inf);
  EXPECT_EQ(y[3], 2);
  EXPECT_EQ(values(flat_indices(g, pooled.positions)), (std::vector<double>{0, 3, 4, 7}));
}

TEST(MaxPool, PositionsAreBytesWhereTheyFit) {
  EXPECT_EQ(geometry(1, 1, {axis(16, 16, 1), axis(16, 16, 1)}).position_dtype(), DType::uint8);
  EXPECT_EQ(geometry(1, 1, {axis(257, 257, 1)}).position_dtype(), DType::int32);
}

TEST(MaxPool, RefusesWindowsWhosePlacesExceed32Bits) {
  const PoolAxis wide = axis(3, 2048, 1, 1024);
  const PoolGeometry g = geometry(1, 1, {wide, wide, wide});
  EXPECT_THROW(max_pool(g, Tensor::empty({1, 1, 3, 3, 3})), ShapeError);
  const PoolGeometry legal =
      geometry(1, 1, {axis(3, 512, 1, 256), axis(3, 512, 1, 256), axis(3, 512, 1, 256)});
  const Tensor x = numbers(legal.input_shape());
  EXPECT_TRUE(
      same_bits(gather_at(legal, x, max_pool(legal, x).positions), max_pool(legal, x).values));
}

TEST(MaxPool, ScatterSumsWhereTheMaximaLie) {
  for (const PoolGeometry& g : geometries()) {
    const MaxPooled pooled = max_pool(g, numbers(g.input_shape(), DType::float32));
    const Tensor y = numbers(g.output_shape(), DType::float32, Layout::gaps, 5);
    const auto places = values(flat_indices(g, pooled.positions)), in = values(y);
    std::vector<double> expected(static_cast<std::size_t>(element_count(g.input_shape())));
    const Index voxels = g.axis[0].in * g.axis[1].in * g.axis[2].in;
    std::size_t i = 0;
    for (const auto& index : indices(g.output_shape())) {
      const Index plane = (index[0] * g.channels + index[1]) * voxels;
      expected[static_cast<std::size_t>(plane) + static_cast<std::size_t>(places[i])] += in[i];
      ++i;
    }
    EXPECT_EQ(values(scatter_at(g, y, pooled.positions)), expected);
  }
}

TEST(MaxPool, GatherIsTheAdjointOfScatterAndGivesBackTheMaxima) {
  for (const PoolGeometry& g : geometries()) {
    const Tensor x = numbers(g.input_shape(), DType::float64, Layout::reversed);
    const MaxPooled pooled = max_pool(g, x);
    EXPECT_EQ(values(gather_at(g, x, pooled.positions)), values(pooled.values));
    const Tensor other = numbers(g.input_shape(), DType::float64, Layout::plain, 3);
    const Tensor y = numbers(g.output_shape(), DType::float64, Layout::plain, 8);
    EXPECT_EQ(dot(gather_at(g, other, pooled.positions), y),
              dot(other, scatter_at(g, y, pooled.positions)));
  }
}

TEST(AveragePool, FollowsTheDefinition) {
  for (const PoolGeometry& g : geometries()) {
    bool dilated = false;
    for (const PoolAxis& a : g.axis) dilated = dilated || a.dilation > 1;
    if (dilated) continue;
    for (const AverageDivisor divisor :
         {AverageDivisor{true, 0}, AverageDivisor{false, 0}, AverageDivisor{true, 3}}) {
      const Tensor x = random_values(g.input_shape(), DType::float64, Layout::gaps);
      const auto in = values(x);
      std::vector<double> expected;
      for (const auto& y : indices(g.output_shape())) {
        double sum = 0;
        Index count = 0;
        for_each_tap(g, y, [&](const auto& at, Index, bool inside) {
          bool padded = true;
          for (std::size_t a = 2; a < at.size(); ++a) {
            const PoolAxis& along = g.axis[a + 1 - static_cast<std::size_t>(g.rank)];
            padded = padded && at[a] < along.in + along.padding;
          }
          if (inside) sum += in[flat(x.shape(), at)];
          count += inside || (divisor.count_include_pad && padded);
        });
        expected.push_back(sum /
                           static_cast<double>(divisor.divisor > 0 ? divisor.divisor : count));
      }
      EXPECT_LE(largest_difference(values(average_pool(g, divisor, x)), expected), 1e-14);
    }
  }
}

TEST(AveragePool, AdjointIsTheAdjoint) {
  for (const PoolGeometry& g : geometries()) {
    for (const AverageDivisor divisor : {AverageDivisor{true, 0}, AverageDivisor{false, 0}}) {
      const Tensor x = random_values(g.input_shape());
      const Tensor y = random_values(g.output_shape(), DType::float64, Layout::reversed, 2);
      const double gap =
          dot(average_pool(g, divisor, x), y) - dot(x, average_pool_adjoint(g, divisor, y));
      EXPECT_LE(std::abs(gap), 1e-12 * static_cast<double>(1 + x.numel()));
    }
  }
}

// The work must follow from the pairs that there are, not from size times kernel: 2^40 here.
TEST(AveragePool, WindowsOfAWholeLongAxisTakeTimeLinearInIt) {
  const Index size = Index{1} << 20;
  const PoolGeometry g = geometry(1, 1, {axis(size, size, 1)});
  Tensor y = Tensor::empty({1, 1, 1});
  *y.mutable_data<float>() = static_cast<float>(size);
  const Tensor x = average_pool_adjoint(g, {}, y);
  EXPECT_EQ(values(x), std::vector<double>(static_cast<std::size_t>(size), 1.0));
  EXPECT_EQ(values(average_pool(g, {}, x)), std::vector<double>{1});
}

TEST(Pool, SameBitsOnAnyNumberOfThreads) {
  const PoolGeometry g = geometry(2, 9, {axis(16, 3, 2, 1), axis(17, 3, 2, 1), axis(18, 3, 2, 1)});
  const Tensor x = noise(g.input_shape()), y = noise(g.output_shape());
  const Tensor positions = max_pool(g, x).positions;
  EXPECT_TRUE(same_on_any_threads([&] { return max_pool(g, x).values; }));
  EXPECT_TRUE(same_on_any_threads([&] { return scatter_at(g, y, positions); }));
  EXPECT_TRUE(same_on_any_threads([&] { return average_pool(g, {}, x); }));
  EXPECT_TRUE(same_on_any_threads([&] { return average_pool_adjoint(g, {}, y); }));
}

TEST(PoolOutputSize, FollowsPyTorch) {
  EXPECT_EQ(axis(7, 2, 2).out, 3);
  EXPECT_EQ(axis(7, 2, 2, 0, 1, true).out, 4);
  EXPECT_EQ(axis(6, 2, 2, 0, 1, true).out, 3);
  EXPECT_EQ(axis(5, 3, 2, 1, 1, true).out, 3);
  EXPECT_EQ(axis(4, 2, 3, 1, 1, true).out, 2);  // the third window would start beyond the input
  EXPECT_EQ(axis(1, 2, 2, 0, 1, true).out, 1);
  EXPECT_EQ(axis(10, 3, 2, 1, 3).out, 3);
}

TEST(PoolOutputSize, RefusesWhatHasNoMeaning) {
  EXPECT_THROW(axis(5, 0, 1), ShapeError);
  EXPECT_THROW(axis(5, 2, 0), ShapeError);
  EXPECT_THROW(axis(5, 2, 1, 2), ShapeError);
  EXPECT_THROW(axis(5, 2, 1, -1), ShapeError);
  EXPECT_THROW(axis(5, 2, 1, 0, 0), ShapeError);
  EXPECT_THROW(axis(5, 6, 1), ShapeError);
  EXPECT_THROW(axis(1, 2, 1, 1, 2), ShapeError);  // its only window reads -1 and 1
  EXPECT_THROW(axis(0, 1, 1), ShapeError);
}

}  // namespace
}  // namespace voxgrad::ops
