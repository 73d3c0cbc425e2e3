#include <voxgrad/core/conv_geometry.h>

#include <gtest/gtest.h>

#include <limits>
#include <random>
#include <string>

#include <voxgrad/core/error.h>
#include <voxgrad/core/tensor.h>

#include "tests/support/geometries.h"

namespace voxgrad {
namespace {

constexpr Index kLargest = std::numeric_limits<Index>::max();

template <typename F>
std::string error_of(F&& f) {
  try {
    f();
  } catch (const ShapeError& error) {
    return error.what();
  }
  return "no error";
}

TEST(ConvGeometry, ComputesOutputSizesAsPyTorch) {
  const ConvGeometry g = conv_geometry(
      Shape{2, 6, 11, 13, 17}, Shape{8, 3, 3, 4, 5},
      {.stride = {1, 2, 3}, .padding = {1, 0, 2}, .dilation = {2, 1, 3}, .groups = 2});
  EXPECT_EQ(slot_shape(g, Slot::x), (Shape{2, 6, 11, 13, 17}));
  EXPECT_EQ(slot_shape(g, Slot::w), (Shape{8, 3, 3, 4, 5}));
  EXPECT_EQ(slot_shape(g, Slot::y), (Shape{2, 8, 9, 5, 3}));
  EXPECT_EQ(g.groups, 2);
}

TEST(ConvGeometry, TransposeComputesOutputSizesAsPyTorch) {
  const ConvGeometry g = conv_transpose_geometry(Shape{2, 8, 9, 5, 3}, Shape{8, 3, 3, 4, 5},
                                                 {.stride = {1, 2, 3},
                                                  .padding = {1, 0, 2},
                                                  .output_padding = {0, 1, 2},
                                                  .groups = 2,
                                                  .dilation = {2, 1, 3}});
  EXPECT_EQ(slot_shape(g, Slot::y), (Shape{2, 8, 9, 5, 3}));
  EXPECT_EQ(slot_shape(g, Slot::x), (Shape{2, 6, 11, 13, 17}));
}

TEST(ConvGeometry, TransposeOfWhatConvMadeIsTheSameGeometry) {
  std::mt19937 random(1);
  int compared = 0;
  for (int i = 0; i < 300; ++i) {
    const ConvGeometry g = test::random_geometry(random);
    ConvSettings settings{.groups = g.groups};
    ConvTransposeSettings transpose{.groups = g.groups};
    Shape stride, padding, dilation, size;
    for (int axis = 3 - g.rank; axis < 3; ++axis) {
      stride.push_back(g.axis[axis].stride);
      padding.push_back(g.axis[axis].padding);
      dilation.push_back(g.axis[axis].dilation);
      size.push_back(g.axis[axis].in);
    }
    settings.stride = transpose.stride = stride;
    settings.padding = ConvPadding(Spatial(padding));
    transpose.padding = padding;
    settings.dilation = transpose.dilation = dilation;
    transpose.output_size = size;
    const ConvGeometry forward =
        conv_geometry(slot_shape(g, Slot::x), slot_shape(g, Slot::w), settings);
    const ConvGeometry back =
        conv_transpose_geometry(slot_shape(forward, Slot::y), slot_shape(g, Slot::w), transpose);
    EXPECT_EQ(forward, back) << to_string(forward) << " and " << to_string(back);
    ++compared;
  }
  EXPECT_EQ(compared, 300);
}

TEST(ConvGeometry, LowRanksHaveLeadingUnitAxes) {
  const ConvGeometry g = conv_geometry(Shape{2, 3, 7}, Shape{5, 3, 4}, {.stride = 2, .padding = 1});
  EXPECT_EQ(g.rank, 1);
  EXPECT_EQ(g.axis[0], ConvAxis{});
  EXPECT_EQ(g.axis[1], ConvAxis{});
  EXPECT_EQ(g.axis[2], (ConvAxis{.in = 7, .out = 3, .kernel = 4, .stride = 2, .padding = 1}));
}

TEST(ConvGeometry, TakesUnbatchedInput) {
  EXPECT_EQ(conv_geometry(Shape{3, 7, 8}, Shape{5, 3, 2, 2}).batch, 1);
  EXPECT_EQ(conv_transpose_geometry(Shape{5, 7, 8}, Shape{5, 3, 2, 2}).x_channels, 3);
}

TEST(ConvGeometry, SameKeepsTheSizeWithTheOddZeroAtTheHighEnd) {
  const ConvGeometry even = conv_geometry(Shape{1, 1, 9}, Shape{1, 1, 4}, {.padding = "same"});
  EXPECT_EQ(even.axis[2].out, 9);
  EXPECT_EQ(even.axis[2].padding, 1);  // low; 2 follow at the high end
  const ConvGeometry wide =
      conv_geometry(Shape{1, 1, 2}, Shape{1, 1, 4}, {.padding = "same", .dilation = 3});
  EXPECT_EQ(wide.axis[2].out, 2);
  EXPECT_EQ(wide.axis[2].padding, 4);
  EXPECT_EQ(conv_geometry(Shape{1, 1, 9}, Shape{1, 1, 4}, {.padding = "valid"}).axis[2].out, 6);
}

TEST(ConvGeometry, TransposePaddingMayExceedTheKernel) {
  EXPECT_EQ(conv_transpose_geometry(Shape{1, 1, 6}, Shape{1, 1, 3}, {.stride = 2, .padding = 3})
                .axis[2]
                .in,
            7);
}

TEST(ConvGeometry, OutputPaddingMayReachTheDilation) {
  const auto size = [](Index extra, Index stride, Index dilation) {
    return conv_transpose_geometry(
               Shape{1, 1, 4}, Shape{1, 1, 2},
               {.stride = stride, .output_padding = extra, .dilation = dilation})
        .axis[2]
        .in;
  };
  EXPECT_EQ(size(2, 1, 3), 4 - 1 + 3 + 1 + 2);
  EXPECT_EQ(size(2, 3, 1), 9 + 1 + 1 + 2);
  EXPECT_THROW(size(3, 3, 1), ShapeError);
  EXPECT_THROW(size(1, 1, 1), ShapeError);
}

TEST(ConvGeometry, OutputSizeStandsInForOutputPadding) {
  const auto size = [](const Shape& wanted) {
    return conv_transpose_geometry(Shape{2, 4, 5, 6}, Shape{4, 3, 3, 3},
                                   {.stride = 2, .output_padding = 1, .output_size = wanted});
  };
  EXPECT_EQ(slot_shape(size({11, 14}), Slot::x), (Shape{2, 3, 11, 14}));
  EXPECT_EQ(slot_shape(size({9, 9, 12, 13}), Slot::x), (Shape{2, 3, 12, 13}));
  EXPECT_EQ(
      error_of([&] {
        size({10, 13});
      }),
      "conv_transpose: output_size must have a size in [11, 12] on axis 0 for y [2, 4, 5, 6]; got "
      "[10, 13]. A kernel of 2 with stride 2, padding 0 and dilation 1 would reach it");
  EXPECT_THROW(size({11, 15}), ShapeError);
  EXPECT_THROW(size({11}), ShapeError);
  EXPECT_THROW(size({3, 11, 13}), ShapeError);
  // The range counts stride alone, as in PyTorch, although output_padding may go up to the
  // dilation.
  EXPECT_THROW(conv_transpose_geometry(Shape{1, 1, 4}, Shape{1, 1, 2},
                                       {.dilation = 3, .output_size = Shape{9}}),
               ShapeError);
}

TEST(ConvGeometry, AcceptsZeroBatchAndZeroInputChannels) {
  EXPECT_EQ(slot_shape(conv_geometry(Shape{0, 3, 7}, Shape{5, 3, 2}), Slot::y), (Shape{0, 5, 6}));
  EXPECT_EQ(slot_shape(conv_geometry(Shape{2, 0, 7}, Shape{5, 0, 2}), Slot::y), (Shape{2, 5, 6}));
}

struct Refused {
  const char* what;
  Shape x, w;
  ConvSettings settings;
};

TEST(ConvGeometry, RefusesWhatDoesNotFit) {
  const Shape x{2, 4, 5, 6}, w{6, 4, 3, 3};
  const Refused cases[] = {
      {"negative padding", x, w, {.padding = -1}},
      {"zero stride", x, w, {.stride = {1, 0}}},
      {"zero dilation", x, w, {.dilation = 0}},
      {"zero groups", x, w, {.groups = 0}},
      {"negative groups", x, w, {.groups = -2}},
      {"count of stride", x, w, {.stride = {1, 1, 1}}},
      {"count of padding", x, w, {.padding = {1, 1, 1}}},
      {"count of dilation", x, w, {.dilation = {1, 1, 1}}},
      {"no stride", x, w, {.stride = std::initializer_list<Index>{}}},
      {"rank of x", {2, 4, 5, 6, 7}, w, {}},
      {"rank of w", x, {6, 4}, {}},
      {"rank 4", {1, 1, 5, 5, 5, 5}, {1, 1, 3, 3, 3, 3}, {}},
      {"channels", {2, 3, 5, 6}, w, {}},
      {"channels with groups", x, w, {.groups = 2}},
      {"groups do not divide", {2, 16, 5, 6}, w, {.groups = 4}},
      {"fewer outputs than groups", {2, 32, 5, 6}, w, {.groups = 8}},
      {"no outputs", x, {0, 4, 3, 3}, {}},
      {"kernel 0", x, {6, 4, 3, 0}, {}},
      {"kernel beyond the input", {2, 4, 2, 6}, w, {}},
      {"dilated kernel beyond the input", x, w, {.dilation = {2, 3}}},
      {"empty input", {2, 4, 0, 6}, w, {.padding = 3}},
      {"same with stride", x, w, {.stride = 2, .padding = "same"}},
      {"negative size", {2, 4, -5, 6}, w, {}},
      {"padding that overflows", x, w, {.padding = kLargest}},
      {"dilation that overflows", x, w, {.padding = 1, .dilation = kLargest}},
      {"result that overflows",
       {Index{1} << 40, 1, 1, 1},
       {1, 1, 1, 1},
       {.padding = Index{1} << 30}},
  };
  for (const Refused& refused : cases) {
    EXPECT_THROW(conv_geometry(refused.x, refused.w, refused.settings), ShapeError) << refused.what;
  }
  EXPECT_THROW(ConvPadding("wide"), ShapeError);
}

struct TransposeRefused {
  const char* what;
  Shape y, w;
  ConvTransposeSettings settings;
};

TEST(ConvGeometry, TransposeRefusesWhatDoesNotFit) {
  const Shape y{2, 4, 5, 6}, w{4, 6, 3, 3};
  const TransposeRefused cases[] = {
      {"negative padding", y, w, {.padding = -1}},
      {"negative output_padding", y, w, {.stride = 2, .output_padding = -1}},
      {"count of output_padding", y, w, {.stride = 2, .output_padding = {1, 1, 1}}},
      {"zero stride", y, w, {.stride = 0}},
      {"zero dilation", y, w, {.dilation = 0}},
      {"zero groups", y, w, {.groups = 0}},
      {"rank of y", {4, 5}, w, {}},
      {"channels", {2, 3, 5, 6}, w, {}},
      {"groups do not divide", y, w, {.groups = 3}},
      {"no outputs", y, {4, 0, 3, 3}, {}},
      {"empty input", {2, 4, 0, 6}, w, {.padding = 0}},
      {"nothing left", y, w, {.padding = {0, 4}}},
      {"stride that overflows", y, w, {.stride = kLargest}},
      {"result that overflows", {Index{1} << 30, 4, 5, 6}, w, {.stride = Index{1} << 30}},
  };
  for (const TransposeRefused& refused : cases) {
    EXPECT_THROW(conv_transpose_geometry(refused.y, refused.w, refused.settings), ShapeError)
        << refused.what;
  }
}

TEST(ConvGeometry, ErrorsNameTheOpAndBothNumbers) {
  EXPECT_EQ(error_of([] {
              conv_geometry(Shape{1, 3, 5, 5, 5}, Shape{4, 4, 3, 3, 3});
            }),
            "conv: x must have w.shape[1] * groups = 4 channels; got x [1, 3, 5, 5, 5] and w [4, "
            "4, 3, 3, 3] with "
            "groups 1");
  EXPECT_EQ(error_of([] {
              conv_transpose_geometry(Shape{1, 3, 5}, Shape{4, 4, 3});
            }),
            "conv_transpose: y must have w.shape[0] = 4 channels; got y [1, 3, 5] and w [4, 4, 3]");
  EXPECT_EQ(error_of([] {
              conv_geometry(Shape{1, 4, 5, 5}, Shape{4, 4, 3, 3}, {.stride = {2, 2, 2}});
            }),
            "conv: stride must be one number or one for each of 2 axes; got [2, 2, 2]");
}

TEST(ConvGeometry, PrintsInOneLine) {
  const ConvGeometry g = conv_geometry(Shape{2, 3, 7, 8}, Shape{5, 3, 4, 2}, {.stride = {1, 2}});
  EXPECT_EQ(to_string(g), "3->5 k4x2 s1x2 p0x0 d1x1 g1, 2 x 7x8 -> 4x4");
}

Index size_like(Index wanted, const ConvAxis& axis) {
  const Tensor skip = Tensor::empty({1, 7, wanted});
  return conv_transpose_geometry(Shape{1, 1, axis.out}, Shape{1, 1, axis.kernel},
                                 {.stride = axis.stride,
                                  .padding = axis.padding,
                                  .dilation = axis.dilation,
                                  .like = &skip})
      .axis[2]
      .in;
}

TEST(ConvGeometry, LikeTakesExactlyTheSizesThatSomeOutputPaddingReaches) {
  std::mt19937 random(2);
  for (int i = 0; i < 300; ++i) {
    ConvGeometry g = test::random_geometry(random);
    const ConvAxis& axis = g.axis[2];
    const Index least = (axis.out - 1) * axis.stride - 2 * axis.padding + axis.reach();
    const Index end = least + std::max(axis.stride, axis.dilation);
    for (Index wanted = 0; wanted < end + 3; ++wanted) {
      if (wanted >= 1 && wanted >= least && wanted < end) {
        ASSERT_EQ(size_like(wanted, axis), wanted) << to_string(g);
      } else {
        ASSERT_THROW(size_like(wanted, axis), ShapeError) << to_string(g) << " " << wanted;
      }
    }
  }
}

TEST(ConvGeometry, LikeNamesAKernelAndAStrideThatReachTheSize) {
  const ConvAxis monai{.out = 4, .kernel = 3, .stride = 2, .padding = 1};
  EXPECT_EQ(error_of([&] { size_like(9, monai); }),
            "conv_transpose: like must have a size in [7, 8] on axis 0 for y [1, 1, 4]; got [9]. "
            "A kernel of 2 with stride 2, padding 0 and dilation 1 would reach it");
  for (Index out = 1; out <= 12; ++out) {
    for (Index in = 1; in <= 40; ++in) {
      for (const Index stride : {1, 2, 3}) {
        const ConvAxis axis = axis_between(in, out, stride);
        ASSERT_EQ(size_like(in, axis), in)
            << out << " to " << in << ", kernel " << axis.kernel << " stride " << axis.stride
            << " padding " << axis.padding;
      }
    }
  }
}

TEST(ConvGeometry, LikeAndOutputSizeExcludeEachOther) {
  const Tensor skip = Tensor::empty({1, 1, 8}), flat = Tensor::empty({8}), none;
  const auto with = [](const ConvTransposeSettings& settings) {
    return conv_transpose_geometry(Shape{1, 1, 4}, Shape{1, 1, 2}, settings);
  };
  EXPECT_THROW(with({.stride = 2, .output_size = Shape{8}, .like = &skip}), ShapeError);
  EXPECT_THROW(with({.stride = 2, .like = &flat}), ShapeError);
  EXPECT_THROW(with({.stride = 2, .like = &none}), ShapeError);
  EXPECT_EQ(with({.stride = 2, .like = &skip}).axis[2].in, 8);
}

TEST(ConvGeometry, PaddingThatLeavesNothingIsWhatTheErrorNames) {
  // No size is in reach, so there is no range to name.
  const std::string text =
      "conv_transpose: the result must have a size of at least 1 on axis 0; got -9 from y "
      "[1, 1, 1] with padding 5";
  const ConvAxis cut{.out = 1, .padding = 5};
  EXPECT_EQ(error_of([&] { size_like(3, cut); }), text);
  EXPECT_EQ(error_of([&] {
              conv_transpose_geometry(Shape{1, 1, 1}, Shape{1, 1, 1},
                                      {.padding = 5, .output_size = Shape{3}});
            }),
            text);
}

TEST(ConvGeometry, SizesFarOutOfReachAreRefused) {
  for (const Index wanted : {kLargest, kLargest - 1, -kLargest, Index{0}, Index{1} << 61}) {
    EXPECT_THROW(conv_transpose_geometry(Shape{1, 1, 4}, Shape{1, 1, 2},
                                         {.stride = 2, .output_size = Shape{wanted}}),
                 ShapeError);
  }
}

}  // namespace
}  // namespace voxgrad
