#include <voxgrad/autograd/functions/pool.h>

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <limits>

#include <voxgrad/autograd/functions/elementwise.h>
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
  EXPECT_THROW(avg_pool(random_values({3, 5}), {}), ShapeError);
}

/// Adaptive windows by their definition: f(values) of each.
template <typename F>
std::vector<double> by_windows(const Tensor& x, const Shape& out, F f) {
  const auto in = values(x);
  const Shape& shape = x.shape();
  const auto begin = [&](std::size_t a, Index o) { return o * shape[a] / out[a]; };
  const auto end = [&](std::size_t a, Index o) { return ((o + 1) * shape[a] - 1) / out[a] + 1; };
  std::vector<double> result;
  for (const auto& index : indices(out)) {
    std::vector<double> window;
    for (const auto& from : indices(shape)) {
      bool inside = from[0] == index[0] && from[1] == index[1];
      for (std::size_t a = 2; a < shape.size(); ++a)
        inside = inside && from[a] >= begin(a, index[a]) && from[a] < end(a, index[a]);
      if (inside) window.push_back(in[flat(shape, from)]);
    }
    result.push_back(f(window));
  }
  return result;
}

TEST(AdaptivePool, CoversTheInputEvenly) {
  const auto average = [](const std::vector<double>& w) {
    double sum = 0;
    for (const double v : w) sum += v;
    return sum / static_cast<double>(w.size());
  };
  const auto largest = [](const std::vector<double>& w) { return *std::ranges::max_element(w); };
  const std::vector<std::array<Shape, 2>> cases = {{Shape{2, 3, 7}, Shape{2, 3, 3}},
                                                   {Shape{2, 3, 3, 5}, Shape{2, 3, 7, 2}},
                                                   {Shape{1, 9, 5, 4, 7}, Shape{1, 9, 3, 4, 1}},
                                                   {Shape{2, 3, 4, 5}, Shape{2, 3, 1, 1}}};
  for (const auto& [in, out] : cases) {
    const Tensor x = random_values(in, DType::float64, Layout::reversed);
    const std::vector<std::optional<Index>> sizes(out.begin() + 2, out.end());
    const Tensor means = adaptive_avg_pool(x, sizes);
    EXPECT_EQ(means.shape(), out);
    EXPECT_LE(largest_difference(values(means), by_windows(x, out, average)), 1e-14);
    const MaxPoolResult maxima = adaptive_max_pool_with_indices(x, sizes);
    EXPECT_EQ(values(maxima.values), by_windows(x, out, largest));
    EXPECT_EQ(values(adaptive_max_pool(x, sizes)), values(maxima.values));
    const auto from = values(x), where = values(maxima.indices), best = values(maxima.values);
    const auto voxels = from.size() / static_cast<std::size_t>(in[0] * in[1]);
    const auto per_channel = best.size() / static_cast<std::size_t>(in[0] * in[1]);
    for (std::size_t i = 0; i < best.size(); ++i)
      EXPECT_EQ(from[i / per_channel * voxels + static_cast<std::size_t>(where[i])], best[i]);
  }
}

TEST(AdaptivePool, KeepsAxesAndTakesUnbatchedInput) {
  const Tensor x = random_values({3, 4, 5});
  EXPECT_EQ(adaptive_avg_pool(x, {std::nullopt, 2}).shape(), (Shape{3, 4, 2}));
  EXPECT_EQ(values(adaptive_avg_pool(x, {std::nullopt, std::nullopt})), values(x));
  EXPECT_EQ(adaptive_max_pool(x, {3}).shape(), (Shape{3, 4, 3}));
  EXPECT_EQ(adaptive_avg_pool(x, {0, 1}).shape(), (Shape{3, 0, 1}));
  EXPECT_EQ(adaptive_avg_pool(random_values({0, 4, 5}), {3}).shape(), (Shape{0, 4, 3}));
}

TEST(AdaptivePool, Differentiates) {
  for (const std::vector<std::optional<Index>>& sizes :
       {std::vector<std::optional<Index>>{3, 2}, {7, std::nullopt}, {1, 1}}) {
    const auto average = [&](std::span<const Tensor> x) {
      return std::vector<Tensor>{adaptive_avg_pool(x[0], sizes)};
    };
    const auto largest = [&](std::span<const Tensor> x) {
      return std::vector<Tensor>{adaptive_max_pool(x[0], sizes)};
    };
    check_derivatives(average, {leaf({2, 3, 5, 4}, Layout::gaps)});
    check_derivatives(largest, {leaf({2, 3, 5, 4}, Layout::channels_last)});
  }
}

