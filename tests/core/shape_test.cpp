#include <voxgrad/core/shape.h>

#include <gtest/gtest.h>

#include <limits>

#include <voxgrad/core/error.h>

namespace voxgrad {
namespace {

constexpr Index kLargest = std::numeric_limits<Index>::max();

TEST(ElementCount, IsTheProductOfTheSizes) {
  EXPECT_EQ(element_count(Shape{2, 3, 5, 7}), 210);
  EXPECT_EQ(element_count(Shape{}), 1);
  EXPECT_EQ(element_count(Shape{kLargest}), kLargest);
}

TEST(ElementCount, IsZeroWhenAnySizeIsZeroHoweverLargeTheOthersAre) {
  EXPECT_EQ(element_count(Shape{2, 0, 3}), 0);
  EXPECT_EQ(element_count(Shape{kLargest, kLargest, 0}), 0);
}

TEST(ElementCount, RefusesNegativeSizesAndOverflow) {
  EXPECT_THROW(element_count(Shape{2, -1}), ShapeError);
  EXPECT_THROW(element_count(Shape{0, -1}), ShapeError);
  EXPECT_THROW(element_count(Shape{Index{1} << 32, Index{1} << 31}), ShapeError);
  EXPECT_EQ(element_count(Shape{Index{1} << 32, Index{1} << 30}), Index{1} << 62);
}

TEST(ElementCount, ErrorShowsTheShape) {
  try {
    element_count(Shape{2, -1, 3});
    FAIL() << "a negative size was accepted";
  } catch (const ShapeError& error) {
    EXPECT_NE(std::string(error.what()).find("[2, -1, 3]"), std::string::npos) << error.what();
  }
}

TEST(CheckedProduct, RefusesOverflow) {
  EXPECT_EQ(checked_product(6, 7), 42);
  EXPECT_EQ(checked_product(kLargest, 0), 0);
  EXPECT_THROW(checked_product(kLargest, 2), ShapeError);
}

TEST(Strides, ContiguousRunsFastestOnTheLastAxis) {
  EXPECT_EQ(contiguous_strides(Shape{2, 3, 5, 7}), (Strides{105, 35, 7, 1}));
  EXPECT_EQ(contiguous_strides(Shape{}), Strides{});
}

TEST(Strides, ContiguousCountsEmptyAxesAsOne) {
  EXPECT_EQ(contiguous_strides(Shape{2, 0, 5}), (Strides{5, 5, 1}));
  EXPECT_EQ(contiguous_strides(Shape{0, kLargest, 4, 2}).back(), 1);
}

TEST(Strides, RefuseAShapeThatOverflows) {
  EXPECT_THROW(contiguous_strides(Shape{kLargest, 3}), ShapeError);
  EXPECT_THROW(channels_last_strides(Shape{2, kLargest, 3}), ShapeError);
}

TEST(Strides, ChannelsLastRunsFastestOnChannels) {
  EXPECT_EQ(channels_last_strides(Shape{2, 3, 5}), (Strides{15, 1, 3}));
  EXPECT_EQ(channels_last_strides(Shape{2, 3, 5, 7}), (Strides{105, 1, 21, 3}));
  EXPECT_EQ(channels_last_strides(Shape{2, 3, 5, 7, 11}), (Strides{1155, 1, 231, 33, 3}));
}

TEST(Strides, ChannelsLastOfLowRankIsPlain) {
  EXPECT_EQ(channels_last_strides(Shape{2, 3}), (Strides{3, 1}));
  EXPECT_EQ(channels_last_strides(Shape{2}), (Strides{1}));
  EXPECT_EQ(channels_last_strides(Shape{}), Strides{});
}

TEST(NormalizeAxis, CountsNegativeAxesFromTheEnd) {
  EXPECT_EQ(normalize_axis("sum", 0, 3), 0);
  EXPECT_EQ(normalize_axis("sum", -1, 3), 2);
  EXPECT_EQ(normalize_axis("sum", -3, 3), 0);
}

TEST(NormalizeAxis, RefusesAxesOutsideAndNamesTheOp) {
  EXPECT_THROW(normalize_axis("sum", 3, 3), IndexError);
  EXPECT_THROW(normalize_axis("sum", -4, 3), IndexError);
  EXPECT_THROW(normalize_axis("sum", 0, 0), IndexError);
  try {
    normalize_axis("softmax", 5, 2);
    FAIL() << "axis 5 of rank 2 was accepted";
  } catch (const IndexError& error) {
    EXPECT_EQ(std::string(error.what()), "softmax: axis must be in [-2, 1] for rank 2; got 5");
  }
}

TEST(BroadcastShape, FollowsNumPy) {
  EXPECT_EQ(broadcast_shape("add", Shape{2, 3, 5}, Shape{3, 1}), (Shape{2, 3, 5}));
  EXPECT_EQ(broadcast_shape("add", Shape{1, 5}, Shape{3, 1}), (Shape{3, 5}));
  EXPECT_EQ(broadcast_shape("add", Shape{}, Shape{2}), (Shape{2}));
  EXPECT_EQ(broadcast_shape("add", Shape{0, 3}, Shape{1, 3}), (Shape{0, 3}));
}

TEST(BroadcastShape, RefusesSizesThatDiffer) {
  EXPECT_THROW(broadcast_shape("add", Shape{2, 3}, Shape{2, 5}), ShapeError);
  EXPECT_THROW(broadcast_shape("add", Shape{0}, Shape{2}), ShapeError);
}

TEST(ShapeToString, PrintsSizesInBrackets) {
  EXPECT_EQ(to_string(Shape{2, 3, 5}), "[2, 3, 5]");
  EXPECT_EQ(to_string(Shape{}), "[]");
}

}  // namespace
}  // namespace voxgrad
