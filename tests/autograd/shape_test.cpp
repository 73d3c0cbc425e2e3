#include <voxgrad/autograd/functions/shape.h>

#include <gtest/gtest.h>

#include <limits>

#include <voxgrad/autograd/functions/creation.h>
#include <voxgrad/autograd/functions/elementwise.h>
#include <voxgrad/autograd/gradcheck.h>
#include <voxgrad/core/backend.h>
#include <voxgrad/core/error.h>

#include "tests/ops/layouts.h"

namespace voxgrad {
namespace {

using namespace voxgrad::testing;

Tensor counting(const Shape& shape) {
  return arange(0, static_cast<double>(element_count(shape)), 1, DType::float64).reshape(shape);
}

std::vector<Shape> shapes(const std::vector<Tensor>& parts) {
  std::vector<Shape> result;
  for (const Tensor& part : parts) result.push_back(part.shape());
  return result;
}

TEST(Shape, PartsCoverTheAxis) {
  const Tensor x = counting({2, 7});
  EXPECT_EQ(shapes(split(x, 3, 1)), (std::vector<Shape>{{2, 3}, {2, 3}, {2, 1}}));
  EXPECT_EQ(shapes(split(x, 9, -1)), (std::vector<Shape>{{2, 7}}));
  EXPECT_EQ(shapes(chunk(x, 4, 1)), (std::vector<Shape>{{2, 2}, {2, 2}, {2, 2}, {2, 1}}));
  EXPECT_EQ(shapes(chunk(x, 5, 1)).size(), 4u);  // as many of size 2 as it takes
  EXPECT_EQ(shapes(chunk(zeros({0}), 2)), (std::vector<Shape>{{0}, {0}}));
  EXPECT_EQ(values(unbind(x, 1)[3]), (std::vector<double>{3, 10}));
  EXPECT_EQ(unbind(x).size(), 2u);
  EXPECT_THROW(split(x, 0, 1), ShapeError);
  EXPECT_THROW(split(x, -1, 1), ShapeError);
  EXPECT_THROW(chunk(x, 0), ShapeError);
  EXPECT_THROW(unbind(scalar(1)), IndexError);
}

TEST(Shape, CatChecksBeforeItConverts) {
  const Tensor a = ones({512, 512}), b = ones({3, 3}, DType::float64);
  backend(Device{}).reset_peak_memory_stats();
  const auto before = backend(Device{}).memory_stats().current;
  EXPECT_THROW(cat({a, b}), ShapeError);
  EXPECT_EQ(backend(Device{}).memory_stats().peak, before);
}

TEST(Shape, CatRefusesSizesThatNoIndexHolds) {
  const Tensor quarter = ones({1}).expand({Index{1} << 62});
  EXPECT_THROW(cat({quarter, quarter}), ShapeError);
  EXPECT_THROW(cat({quarter, quarter, quarter, quarter}), ShapeError);  // 2^64 is 0
}

TEST(Shape, MovesAxes) {
  const Tensor x = zeros({2, 3, 4, 5});
  EXPECT_EQ(movedim(x, 0, 2).shape(), (Shape{3, 4, 2, 5}));
  EXPECT_EQ(movedim(x, -1, 0).shape(), (Shape{5, 2, 3, 4}));
  const std::vector<Index> from{0, 3}, to{-1, 1};
  EXPECT_EQ(movedim(x, from, to).shape(), (Shape{3, 5, 4, 2}));
  EXPECT_THROW(movedim(x, std::vector<Index>{0, 0}, to), ShapeError);
  EXPECT_THROW(movedim(x, std::vector<Index>{0}, to), ShapeError);
  EXPECT_THROW(movedim(x, 4, 0), IndexError);
}

TEST(Shape, Repeats) {
  const Tensor x = counting({2, 2});
  EXPECT_EQ(values(repeat(x, {1, 2})), (std::vector<double>{0, 1, 0, 1, 2, 3, 2, 3}));
  EXPECT_EQ(values(repeat(x, {2, 1})), (std::vector<double>{0, 1, 2, 3, 0, 1, 2, 3}));
  EXPECT_EQ(repeat(x, {3, 1, 0}).shape(), (Shape{3, 2, 0}));
  EXPECT_EQ(values(tile(x, {2})), values(repeat(x, {1, 2})));
  EXPECT_EQ(tile(x, {}).shape(), x.shape());
  EXPECT_NE(repeat(x, {1, 1}).raw(), x.raw());
  EXPECT_EQ(broadcast_to(x, {3, 2, 2}).shape(), (Shape{3, 2, 2}));
  EXPECT_THROW(repeat(x, {2}), ShapeError);
  EXPECT_THROW(repeat(x, {2, -1}), ShapeError);
}

TEST(Shape, Rolls) {
  const Tensor x = counting({2, 3});
  EXPECT_EQ(values(roll(x, {1}, {1})), (std::vector<double>{2, 0, 1, 5, 3, 4}));
  EXPECT_EQ(values(roll(x, {-1, 5}, {1, 0})), (std::vector<double>{4, 5, 3, 1, 2, 0}));
  EXPECT_EQ(values(roll(x, {2})), (std::vector<double>{4, 5, 0, 1, 2, 3}));
  EXPECT_EQ(roll(zeros({0, 2}), {3}, {0}).shape(), (Shape{0, 2}));
  EXPECT_NE(roll(x, {3}, {1}).raw(), x.raw());
  EXPECT_THROW(roll(x, {1, 2}, {0}), ShapeError);
}

TEST(Shape, Triangles) {
  const Tensor x = counting({2, 3});
  EXPECT_EQ(values(tril(x)), (std::vector<double>{0, 0, 0, 3, 4, 0}));
  EXPECT_EQ(values(tril(x, 1)), (std::vector<double>{0, 1, 0, 3, 4, 5}));
  EXPECT_EQ(values(triu(x, 1)), (std::vector<double>{0, 1, 2, 0, 0, 5}));
  EXPECT_EQ(values(triu(x, -1)), values(x));
  EXPECT_EQ(tril(ones({3, 3}, DType::boolean)).dtype(), DType::boolean);
  const double nan = std::numeric_limits<double>::quiet_NaN();
  EXPECT_EQ(values(tril(full({1, 2}, nan, DType::float64), -1)), (std::vector<double>{0, 0}));
  EXPECT_THROW(tril(zeros({3})), ShapeError);
}

TEST(Shape, Derivatives) {
  const auto check = [](const std::function<Tensor(const Tensor&)>& f) {
    const TensorFunction g = [&](std::span<const Tensor> x) {
      const Tensor y = f(x[0]);
      return std::vector<Tensor>{mul(mul(y, y), y)};
    };
    for (const Layout layout : kAllLayouts) {
      Tensor x = numbers({2, 3, 4}, DType::float64, layout);
      x.mul_(0.3);
      gradcheck(g, {x.requires_grad_()});
      gradgradcheck(g, {x});
    }
  };
  check([](const Tensor& x) { return chunk(x, 2, 2)[1]; });
  check([](const Tensor& x) { return unbind(x, 1)[2]; });
  check([](const Tensor& x) { return movedim(x, 0, 1); });
  check([](const Tensor& x) { return repeat(x, {2, 1, 3, 2}); });
  check([](const Tensor& x) { return tile(x, {2}); });
  check([](const Tensor& x) { return roll(x, {1, -2}, {0, 2}); });
  check([](const Tensor& x) { return roll(x, {5}); });
  check([](const Tensor& x) { return tril(x, -1); });
  check([](const Tensor& x) { return triu(x, 1); });
  check([](const Tensor& x) { return x.squeeze(); });
}

}  // namespace
}  // namespace voxgrad
