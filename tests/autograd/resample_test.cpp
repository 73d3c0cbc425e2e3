#include <voxgrad/autograd/functions/resample.h>

#include <gtest/gtest.h>

#include <cmath>

#include <voxgrad/autograd/functions/creation.h>
#include <voxgrad/autograd/functions/pool.h>
#include <voxgrad/autograd/functions/reduce.h>
#include <voxgrad/autograd/gradcheck.h>
#include <voxgrad/core/error.h>

#include "tests/ops/random_values.h"

namespace voxgrad {
namespace {

using namespace voxgrad::testing;
using Mode = InterpolateMode;
using Values = std::vector<double>;

Tensor line(const Values& values) {
  return Tensor::from(values, {1, 1, static_cast<Index>(values.size())});
}

TEST(Interpolate, NearestTakesTheElementBelow) {
  const Tensor x = line({1, 2, 3});
  EXPECT_EQ(values(interpolate(x, {.size = 6})), (Values{1, 1, 2, 2, 3, 3}));
  EXPECT_EQ(values(interpolate(x, {.size = 2})), (Values{1, 2}));
  EXPECT_EQ(values(interpolate(x, {.size = 5})), (Values{1, 1, 2, 2, 3}));
  EXPECT_EQ(values(interpolate(x, {.size = 2, .mode = Mode::nearest_exact})), (Values{1, 3}));
  EXPECT_EQ(values(interpolate(x, {.size = 5, .mode = Mode::nearest_exact})),
            (Values{1, 1, 2, 3, 3}));
}

TEST(Interpolate, LinearWeighsTheTwoNeighboursOfCenters) {
  const Tensor x = line({0, 4, 8});
  EXPECT_EQ(values(interpolate(x, {.size = 6, .mode = Mode::linear})), (Values{0, 1, 3, 5, 7, 8}));
  EXPECT_EQ(values(interpolate(x, {.size = 5, .mode = Mode::linear, .align_corners = true})),
            (Values{0, 2, 4, 6, 8}));
  EXPECT_EQ(values(interpolate(x, {.size = 1, .mode = Mode::linear, .align_corners = true})),
            (Values{0}));
}

TEST(Interpolate, AGivenScaleFactorDecidesTheStepUnlessRecomputed) {
  // floor(3 * 1.5) = 4 results: at (i + 0.5) / 1.5 - 0.5, or at (i + 0.5) * 3 / 4 - 0.5.
  const Tensor x = line({0, 6, 12});
  const Values given = values(interpolate(x, {.scale_factor = {1.5}, .mode = Mode::linear}));
  const Values again = values(interpolate(
      x, {.scale_factor = {1.5}, .mode = Mode::linear, .recompute_scale_factor = true}));
  const Values wanted{0, 3, 7, 11}, wanted_again{0, 3.75, 8.25, 12};
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_NEAR(given[i], wanted[i], 1e-12);
    EXPECT_NEAR(again[i], wanted_again[i], 1e-12);
  }
}

TEST(Interpolate, CubicWeighsFourNeighbours) {
  const auto cubic = [](const Values& row, Index size, bool align_corners) {
    const Tensor x = Tensor::from(row, {1, 1, 1, static_cast<Index>(row.size())});
    return values(interpolate(
        x, {.size = Spatial{1, size}, .mode = Mode::bicubic, .align_corners = align_corners}));
  };
  // Keys' weights with a = -0.75 at distances 0.25, 0.75, 1.25 and 1.75.
  const double near = 0.87890625, next = 0.26171875, beyond = -0.10546875, last = -0.03515625;
  const Values spike = cubic({0, 0, 0, 1, 0, 0, 0}, 14, false);
  const Values wanted{0, 0, 0, last, beyond, next, near, near, next, beyond, last, 0, 0, 0};
  for (std::size_t i = 0; i < 14; ++i) EXPECT_NEAR(spike[i], wanted[i], 1e-15) << i;
  // Neighbours outside are the border.
  EXPECT_NEAR(cubic({0, 1, 1}, 6, false)[0], beyond, 1e-15);
  // Half-way between elements.
  const Values corners = cubic({0, 0, 0, 1, 0, 0, 0}, 13, true);
  EXPECT_NEAR(corners[5], 19.0 / 32, 1e-15);
  EXPECT_NEAR(corners[3], -3.0 / 32, 1e-15);
  EXPECT_EQ(corners[6], 1);
}

/// Between the eight neighbours of each result, in one step.
double trilinear(const Values& x, const Shape& in, const std::vector<Index>& index,
                 const Shape& out) {
  double sum = 0;
  for (int corner = 0; corner < 8; ++corner) {
    double weight = 1;
    std::vector<Index> at = index;
    for (std::size_t a = 0; a < 3; ++a) {
      const double step = static_cast<double>(in[a + 2]) / static_cast<double>(out[a + 2]);
      const double place = std::max(0.0, (static_cast<double>(index[a + 2]) + 0.5) * step - 0.5);
      const auto low = static_cast<Index>(place);
      const bool high = (corner >> a & 1) != 0;
      at[a + 2] = std::min(low + (high ? 1 : 0), in[a + 2] - 1);
      const double share = place - static_cast<double>(low);
      weight *= high ? share : 1 - share;
    }
    sum += weight * x[flat(in, at)];
  }
  return sum;
}

TEST(Interpolate, TrilinearIsTheProductOverAxesInAnyLayout) {
  const Shape in{2, 3, 3, 4, 5}, out{2, 3, 7, 2, 5};
  for (const Layout layout : kAllLayouts) {
    const Tensor x = random_values(in, DType::float64, layout);
    const Tensor y = interpolate(x, {.size = Spatial{7, 2, 5}, .mode = Mode::linear});
    ASSERT_EQ(y.shape(), out);
    EXPECT_TRUE(y.is_channels_last());
    const auto from = values(x), got = values(y);
    for (const auto& index : indices(out))
      EXPECT_NEAR(got[flat(out, index)], trilinear(from, in, index, out), 1e-13);
  }
}

TEST(Interpolate, Differentiates) {
  const std::vector<InterpolateOptions> options = {
      {.size = 5},
      {.scale_factor = {1.7}, .mode = Mode::nearest_exact},
      {.size = 5, .mode = Mode::linear},
      {.scale_factor = {0.6}, .mode = Mode::linear},
      {.size = 2, .mode = Mode::linear, .align_corners = true},
      {.size = 5, .mode = Mode::bicubic},
      {.scale_factor = {1.7, 0.7}, .mode = Mode::bicubic, .align_corners = true},
      {.size = 5, .mode = Mode::area}};
  for (const InterpolateOptions& o : options) {
    const TensorFunction f = [&](std::span<const Tensor> x) {
      return std::vector<Tensor>{interpolate(x[0], o)};
    };
    for (const Shape& shape : {Shape{2, 3, 4}, Shape{2, 3, 4, 3}, Shape{1, 2, 3, 2, 4}}) {
      const int rank = static_cast<int>(shape.size()) - 2;
      if (rank != 2 && (o.mode == Mode::bicubic || o.scale_factor.size() == 2)) continue;
      Tensor x = random_values(shape, DType::float64, Layout::gaps);
      x.requires_grad_();
      EXPECT_NO_THROW(gradcheck(f, {x}));
      EXPECT_NO_THROW(gradgradcheck(f, {x}));
    }
  }
}

TEST(Interpolate, AreaIsAdaptiveAveragePooling) {
  const Tensor x = random_values({2, 3, 5, 7});
  EXPECT_EQ(values(interpolate(x, {.size = Spatial{3, 4}, .mode = Mode::area})),
            values(adaptive_avg_pool(x, {3, 4})));
}

TEST(Interpolate, NeedsNoMoreMemoryThanTheShapesBeforeAndAfter) {
  const Index n = Index{1} << 18;  // n * n elements would be 256 GB
  const Tensor x = arange(n, DType::float32).reshape({1, 1, 1, n});
  const Tensor y = interpolate(x, {.size = Spatial{n, 1}, .mode = Mode::linear});
  EXPECT_EQ(y.shape(), (Shape{1, 1, n, 1}));
  EXPECT_EQ(max(y).item(), min(y).item());
}

TEST(Interpolate, TakesEmptyBatchesAndLabels) {
  EXPECT_EQ(interpolate(random_values({0, 3, 4}), {.size = 7, .mode = Mode::linear}).shape(),
            (Shape{0, 3, 7}));
  const Tensor labels = random_labels({1, 1, 2, 2}, 5, DType::uint8);
  EXPECT_EQ(interpolate(labels, {.scale_factor = {2}}).dtype(), DType::uint8);
}

TEST(Interpolate, RefusesWhatDoesNotFit) {
  const Tensor x = random_values({2, 3, 4, 5});
  EXPECT_THROW(interpolate(x, {}), ShapeError);
  EXPECT_THROW(interpolate(x, {.size = 2, .scale_factor = {2}}), ShapeError);
  EXPECT_THROW(interpolate(x, {.size = Spatial{2, 2, 2}}), ShapeError);
  EXPECT_THROW(interpolate(x, {.scale_factor = {2, 2, 2}}), ShapeError);
  EXPECT_THROW(interpolate(x, {.size = 0}), ShapeError);
  EXPECT_THROW(interpolate(x, {.scale_factor = {0.1}}), ShapeError);
  EXPECT_THROW(interpolate(x, {.scale_factor = {-1}}), ShapeError);
  EXPECT_THROW(interpolate(x, {.scale_factor = {1e300}}), ShapeError);
  EXPECT_THROW(interpolate(x, {.size = Index{1} << 60}), ShapeError);
  EXPECT_THROW(interpolate(x, {.size = Index{1} << 26}), OutOfMemoryError);
  EXPECT_THROW(interpolate(x, {.scale_factor = {std::nan("")}}), ShapeError);
  EXPECT_THROW(interpolate(x, {.size = 2, .align_corners = true}), ShapeError);
  EXPECT_THROW(interpolate(x, {.size = 2, .recompute_scale_factor = true}), ShapeError);
  EXPECT_THROW(interpolate(random_values({3, 4, 5}), {.size = 2, .mode = Mode::bicubic}),
               ShapeError);
  EXPECT_THROW(interpolate(random_values({3, 4}), {.size = 2}), ShapeError);
  EXPECT_THROW(interpolate(random_labels({1, 1, 3}, 4), {.size = 2, .mode = Mode::linear}),
               DTypeError);
  EXPECT_THROW(interpolate(Tensor(), {.size = 2}), DTypeError);
}

}  // namespace
}  // namespace voxgrad
