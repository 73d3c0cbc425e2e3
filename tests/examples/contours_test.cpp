#include "examples/support/contours.h"

#include <gtest/gtest.h>
#include <voxgrad/core/error.h>

#include <cmath>
#include <cstdint>
#include <random>
#include <vector>

namespace voxgrad::examples {
namespace {

using Mask = std::vector<std::uint8_t>;

// Twice the signed area; positive where the curve runs clockwise with y downwards.
double twice_area(const std::vector<Point>& curve) {
  double sum = 0;
  for (std::size_t i = 0; i < curve.size(); ++i) {
    const Point& a = curve[i];
    const Point& b = curve[(i + 1) % curve.size()];
    sum += a.x * b.y - b.x * a.y;
  }
  return sum;
}

TEST(Contours, OneVoxelIsADiamondAroundItsCentre) {
  const auto curves = mask_contours(Mask{0, 0, 0, 0, 0, 7}, 2, 3);
  ASSERT_EQ(curves.size(), 1U);
  ASSERT_EQ(curves[0].size(), 4U);
  for (const Point& point : curves[0]) {
    EXPECT_EQ(std::abs(point.x - 2) + std::abs(point.y - 1), 0.5);
  }
  EXPECT_DOUBLE_EQ(twice_area(curves[0]), 1);
}

TEST(Contours, EmptyMasksHaveNone) {
  EXPECT_TRUE(mask_contours(Mask(6, 0), 2, 3).empty());
  EXPECT_TRUE(mask_contours(Mask(), 0, 3).empty());
}

TEST(Contours, MasksThatReachTheEdgeAreClosed) {
  const auto curves = mask_contours(Mask(6, 1), 2, 3);
  ASSERT_EQ(curves.size(), 1U);
  EXPECT_EQ(curves[0].size(), 10U);
  EXPECT_DOUBLE_EQ(twice_area(curves[0]) / 2, 6 - 4 * 0.125);  // the corners are cut
}

TEST(Contours, HolesRunTheOtherWay) {
  const auto curves = mask_contours(Mask{1, 1, 1, 1, 0, 1, 1, 1, 1}, 3, 3);
  ASSERT_EQ(curves.size(), 2U);
  EXPECT_GT(twice_area(curves[0]), 0);
  EXPECT_LT(twice_area(curves[1]), 0);
}

TEST(Contours, VoxelsThatTouchAtACornerStayApart) {
  EXPECT_EQ(mask_contours(Mask{1, 0, 0, 1}, 2, 2).size(), 2U);
  EXPECT_EQ(mask_contours(Mask{0, 1, 1, 0}, 2, 2).size(), 2U);
}

TEST(Contours, EveryStepIsShortAndTheAreaIsThatOfTheMask) {
  std::mt19937 random(5);
  for (int round = 0; round < 50; ++round) {
    const std::int64_t height = 1 + static_cast<std::int64_t>(random() % 9);
    const std::int64_t width = 1 + static_cast<std::int64_t>(random() % 11);
    Mask mask(static_cast<std::size_t>(height * width));
    double voxels = 0;
    for (auto& voxel : mask) voxels += voxel = static_cast<std::uint8_t>(random() % 3 != 0);
    double area = 0;
    std::size_t corners = 0;
    for (const auto& curve : mask_contours(mask, height, width)) {
      area += twice_area(curve) / 2;
      corners += curve.size();
      for (std::size_t i = 0; i < curve.size(); ++i) {
        const Point& a = curve[i];
        const Point& b = curve[(i + 1) % curve.size()];
        EXPECT_LE(std::hypot(a.x - b.x, a.y - b.y), 1.0);
      }
    }
    // A corner moves the curve by at most 1/8 voxel.
    EXPECT_NEAR(area, voxels, 0.125 * static_cast<double>(corners) + 1e-9);
  }
}

TEST(Contours, SizesMustFit) { EXPECT_THROW(mask_contours(Mask(5, 1), 2, 3), ShapeError); }

}  // namespace
}  // namespace voxgrad::examples
