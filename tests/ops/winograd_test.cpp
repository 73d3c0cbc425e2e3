// The Winograd algorithm beyond what ConvWith asks of every algorithm.
#include <voxgrad/ops/conv.h>

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <string_view>

#include <voxgrad/core/allocator.h>
#include <voxgrad/core/parallel.h>

#include "tests/ops/conv_with.h"
#include "tests/support/conv_oracle.h"
#include "tests/support/forced_algorithm.h"
#include "tests/support/geometries.h"
#include "tests/support/paths.h"

namespace voxgrad {
namespace {

using test::FormValues;
using test::kSlots;
using test::Restore;
using test::Values;

class Winograd : public testing::Test {
  const test::ForcedAlgorithm forced_{"winograd"};
};

Values partial(Slot produced, const ConvGeometry& g, const FormValues& values,
               std::string_view algorithm = "winograd") {
  const test::ForcedAlgorithm forced(algorithm);
  const Tensor result = test::partial(produced, g, values, DType::float32);
  EXPECT_EQ(ops::last_conv()->algorithm, algorithm);
  return test::to_values(result);
}

// Root mean squares of the error and of the sums' absolute products, in units of rounding: a plain
// sum of products of random signs errs by a few of them over the root of the number of terms.
double error_units(Slot slot, const ConvGeometry& g, const FormValues& values,
                   std::string_view algorithm = "winograd") {
  const Values actual = partial(slot, g, values, algorithm);
  const test::OracleResult expected = test::conv_oracle(slot, g, values);
  EXPECT_EQ(actual.size(), expected.sum.size());
  double errors = 0, magnitudes = 0;
  for (std::size_t k = 0; k < actual.size(); ++k) {
    const double error = actual[k] - expected.sum[k];
    errors += error * error;
    magnitudes += expected.magnitude[k] * expected.magnitude[k];
  }
  return std::sqrt(errors / magnitudes) / 0x1p-24;
}

FormValues random_floats(const ConvGeometry& g, std::mt19937& random) {
  FormValues values = test::random_values(g, random);
  for (const Slot slot : kSlots) {
    for (double& value : values.at(slot)) value = static_cast<float>(value);
  }
  return values;
}

TEST_F(Winograd, ErrsOnAverageByAFewUnits) {
  std::mt19937 random(1);
  const int cases = test::full_run() ? 2000 : 200;
  for (int i = 0; i < cases; ++i) {
    const ConvGeometry g = test::random_winograd_geometry(random, 40);
    const FormValues values = random_floats(g, random);
    for (const Slot slot : kSlots)
      ASSERT_LE(error_units(slot, g, values), 6) << name(slot) << " " << to_string(g);
  }
}

TEST_F(Winograd, ErrsAtMostAFewTimesAsMuchAsAPlainSumWhereTilesHaveFourLines) {
  const ConvAxis axis{.in = 40, .out = 40, .kernel = 3, .padding = 1};
  const ConvGeometry g{
      .rank = 2, .x_channels = 24, .y_channels = 24, .axis = {ConvAxis{}, axis, axis}};
  std::mt19937 random(5);
  const FormValues values = random_floats(g, random);
  for (const Slot slot : kSlots) {
    EXPECT_LE(error_units(slot, g, values), 4 * error_units(slot, g, values, "direct"))
        << name(slot);
  }
}

TEST_F(Winograd, TransformsFiltersLargerThanTheCaches) {
  const ConvAxis axis{.in = 3, .out = 3, .kernel = 3, .padding = 1};
  const ConvGeometry g{.x_channels = 97, .y_channels = 113, .axis = {axis, axis, axis}};
  std::mt19937 random(3);
  const FormValues values = random_floats(g, random);
  for (const Slot slot : kSlots) {
    EXPECT_LE(error_units(slot, g, values), 6) << name(slot);
    EXPECT_GE(ops::last_conv()->workspace.shared, std::size_t{4} << 20);  // where they are streamed
  }
}

// All results are multiples of 96, so a term too many or too few is an error of 96 at least.
TEST_F(Winograd, MeetsEveryTermOnce) {
  std::mt19937 random(2);
  for (int i = 0; i < 100; ++i) {
    ConvGeometry g = test::random_winograd_geometry(random, 40);
    g.x_channels = 1 + g.x_channels % 7;
    g.y_channels = 1 + g.y_channels % 7;
    FormValues values = test::whole_values(g, random);
    for (double& value : values.w) value = 96 * std::copysign(value != 0, value);
    for (const Slot slot : {Slot::x, Slot::y}) {
      const Values actual = partial(slot, g, values);
      const Values expected = test::conv_oracle(slot, g, values).sum;
      ASSERT_EQ(actual.size(), expected.size());
      for (std::size_t k = 0; k < actual.size(); ++k)
        ASSERT_NEAR(actual[k], expected[k], 0.5) << name(slot) << " " << to_string(g);
    }
  }
}

TEST_F(Winograd, LeavesTheThreadsAtWorkWhereFiltersFillTheWorkspace) {
  const Restore restore;
  const ConvAxis axis{.in = 16, .out = 16, .kernel = 3, .padding = 1};
  const ConvGeometry g{
      .rank = 2, .x_channels = 256, .y_channels = 256, .axis = {ConvAxis{}, axis, axis}};
  const ops::ConvProblem problem{Slot::y, g, DType::float32};
  const ops::ConvWorkspace workspace = ops::choose_algorithm(problem).workspace(problem);
  set_num_threads(2);
  set_workspace_limit(workspace.shared);
  std::mt19937 random(4);
  partial(Slot::y, g, test::random_values(g, random));
  EXPECT_EQ(ops::last_conv()->tiles_in_flight, 2);
  EXPECT_LE(ops::last_conv()->workspace_bytes(), workspace.shared / 2 * 3);
}

TEST_F(Winograd, TakesNoOtherKernelStrideDilationPaddingGroupsOrType) {
  const auto choice = [](const ConvGeometry& g, DType dtype = DType::float32) {
    return ops::choose_algorithm({Slot::y, g, dtype}).name;
  };
  ConvGeometry g;
  g.x_channels = g.y_channels = 32;
  for (ConvAxis& axis : g.axis) axis = {.in = 8, .out = 8, .kernel = 3, .padding = 1};
  EXPECT_EQ(choice(g), "winograd");
  EXPECT_NE(choice(g, DType::float64), "winograd");
  ConvGeometry other = g;
  other.groups = 2;
  EXPECT_NE(choice(other), "winograd");
  const ConvAxis unfit[] = {{.in = 8, .out = 4, .kernel = 3, .stride = 2, .padding = 1},
                            {.in = 8, .out = 8, .kernel = 3, .padding = 2, .dilation = 2},
                            {.in = 8, .out = 8, .kernel = 3, .padding = Index{1} << 60},
                            {.in = 8, .out = 8, .kernel = 5, .padding = 2}};
  for (const ConvAxis& axis : unfit) {
    for (int i = 0; i < 3; ++i) {
      other = g;
      other.axis[i] = axis;
      EXPECT_NE(choice(other), "winograd") << to_string(other);
    }
  }
}

}  // namespace
}  // namespace voxgrad
