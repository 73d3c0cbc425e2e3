#include <voxgrad/autograd/functions/creation.h>

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include <voxgrad/core/error.h>

#include "tests/ops/layouts.h"

namespace voxgrad {
namespace {

using namespace voxgrad::testing;

TEST(Creation, Constants) {
  EXPECT_EQ(values(zeros({2})), (std::vector<double>{0, 0}));
  EXPECT_EQ(values(ones({2}, DType::boolean)), (std::vector<double>{1, 1}));
  EXPECT_EQ(values(full({2}, 2.5)), (std::vector<double>{2.5, 2.5}));
  EXPECT_EQ(full({2}, -1, DType::int32).dtype(), DType::int32);
  EXPECT_EQ(zeros({2}).dtype(), DType::float32);
  EXPECT_EQ(scalar(3).shape(), Shape{});
  EXPECT_EQ(scalar(3).item(), 3);
  EXPECT_EQ(zeros({2, 0}).numel(), 0);
  EXPECT_THROW(zeros({2, -1}), ShapeError);
}

TEST(Creation, LikeKeepsDTypeAndMemoryOrder) {
  const Tensor x = numbers({2, 3, 5}, DType::float64, Layout::channels_last);
  for (const Tensor& y : {zeros_like(x), ones_like(x), full_like(x, 7)}) {
    EXPECT_EQ(y.shape(), x.shape());
    EXPECT_EQ(y.dtype(), DType::float64);
    EXPECT_TRUE(y.is_channels_last());
  }
  EXPECT_EQ(values(full_like(x, 7)), std::vector<double>(30, 7));
}

TEST(Arange, CountsAsPyTorchDoes) {
  EXPECT_EQ(values(arange(4)), (std::vector<double>{0, 1, 2, 3}));
  EXPECT_EQ(arange(4).dtype(), DType::int64);
  EXPECT_EQ(values(arange(1, 8, 3)), (std::vector<double>{1, 4, 7}));
  EXPECT_EQ(values(arange(5, 0, -2)), (std::vector<double>{5, 3, 1}));
  EXPECT_EQ(values(arange(0, 1, 0.25, DType::float64)), (std::vector<double>{0, 0.25, 0.5, 0.75}));
  EXPECT_EQ(arange(0, 1, 0.25).dtype(), DType::float32);
  EXPECT_EQ(arange(0).numel(), 0);
  EXPECT_THROW(arange(0, 1, 0), ShapeError);
  EXPECT_THROW(arange(0, 1, -1), ShapeError);
  EXPECT_THROW(arange(0, std::numeric_limits<double>::infinity()), ShapeError);
}

TEST(Eye, HasOnesOnTheDiagonal) {
  EXPECT_EQ(values(eye(2)), (std::vector<double>{1, 0, 0, 1}));
  EXPECT_EQ(values(eye(2, 3)), (std::vector<double>{1, 0, 0, 0, 1, 0}));
  EXPECT_EQ(values(eye(3, 2)), (std::vector<double>{1, 0, 0, 1, 0, 0}));
  EXPECT_EQ(eye(0).shape(), (Shape{0, 0}));
}

TEST(Random, DrawsTheGeneratorsNumbers) {
  Generator a(7), b(7);
  std::vector<float> expected(40);
  fill_uniform(expected.data(), 40, 0, 1, a);
  EXPECT_EQ(rand({5, 8}, DType::float32, {}, b).to_vector<float>(), expected);
  std::vector<double> normal(40);
  fill_normal(normal.data(), 40, 0, 1, a);
  EXPECT_EQ(randn({40}, DType::float64, {}, b).to_vector<double>(), normal);
  std::vector<std::int64_t> whole(6);
  fill_randint(whole.data(), 6, -3, 9, a);
  EXPECT_EQ(randint(-3, 9, {2, 3}, DType::int64, {}, b).to_vector<std::int64_t>(), whole);
  std::vector<std::int64_t> order(9);
  fill_randperm(order.data(), 9, a);
  EXPECT_EQ(randperm(9, {}, b).to_vector<std::int64_t>(), order);
}

TEST(Creation, LinspaceReachesBothEnds) {
  EXPECT_EQ(values(linspace(-1, 1, 5)), (std::vector<double>{-1, -0.5, 0, 0.5, 1}));
  EXPECT_EQ(values(linspace(3, 9, 1)), std::vector<double>{3});
  EXPECT_EQ(linspace(3, 9, 0).shape(), Shape{0});
  EXPECT_EQ(values(linspace(0, 10, 4, DType::int64)), (std::vector<double>{0, 3, 6, 10}));
  EXPECT_EQ(linspace(0, 0.1, 7, DType::float64).to_vector<double>().back(), 0.1);
  EXPECT_THROW(linspace(0, 1, -1), ShapeError);
}

TEST(Creation, MeshgridSpansTheGrid) {
  const std::vector<Tensor> axes{arange(2), arange(3)};
  const auto ij = meshgrid(axes), xy = meshgrid(axes, Indexing::xy);
  EXPECT_EQ(ij[0].shape(), (Shape{2, 3}));
  EXPECT_EQ(values(ij[0]), (std::vector<double>{0, 0, 0, 1, 1, 1}));
  EXPECT_EQ(values(ij[1]), (std::vector<double>{0, 1, 2, 0, 1, 2}));
  EXPECT_EQ(xy[0].shape(), (Shape{3, 2}));
  EXPECT_EQ(values(xy[0]), (std::vector<double>{0, 1, 0, 1, 0, 1}));
  EXPECT_EQ(meshgrid(std::vector<Tensor>{scalar(3)})[0].shape(), Shape{1});
  EXPECT_THROW(meshgrid(std::vector<Tensor>{zeros({1, 1})}), ShapeError);
  EXPECT_THROW(meshgrid(std::vector<Tensor>{arange(2), zeros({2})}), DTypeError);
}

TEST(Creation, LikeTakesADType) {
  const Tensor like = numbers({2, 3, 4}, DType::float64, Layout::channels_last);
  EXPECT_EQ(zeros_like(like, DType::int32).dtype(), DType::int32);
  EXPECT_EQ(full_like(like, 3).dtype(), DType::float64);
  EXPECT_EQ(ones_like(like, DType::boolean).strides(), like.strides());
  EXPECT_EQ(rand_like(like).dtype(), DType::float64);
  EXPECT_EQ(randn_like(like, DType::float32).dtype(), DType::float32);
}

TEST(Random, FillsAnyLayoutInLogicalOrder) {
  Generator a(7), b(7);
  for (const Layout layout : kAllLayouts) {
    Tensor x = uninitialised({5, 8}, DType::float32, layout);
    std::vector<float> expected(40);
    fill_uniform(expected.data(), 40, -2, 3, a);
    EXPECT_EQ(uniform_(x, -2, 3, b).to_vector<float>(), expected);
    fill_normal(expected.data(), 40, 1, 2, a);
    EXPECT_EQ(normal_(x, 1, 2, b).to_vector<float>(), expected);
    fill_bernoulli(expected.data(), 40, 0.3, a);
    EXPECT_EQ(bernoulli_(x, 0.3, b).to_vector<float>(), expected);
    fill_uniform(expected.data(), 40, 0, 1, a);
    const Tensor p = full({5, 8}, 0.4);
    for (float& value : expected) value = value < 0.4f ? 1 : 0;
    EXPECT_EQ(bernoulli(p, b).to_vector<float>(), expected);
  }
  Tensor leaf = zeros({2}).requires_grad_(), counts = zeros({3}, DType::int64);
  EXPECT_THROW(normal_(leaf), AutogradError);
  EXPECT_THROW(uniform_(counts), DTypeError);
  EXPECT_EQ(values(bernoulli_(counts, 1)), (std::vector<double>{1, 1, 1}));
  EXPECT_THROW(bernoulli(full({2}, 1.5)), ShapeError);
  EXPECT_THROW(bernoulli(full({2}, std::nan(""))), ShapeError);
}

TEST(Random, DefaultGeneratorRepeatsAfterSeeding) {
  manual_seed(3);
  const auto first = rand({20}).to_vector<float>();
  const auto second = rand({20}).to_vector<float>();
  manual_seed(3);
  EXPECT_EQ(rand({20}).to_vector<float>(), first);
  EXPECT_NE(second, first);
}

TEST(Random, RefusesWhatCannotBe) {
  EXPECT_THROW(rand({2}, DType::int64), DTypeError);
  EXPECT_THROW(randn({2}, DType::boolean), DTypeError);
  EXPECT_THROW(randint(3, 3, {2}), ShapeError);
  EXPECT_THROW(randperm(-1), ShapeError);
  EXPECT_THROW(rand({-1}), ShapeError);
}

}  // namespace
}  // namespace voxgrad
