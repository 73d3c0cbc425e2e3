// What a convolution computes: its definition, its adjoint, bias, and what it refuses.
#include <voxgrad/ops/conv.h>

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <span>
#include <string>
#include <vector>

#include <voxgrad/core/error.h>
#include <voxgrad/ops/cpu/conv/winograd.h>

#include "tests/ops/conv_with.h"
#include "tests/support/conv_oracle.h"
#include "tests/support/geometries.h"
#include "tests/support/paths.h"

namespace voxgrad {
namespace {

using test::ConvWith;
using test::FormValues;
using test::kSlots;
using test::Layout;
using test::partial;
using test::Values;

FormValues rounded(FormValues values, DType dtype) {
  if (dtype == DType::float64) return values;
  for (const Slot slot : kSlots) {
    for (double& value : values.at(slot)) value = static_cast<float>(value);
  }
  return values;
}

FormValues absolute(const FormValues& values) {
  return {test::absolute(values.x), test::absolute(values.w), test::absolute(values.y)};
}

double sum_of_absolute(const Values& values) {
  double result = 0;
  for (const double value : values) result += std::abs(value);
  return result;
}

double largest(const Values& values) {
  double result = 0;
  for (const double value : values) result = std::max(result, std::abs(value));
  return result;
}

// The largest sum of absolute values over one channel: axis `axis` of the slot.
double largest_channel(const FormValues& values, const ConvGeometry& g, Slot slot, int axis) {
  const Shape shape = slot_shape(g, slot);
  const std::size_t channels = static_cast<std::size_t>(shape[static_cast<std::size_t>(axis)]);
  std::size_t inner = 1;
  for (std::size_t i = static_cast<std::size_t>(axis) + 1; i < shape.size(); ++i)
    inner *= static_cast<std::size_t>(shape[i]);
  Values sums(channels);
  for (std::size_t i = 0; i < values.at(slot).size(); ++i)
    sums[i / inner % channels] += std::abs(values.at(slot)[i]);
  return largest(sums);
}

// The bound of winograd.h: errors of one element grow with all values of its tile.
double winograd_bound(Slot produced, const ConvGeometry& g, const FormValues& values) {
  const double growth = ops::cpu::winograd_error_growth({produced, g, DType::float32});
  const auto bound = [growth](Index terms, double magnitude) {
    return growth * static_cast<double>(terms + 30) * 0x1p-24 * magnitude;
  };
  if (produced == Slot::w) {
    return bound(g.batch * g.y_size(), largest(values.x) * largest_channel(values, g, Slot::y, 1));
  }
  const bool to_y = produced == Slot::y;
  return bound(
      to_y ? g.x_channels : g.y_channels,
      largest(to_y ? values.x : values.y) * largest_channel(values, g, Slot::w, to_y ? 0 : 1));
}

// That of the call that has just returned; 0 for other algorithms.
double bound_of_tiles(Slot produced, const ConvGeometry& g, const FormValues& values) {
  return ops::last_conv()->algorithm == "winograd" ? winograd_bound(produced, g, values) : 0;
}

// Every summation order of n products errs by at most about n units of rounding on the sum of their
// absolute values.
void expect_near_oracle(const Tensor& result, Slot produced, const ConvGeometry& geometry,
                        const FormValues& values) {
  const DType dtype = result.dtype();
  const double unit = dtype == DType::float32 ? 0x1p-24 : 0x1p-53;
  const Values actual = test::to_values(result);
  const test::OracleResult expected = test::conv_oracle(produced, geometry, values);
  ASSERT_EQ(actual.size(), expected.sum.size());
  const double tile_bound = bound_of_tiles(produced, geometry, values);
  const double own_unit = tile_bound > 0 ? 0 : 1.01 * unit;
  for (std::size_t i = 0; i < actual.size(); ++i) {
    // The oracle errs too, by double's unit.
    const double allowed =
        tile_bound + (expected.terms[i] + 2) * (own_unit + 0x1p-53) * expected.magnitude[i];
    ASSERT_LE(std::abs(actual[i] - expected.sum[i]), allowed)
        << name(produced) << " " << i << " of " << to_string(geometry);
  }
}

std::vector<std::string> algorithm_names() {
  std::vector<std::string> names;
  for (const auto& algorithm : ops::conv_kernels(Device{}).algorithms) {
    names.emplace_back(algorithm.name);
  }
  return names;
}

INSTANTIATE_TEST_SUITE_P(Algorithms, ConvWith, testing::ValuesIn(algorithm_names()),
                         [](const auto& info) { return info.param; });

int case_count() { return test::full_run() ? 10000 : 1000; }

TEST_P(ConvWith, AdjointIdentityHoldsOverRandomGeometries) {
  std::mt19937 random(1);
  for (int i = 0; i < case_count(); ++i) {
    const ConvGeometry g = test::random_geometry_for(GetParam(), random);
    const FormValues values = rounded(test::random_values(g, random), widest());
    const Layout layout = static_cast<Layout>(i % 3);
    double forms[3], allowed[3];
    for (int k = 0; k < 3; ++k) {
      const Slot slot = kSlots[k];
      const Tensor result = counted(partial(slot, g, values, widest(), layout));
      forms[k] = test::dot(values.at(slot), test::to_values(result));
      allowed[k] = bound_of_tiles(slot, g, values) * sum_of_absolute(values.at(slot));
    }
    const Tensor magnitude = partial(Slot::y, g, absolute(values), DType::float64);
    const double scale = test::norm(values.y) * test::norm(test::to_values(magnitude));
    for (const int k : {0, 1}) {
      ASSERT_LE(std::abs(forms[2] - forms[k]), 1e-12 * scale + allowed[2] + allowed[k])
          << to_string(g);
    }
  }
  expect_forced();
}

TEST_P(ConvWith, AgreesWithTheDefinitionOverRandomGeometries) {
  std::mt19937 random(2);
  std::uniform_int_distribution<Index> size(1, 9);
  for (int i = 0; i < case_count(); ++i) {
    ConvGeometry g = test::random_geometry_for(GetParam(), random);
    if (i % 5 == 0) {  // conv_form takes what neither conv nor conv_transpose makes
      for (ConvAxis& axis : std::span(g.axis).last(static_cast<std::size_t>(g.rank))) {
        axis.in = size(random);
        axis.out = size(random);
      }
    }
    const DType dtype = i % 2 == 0 ? DType::float64 : DType::float32;
    const FormValues values = rounded(test::random_values(g, random), dtype);
    for (const Slot slot : kSlots) {
      const Layout layout = static_cast<Layout>(i / 2 % 3);
      expect_near_oracle(counted(partial(slot, g, values, dtype, layout)), slot, g, values);
      if (HasFatalFailure()) return;
    }
  }
  expect_forced();
}

TEST_P(ConvWith, AgreesWithTheDefinitionOverManyTiles) {
  std::mt19937 random(3);
  for (const ConvGeometry& g : test::large_geometries()) {
    for (const DType dtype : {DType::float32, DType::float64}) {
      const FormValues values = rounded(test::random_values(g, random), dtype);
      for (const Slot slot : kSlots) {
        expect_near_oracle(partial(slot, g, values, dtype), slot, g, values);
        if (HasFatalFailure()) return;
      }
    }
  }
}

// The values, rounded where the algorithm that ran divides by what is no power of two.
Values whole(const Tensor& result) {
  Values values = test::to_values(result);
  if (ops::last_conv()->algorithm != "winograd") return values;
  for (double& value : values) {
    EXPECT_NEAR(value, std::round(value), 0.01);
    value = std::round(value);
  }
  return values;
}

TEST_P(ConvWith, IsExactOnWholeNumbers) {
  std::mt19937 random(4);
  for (int i = 0; i < case_count() / 4; ++i) {
    const ConvGeometry g = test::random_geometry_for(GetParam(), random);
    const FormValues values = test::whole_values(g, random);
    for (const Slot slot : kSlots) {
      const Values expected = test::conv_oracle(slot, g, values).sum;
      ASSERT_EQ(whole(counted(partial(slot, g, values, DType::float32))), expected) << to_string(g);
    }
  }
  expect_forced();
}

TEST_P(ConvWith, SumsBiasIntoSlotsXAndY) {
  std::mt19937 random(5);
  for (int i = 0; i < case_count() / 4; ++i) {
    const ConvGeometry g = test::random_geometry_for(GetParam(), random);
    const FormValues values = test::whole_values(g, random);
    for (const Slot slot : {Slot::x, Slot::y}) {
      const Shape shape = slot_shape(g, slot);
      Values bias(static_cast<std::size_t>(shape[1]));
      for (std::size_t c = 0; c < bias.size(); ++c) bias[c] = 100.0 + 7.0 * static_cast<double>(c);
      const Tensor tensor = test::to_awkward_tensor(bias, {shape[1]}, DType::float32);
      const Tensor result =
          counted(partial(slot, g, values, DType::float32, Layout::channels_last, &tensor));
      Values expected = test::conv_oracle(slot, g, values).sum;
      const std::size_t volume = expected.size() / bias.size() / static_cast<std::size_t>(g.batch);
      for (std::size_t k = 0; k < expected.size(); ++k) {
        expected[k] += bias[k / volume % bias.size()];
      }
      ASSERT_EQ(whole(result), expected) << to_string(g);
    }
  }
  expect_forced();
}

TEST(ConvPartial, GivesXAndYChannelsLastAndWPlain) {
  std::mt19937 random(6);
  const ConvGeometry g = test::large_geometries().front();
  const FormValues values = test::random_values(g, random);
  EXPECT_TRUE(partial(Slot::y, g, values, DType::float32).is_channels_last());
  EXPECT_TRUE(partial(Slot::x, g, values, DType::float32).is_channels_last());
  EXPECT_TRUE(partial(Slot::w, g, values, DType::float32).is_contiguous());
}

TEST(ConvPartial, EmptyBatchGivesEmptyResultsAndZeroWeights) {
  ConvGeometry g = test::large_geometries().front();
  g.batch = 0;
  const FormValues none{
      {}, Values(static_cast<std::size_t>(element_count(slot_shape(g, Slot::w))), 1), {}};
  EXPECT_EQ(partial(Slot::y, g, none, DType::float32).shape(), slot_shape(g, Slot::y));
  EXPECT_EQ(partial(Slot::x, g, none, DType::float32).shape(), slot_shape(g, Slot::x));
  for (const double value : test::to_values(partial(Slot::w, g, none, DType::float32))) {
    ASSERT_EQ(value, 0);
  }
}

TEST(ConvPartial, WithoutInputChannelsIsBiasAlone) {
  ConvGeometry g;
  g.rank = 1;
  g.x_channels = 0;
  g.y_channels = 2;
  g.axis[2] = {.in = 4, .out = 4};
  const Tensor bias = Tensor::from<float>(std::vector<float>{3, 5}, {2});
  const Tensor y = partial(Slot::y, g, {{}, {}, Values(8)}, DType::float32, Layout::plain, &bias);
  EXPECT_EQ(test::to_values(y), (Values{3, 3, 3, 3, 5, 5, 5, 5}));
}

TEST(ConvPartial, TakesDilationsAndPaddingsUpToTheLargestCoordinate) {
  ConvGeometry g{.rank = 1, .batch = 1, .groups = 1, .x_channels = 16, .y_channels = 8, .axis = {}};
  const Index dilation = (Index{1} << 60) - 3;  // the outer taps meet zeros only
  g.axis[2] = {.in = 5, .out = 5, .kernel = 3, .padding = dilation, .dilation = dilation};
  std::mt19937 random(7);
  const FormValues values = test::random_values(g, random);
  for (const Slot slot : kSlots) {
    ASSERT_EQ(ops::choose_algorithm({slot, g, DType::float64}).name, "direct");
    expect_near_oracle(partial(slot, g, values, DType::float64), slot, g, values);
  }
}

TEST_P(ConvWith, TakesStridesUpToTheLargestCoordinate) {
  std::mt19937 random(7);
  for (const Index in : {5, 1}) {
    ConvGeometry g{
        .rank = 1, .batch = 2, .groups = 1, .x_channels = 15, .y_channels = 9, .axis = {}};
    g.axis[2] = {.in = in, .out = 1, .kernel = 3, .stride = Index{1} << 60, .padding = 1};
    const FormValues values = test::random_values(g, random);
    for (const Slot slot : kSlots) {
      expect_near_oracle(partial(slot, g, values, DType::float64), slot, g, values);
    }
  }
}

TEST(ConvTransposeGeometry, RefusesTheLargestOutputSizeWithWidePadding) {
  const ConvTransposeSettings settings{.stride = 2,
                                       .padding = Index{1} << 60,
                                       .output_size = Shape{std::numeric_limits<Index>::max()}};
  EXPECT_THROW(conv_transpose_geometry(Shape{1, 1, 1}, Shape{1, 1, 1}, settings), ShapeError);
}

TEST(ConvPartial, RefusesOperandsThatDoNotFit) {
  const ConvGeometry g = test::large_geometries().front();
  const Tensor x = Tensor::empty(slot_shape(g, Slot::x));
  const Tensor w = Tensor::empty(slot_shape(g, Slot::w));
  const Tensor wrong = Tensor::empty({2, 3});
  const Tensor doubles = Tensor::empty(slot_shape(g, Slot::x), DType::float64);
  EXPECT_THROW(ops::conv_partial(Slot::y, g, {.x = &wrong, .w = &w}), ShapeError);
  EXPECT_THROW(ops::conv_partial(Slot::y, g, {.x = &doubles, .w = &w}), DTypeError);
  EXPECT_THROW(ops::conv_partial(Slot::y, g, {.x = &x, .w = &w}, {.bias = &wrong}), ShapeError);
}

}  // namespace
}  // namespace voxgrad