TEST(AdaptivePool, RefusesWhatDoesNotFit) {
  const Tensor x = random_values({2, 3, 4, 5});
  EXPECT_THROW(adaptive_avg_pool(x, {}), ShapeError);
  EXPECT_THROW(adaptive_avg_pool(x, {2}), ShapeError);
  EXPECT_THROW(adaptive_avg_pool(x, {2, -1}), ShapeError);
  EXPECT_THROW(adaptive_avg_pool(x, {2, Index{1} << 60}), ShapeError);
  EXPECT_THROW(adaptive_max_pool(x, {Index{1} << 26, Index{1} << 26}), OutOfMemoryError);
  EXPECT_THROW(adaptive_max_pool(random_values({2, 3, 0}), {2}), ShapeError);
  EXPECT_THROW(adaptive_max_pool(random_labels({2, 3, 4}, 5), {2}), DTypeError);
}

TEST(MaxUnpool, PutsMaximaBack) {
  const Tensor x = Tensor::from(std::vector<double>{1, 5, 2, 3, 9, 4}, {1, 1, 6});
  const MaxPoolResult pooled = max_pool_with_indices(x);
  EXPECT_EQ(values(max_unpool(pooled.values, pooled.indices, {6})),
            (std::vector<double>{0, 5, 0, 3, 9, 0}));
  EXPECT_EQ(max_unpool(pooled.values, pooled.indices, {7}).shape(), (Shape{1, 1, 7}));
  const MaxPoolResult volume = max_pool_with_indices(random_values({2, 3, 4, 6, 4}));
  const Tensor back = max_unpool(volume.values, volume.indices, {4, 6, 4});
  EXPECT_TRUE(back.is_channels_last());
  EXPECT_EQ(values(max_pool(abs(back))), values(abs(volume.values)));
  Tensor y = random_values(volume.values.shape());
  y.requires_grad_();
  check_derivatives(
      [&](std::span<const Tensor> in) {
        return std::vector<Tensor>{max_unpool(in[0], volume.indices, {4, 6, 4})};
      },
      {y});
}

TEST(MaxUnpool, RefusesWhatDoesNotFit) {
  const Tensor x = random_values({1, 2, 3});
  EXPECT_THROW(max_unpool(x, random_labels({1, 2, 4}, 2), {6}), ShapeError);
  EXPECT_THROW(max_unpool(x, random_labels({1, 2, 3}, 2), {2, 3, 4}), ShapeError);
  EXPECT_THROW(max_unpool(x, random_labels({1, 2, 3}, 2, DType::int32), {6}), DTypeError);
  EXPECT_THROW(max_unpool(x, random_labels({1, 2, 3}, 1) + 6, {6}), IndexError);
}

TEST(AvgPool, TakesANegativeDivisor) {
  const Tensor x = Tensor::from(std::vector<double>{1, 2, 3, 5}, {1, 1, 4});
  EXPECT_EQ(values(avg_pool(x, {.divisor_override = -2})), (std::vector<double>{-1.5, -4}));
}

TEST(LpPool, IsTheRootOfTheSumOfPowers) {
  const Tensor x = Tensor::from(std::vector<double>{3, 4, 6, 8, 1}, {1, 1, 5});
  const auto norms = values(lp_pool(x, 2, {.kernel = 2}));
  EXPECT_NEAR(norms[0], 5, 1e-12);
  EXPECT_NEAR(norms[1], 10, 1e-12);
  EXPECT_EQ(norms.size(), 2u);
  EXPECT_EQ(lp_pool(x, 2, {.kernel = 2, .ceil_mode = true}).size(2), 3);
  // Values in (0.5, 1.5): the root has no derivative at 0.
  Tensor positive = abs(random_values({2, 3, 4, 5})) + 0.5;
  positive = positive.detach();
  positive.requires_grad_();
  const auto pool = [](std::span<const Tensor> in) {
    return std::vector<Tensor>{lp_pool(in[0], 3, {.kernel = {2, 3}, .stride = 1})};
  };
  check_derivatives(pool, {positive});
  EXPECT_THROW(lp_pool(x, 0, {}), ShapeError);
}

}  // namespace
}  // namespace voxgrad
