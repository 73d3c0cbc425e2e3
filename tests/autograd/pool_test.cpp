#include <voxgrad/autograd/functions/pool.h>

#include <gtest/gtest.h>

#include <limits>

#include <voxgrad/autograd/gradcheck.h>
#include <voxgrad/core/error.h>

#include "tests/ops/random_values.h"

namespace voxgrad {
namespace {

using namespace voxgrad::testing;

Tensor leaf(const Shape& shape, Layout layout = Layout::plain, std::uint32_t seed = 1) {
  Tensor x = random_values(shape, DType::float64, layout, seed);
  x.requires_grad_();
  return x;
}

void check_derivatives(const TensorFunction& f, const std::vector<Tensor>& inputs) {
  EXPECT_NO_THROW(gradcheck(f, inputs));
  EXPECT_NO_THROW(gradgradcheck(f, inputs));
}

TEST(MaxPool, Differentiates) {
  const std::vector<MaxPoolOptions> options = {{},
                                               {.kernel = 3, .stride = 2, .padding = 1},
                                               {.kernel = 2, .stride = 1, .dilation = 2},
                                               {.kernel = 2, .stride = 3, .ceil_mode = true}};
  for (const MaxPoolOptions& o : options) {
    const auto pool = [&](std::span<const Tensor> x) {
      return std::vector<Tensor>{max_pool(x[0], o)};
    };
    check_derivatives(pool, {leaf({2, 3, 7})});
    check_derivatives(pool, {leaf({1, 2, 5, 7}, Layout::channels_last)});
    check_derivatives(pool, {leaf({2, 3, 4, 5, 4}, Layout::gaps)});
  }
}

TEST(AvgPool, Differentiates) {
  const std::vector<AvgPoolOptions> options = {
      {},
      {.kernel = 3, .stride = 2, .padding = 1},
      {.kernel = 3, .padding = 1, .count_include_pad = false},
      {.kernel = 2, .stride = 3, .ceil_mode = true, .divisor_override = 5}};
  for (const AvgPoolOptions& o : options) {
    const auto pool = [&](std::span<const Tensor> x) {
      return std::vector<Tensor>{avg_pool(x[0], o)};
    };
    check_derivatives(pool, {leaf({2, 3, 7})});
    check_derivatives(pool, {leaf({2, 3, 4, 5, 4}, Layout::reversed)});
  }
}

TEST(MaxPool, GradientGoesToTheFirstMaximum) {
  Tensor x = Tensor::from(std::vector<double>{1, 1, 0, 2, 2, 2}, {1, 1, 6});
  x.requires_grad_();
  max_pool(x).backward(Tensor::from(std::vector<double>{5, 7, 9}, {1, 1, 3}));
  EXPECT_EQ(values(x.grad()), (std::vector<double>{5, 0, 0, 7, 9, 0}));
}

TEST(MaxPool, IndicesArePyTorchs) {
  const Tensor x =
      Tensor::from(std::vector<float>{0, 1, 2, 3, 9, 4, 5, 6, 7, 8, 1, 0}, {1, 1, 3, 4});
  const MaxPoolResult result = max_pool_with_indices(x, {.kernel = {2, 2}, .stride = 1});
  EXPECT_EQ(values(result.values), (std::vector<double>{9, 5, 6, 9, 8, 6}));
  EXPECT_EQ(result.indices.dtype(), DType::int64);
  EXPECT_EQ(values(result.indices), (std::vector<double>{4, 6, 7, 4, 9, 7}));
}

TEST(Pool, TakesUnbatchedInputWhereTheRankIsGiven) {
  const Tensor x = random_values({2, 3, 5, 7, 6});
  const Tensor one = x.select(0, 1);
  EXPECT_EQ(values(max_pool(one, {.rank = 3})), values(max_pool(x, {.rank = 3}).select(0, 1)));
  EXPECT_EQ(values(avg_pool(one, {.rank = 3})), values(avg_pool(x).select(0, 1)));
  const MaxPoolResult each = max_pool_with_indices(one, {.kernel = {2, 2, 2}});
  EXPECT_EQ(each.values.shape(), (Shape{3, 2, 3, 3}));
  EXPECT_EQ(each.indices.shape(), (Shape{3, 2, 3, 3}));
}

TEST(Pool, ResultsAreChannelsLast) {
  const Tensor x = random_values({2, 3, 4, 6});
  EXPECT_TRUE(max_pool(x).is_channels_last());
  EXPECT_TRUE(avg_pool(x).is_channels_last());
}

TEST(Pool, AnEmptyBatchGivesAnEmptyGradient) {
  Tensor x = leaf({0, 3, 4, 6});
  const Tensor y = max_pool(x);
  EXPECT_EQ(y.shape(), (Shape{0, 3, 2, 3}));
  y.backward(Tensor::empty(y.shape(), DType::float64));
  EXPECT_EQ(x.grad().shape(), x.shape());
}

TEST(Pool, RefusesOptionsWhoseSumsWouldOverflow) {
  constexpr Index kMost = std::numeric_limits<Index>::max();
  const Tensor x = Tensor::empty({1, 2, 5});
  EXPECT_THROW(max_pool(x, {.kernel = kMost, .stride = 1, .padding = kMost / 2}), ShapeError);
  EXPECT_THROW(avg_pool(x, {.kernel = kMost, .stride = 1, .padding = kMost / 2}), ShapeError);
  EXPECT_THROW(max_pool(x, {.kernel = 2, .dilation = kMost}), ShapeError);
  EXPECT_THROW(max_pool(x, {.kernel = 2, .stride = kMost}), ShapeError);
}

TEST(Pool, RefusesWhatDoesNotFit) {
  const Tensor x = random_values({2, 3, 4, 6});
  EXPECT_THROW(max_pool(Tensor()), DTypeError);
  EXPECT_THROW(max_pool(Tensor::empty({1, 1, 4}, DType::int64)), DTypeError);
  EXPECT_THROW(max_pool(x, {.kernel = {2, 2, 2, 2}}), ShapeError);
  EXPECT_THROW(max_pool(x, {.kernel = 2, .rank = 1}), ShapeError);
  EXPECT_THROW(max_pool(x, {.kernel = 5}), ShapeError);
  EXPECT_THROW(max_pool(x, {.kernel = 2, .padding = 2}), ShapeError);
  EXPECT_THROW(max_pool(x, {.kernel = 2, .stride = 0}), ShapeError);
  EXPECT_THROW(max_pool(x, {.kernel = 2, .rank = 4}), ShapeError);
  EXPECT_THROW(avg_pool(x, {.kernel = 2, .divisor_override = -1}), ShapeError);
  EXPECT_THROW(avg_pool(random_values({3, 5}), {}), ShapeError);
}

}  // namespace
}  // namespace voxgrad
