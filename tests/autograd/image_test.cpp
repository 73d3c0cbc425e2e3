#include <voxgrad/autograd/functions/image.h>

#include <gtest/gtest.h>

#include <voxgrad/autograd/functions/conv.h>
#include <voxgrad/autograd/functions/linear.h>
#include <voxgrad/autograd/functions/shape.h>
#include <voxgrad/autograd/gradcheck.h>
#include <voxgrad/core/error.h>

#include "tests/ops/random_values.h"

namespace voxgrad {
namespace {

using namespace voxgrad::testing;
using Values = std::vector<double>;

Tensor leaf(const Shape& shape, Layout layout = Layout::plain, std::uint32_t seed = 1) {
  Tensor x = random_values(shape, DType::float64, layout, seed);
  x.requires_grad_();
  return x;
}

void check_derivatives(const TensorFunction& f, const std::vector<Tensor>& inputs) {
  EXPECT_NO_THROW(gradcheck(f, inputs));
  EXPECT_NO_THROW(gradgradcheck(f, inputs));
}

TEST(PixelShuffle, SpreadsChannelsOverPlaces) {
  const Shape in{2, 12, 3, 5}, out{2, 3, 6, 10};
  for (const Layout layout : kAllLayouts) {
    const Tensor x = random_values(in, DType::float64, layout);
    const Tensor y = pixel_shuffle(x, 2);
    ASSERT_EQ(y.shape(), out);
    EXPECT_TRUE(y.is_channels_last());
    const auto from = values(x), to = values(y);
    for (const auto& i : indices(out)) {
      const std::vector<Index> source{i[0], i[1] * 4 + i[2] % 2 * 2 + i[3] % 2, i[2] / 2, i[3] / 2};
      EXPECT_EQ(to[flat(out, i)], from[flat(in, source)]);
    }
    EXPECT_EQ(values(pixel_unshuffle(y, 2)), from);
  }
}

TEST(PixelShuffle, TakesAnyRankAndAnyBatch) {
  for (const int rank : {1, 2, 3}) {
    Shape shape{2, 3, 5 * (1 << rank)};
    for (int a = 0; a < rank; ++a) shape.push_back(a + 2);
    const Tensor x = random_values(shape);
    const Tensor y = pixel_shuffle(x, 2, rank);
    EXPECT_EQ(y.size(2), 5);
    EXPECT_EQ(y.size(3), 4);
    const Tensor back = pixel_unshuffle(y, 2, rank);
    EXPECT_EQ(back.shape(), shape);
    EXPECT_EQ(values(back), values(x));
  }
  EXPECT_EQ(pixel_shuffle(random_values({9, 2, 2}), 3).shape(), (Shape{1, 6, 6}));
  EXPECT_EQ(pixel_unshuffle(random_values({1, 6, 6}), 3).shape(), (Shape{9, 2, 2}));
  EXPECT_EQ(pixel_shuffle(random_values({0, 4, 2, 2}), 2).shape(), (Shape{0, 1, 4, 4}));
}

TEST(PixelShuffle, DifferentiatesAndRefusesWhatDoesNotDivide) {
  check_derivatives(
      [](std::span<const Tensor> x) { return std::vector<Tensor>{pixel_shuffle(x[0], 2)}; },
      {leaf({2, 4, 3, 2}, Layout::gaps)});
  check_derivatives(
      [](std::span<const Tensor> x) { return std::vector<Tensor>{pixel_unshuffle(x[0], 2)}; },
      {leaf({2, 3, 4, 2}, Layout::reversed)});
  const Tensor x = random_values({2, 6, 3, 5});
  EXPECT_THROW(pixel_shuffle(x, 2), ShapeError);
  EXPECT_THROW(pixel_shuffle(x, 0), ShapeError);
  EXPECT_THROW(pixel_shuffle(random_values({4, 3}), 2), ShapeError);
  EXPECT_THROW(pixel_shuffle(x, 1, 4), ShapeError);
  EXPECT_THROW(pixel_unshuffle(x, 2), ShapeError);
  EXPECT_THROW(pixel_unshuffle(x, -1), ShapeError);
}

const std::vector<WindowOptions>& all_windows() {
  static const std::vector<WindowOptions> options = {
      {.kernel = {2, 3}},
      {.kernel = {3, 2}, .padding = {1, 0}, .stride = 2},
      {.kernel = {2, 2}, .dilation = {1, 2}, .padding = 1, .stride = {2, 1}},
      {.kernel = {1, 1}, .stride = 3}};
  return options;
}

TEST(Im2col, HoldsTheWindowsOfAConvolution) {
  for (const WindowOptions& o : all_windows()) {
    for (const Layout layout : kAllLayouts) {
      const Tensor x = random_values({2, 3, 5, 7}, DType::float64, layout);
      const auto kernel = o.kernel.values();
      const Tensor w =
          random_values({4, 3, kernel[0], kernel[1]}, DType::float64, Layout::plain, 2);
      const Tensor y =
          conv(x, w, {}, {.stride = o.stride, .padding = o.padding, .dilation = o.dilation});
      const Tensor columns = im2col(x, o);
      const Tensor product = matmul(w.reshape({4, -1}), columns);
      EXPECT_LE(largest_difference(values(product), values(y.reshape({2, 4, -1}))), 1e-13);
    }
  }
}

TEST(Im2col, Col2imIsItsAdjoint) {
  for (const WindowOptions& o : all_windows()) {
    const Tensor x = random_values({2, 3, 5, 7});
    const Tensor columns = im2col(x, o);
    const Tensor y = random_values(columns.shape(), DType::float64, Layout::reversed, 3);
    EXPECT_NEAR(testing::dot(columns, y), testing::dot(x, col2im(y, {5, 7}, o)), 1e-12);
    check_derivatives(
        [&](std::span<const Tensor> in) { return std::vector<Tensor>{im2col(in[0], o)}; },
        {leaf({2, 3, 5, 7}, Layout::channels_last)});
    check_derivatives(
        [&](std::span<const Tensor> in) {
          return std::vector<Tensor>{col2im(in[0], {5, 7}, o)};
        },
        {leaf(columns.shape(), Layout::gaps)});
  }
}

TEST(Im2col, TakesOtherRanksUnbatchedAndEmptyInput) {
  const Tensor line = Tensor::from(Values{1, 2, 3}, {1, 1, 3});
  EXPECT_EQ(values(im2col(line, {.kernel = 2})), (Values{1, 2, 2, 3}));
  EXPECT_EQ(im2col(random_values({2, 3, 4, 5, 6}), {.kernel = 2}).shape(), (Shape{2, 24, 60}));
  EXPECT_EQ(im2col(random_values({3, 4, 5}), {.kernel = 2, .rank = 2}).shape(), (Shape{12, 12}));
  EXPECT_EQ(col2im(random_values({12, 12}), {4, 5}, {.kernel = 2}).shape(), (Shape{3, 4, 5}));
  EXPECT_EQ(im2col(random_values({0, 3, 4, 5}), {.kernel = 2}).shape(), (Shape{0, 12, 12}));
  EXPECT_EQ(values(col2im(Tensor::empty({1, 0, 12}, DType::float64), {4, 5}, {.kernel = 2})),
            Values{});
}

TEST(Im2col, RefusesWhatDoesNotFit) {
  const Tensor x = random_values({2, 3, 4, 5});
  EXPECT_THROW(im2col(x, {.kernel = 6}), ShapeError);
  EXPECT_THROW(im2col(x, {.kernel = 0}), ShapeError);
  EXPECT_THROW(im2col(x, {.kernel = 2, .padding = -1}), ShapeError);
  EXPECT_THROW(im2col(x, {.kernel = 2, .stride = 0}), ShapeError);
  EXPECT_THROW(im2col(random_values({3, 4, 5}), {.kernel = {2, 2, 2}}), ShapeError);
  EXPECT_THROW(im2col(random_values({3, 4}), {.kernel = 2}), ShapeError);
  EXPECT_THROW(col2im(random_values({2, 13, 12}), {4, 5}, {.kernel = 2}), ShapeError);
  EXPECT_THROW(col2im(random_values({2, 12, 11}), {4, 5}, {.kernel = 2}), ShapeError);
  EXPECT_THROW(col2im(x, {4, 5}, {.kernel = 2}), ShapeError);
  EXPECT_THROW(col2im(random_values({1, 1, 1}), {INT64_MAX, 1}, {.kernel = 1, .padding = 9}),
               ShapeError);
  EXPECT_THROW(col2im(random_values({1, 1, 1}), {-5, 1}, {.kernel = 1, .padding = 9}), ShapeError);
}

}  // namespace
}  // namespace voxgrad
