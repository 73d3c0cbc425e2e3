// Which algorithm computes a convolution, and the workspace that it takes.
#include <voxgrad/ops/conv.h>

#include <gtest/gtest.h>

#include <random>
#include <utility>
#include <vector>

#include <voxgrad/core/allocator.h>
#include <voxgrad/core/error.h>
#include <voxgrad/core/parallel.h>

#include "tests/ops/conv_with.h"
#include "tests/support/conv_oracle.h"
#include "tests/support/forced_algorithm.h"
#include "tests/support/geometries.h"

namespace voxgrad {
namespace {

using test::ConvWith;
using test::FormValues;
using test::kSlots;
using test::partial;
using test::Restore;

TEST(ConvAlgorithm, ChoiceFollowsFromTheProblem) {
  const auto choice = [](Slot slot, const ConvGeometry& g) {
    return ops::choose_algorithm({slot, g, DType::float32}).name;
  };
  const std::vector<ConvGeometry> all = test::large_geometries();
  for (const Slot slot : kSlots) {
    EXPECT_EQ(choice(slot, all[2]), "direct");  // 16 -> 8, 3x3x3
    EXPECT_EQ(choice(slot, all[4]), "tiled");   // 1x1x1
  }
  EXPECT_EQ(choice(Slot::x, all[1]), "tiled");  // one channel produced
  ConvGeometry pointwise = all[4];
  pointwise.y_channels = 16;
  EXPECT_EQ(choice(Slot::y, pointwise), "direct");
  EXPECT_EQ(choice(Slot::x, pointwise), "direct");
  EXPECT_EQ(choice(Slot::w, pointwise), "tiled");
  for (const Index few : {3, 7}) {
    ConvGeometry head = pointwise;
    head.x_channels = 32;
    head.y_channels = few;
    EXPECT_EQ(choice(Slot::y, head), "thin");
    EXPECT_EQ(choice(Slot::w, head), "thin");
    EXPECT_EQ(choice(Slot::x, head), "tiled");
    std::swap(head.x_channels, head.y_channels);
    EXPECT_EQ(choice(Slot::x, head), "thin");
    EXPECT_EQ(choice(Slot::w, head), "thin");
    EXPECT_EQ(choice(Slot::y, head), "direct");
  }
  ConvGeometry wide = all[2];
  wide.x_channels = wide.y_channels = 256;
  for (const Slot slot : kSlots) EXPECT_EQ(choice(slot, wide), "winograd");
  for (ConvAxis& axis : wide.axis) axis.stride = 2;
  EXPECT_EQ(choice(Slot::y, wide), "direct");
  EXPECT_EQ(choice(Slot::w, wide), "tiled");
  ConvGeometry depthwise = all[2];
  depthwise.groups = depthwise.y_channels = depthwise.x_channels;
  for (const Slot slot : kSlots) EXPECT_EQ(choice(slot, depthwise), "depthwise");
  depthwise.y_channels *= 2;
  for (const Slot slot : kSlots) EXPECT_EQ(choice(slot, depthwise), "direct");
}

TEST(ConvAlgorithm, CanBeForcedByName) {
  const ops::ConvProblem problem{Slot::y, test::large_geometries().front(), DType::float32};
  {
    const test::ForcedAlgorithm forced("tiled");
    EXPECT_EQ(ops::choose_algorithm(problem).name, "tiled");
  }
  EXPECT_EQ(ops::forced_conv_algorithm(), "");
  EXPECT_THROW(ops::set_forced_conv_algorithm("no such"), KeyError);
}

TEST_P(ConvWith, ReportsItsWorkspaceAndKeepsToTheLimit) {
  const Restore restore;
  set_num_threads(3);
  std::mt19937 random(10);
  for (const ConvGeometry& g : test::large_geometries()) {
    const FormValues values = test::random_values(g, random);
    for (const Slot slot : kSlots) {
      for (const std::size_t limit : {std::size_t{1}, std::size_t{64} << 20}) {
        set_workspace_limit(limit);
        partial(slot, g, values, widest());
        ASSERT_TRUE(ops::last_conv().has_value());
        const ops::ConvReport& report = *ops::last_conv();
        EXPECT_EQ(report.problem.produced, slot);
        EXPECT_EQ(report.problem.geometry, g);
        EXPECT_LE(report.workspace.per_tile, std::size_t{8} << 20) << to_string(report);
        const bool one_at_a_time = limit == 1 && report.workspace.per_tile > 0;
        EXPECT_LE(report.tiles_in_flight, one_at_a_time ? 1 : 3) << to_string(report);
        if (limit > 1) {
          EXPECT_LE(report.workspace_bytes(), limit) << to_string(report);
        }
      }
    }
  }
}

TEST(ConvPartial, TilesStaySmallHoweverLargeTheProblem) {
  ConvGeometry g;
  g.x_channels = 2048;
  g.y_channels = 2048;
  for (ConvAxis& axis : g.axis) axis = {.in = 500, .out = 500, .kernel = 7, .padding = 3};
  for (const Slot slot : kSlots) {
    for (const DType dtype : {DType::float32, DType::float64}) {
      const ops::ConvProblem problem{slot, g, dtype};
      for (const ops::ConvAlgorithm& algorithm : ops::conv_kernels(Device{}).algorithms) {
        if (!algorithm.supports(problem)) continue;
        EXPECT_LE(algorithm.workspace(problem).per_tile, std::size_t{8} << 20) << algorithm.name;
      }
    }
  }
}

}  // namespace
}  // namespace voxgrad
