#include <voxgrad/ops/conv.h>

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <span>

#include <voxgrad/core/allocator.h>
#include <voxgrad/core/error.h>
#include <voxgrad/core/parallel.h>
#include <voxgrad/ops/cpu/conv/winograd.h>
#include <voxgrad/ops/layout.h>

#include "tests/support/conv_oracle.h"
#include "tests/support/geometries.h"
#include "tests/support/paths.h"

namespace voxgrad {
namespace {

using test::FormValues;
using test::Values;

constexpr Slot kSlots[] = {Slot::x, Slot::w, Slot::y};

enum class Layout { plain, channels_last, awkward };

Tensor make(const FormValues& values, const ConvGeometry& geometry, Slot slot, DType dtype,
            Layout layout) {
  const Shape shape = slot_shape(geometry, slot);
  if (layout == Layout::awkward) return test::to_awkward_tensor(values.at(slot), shape, dtype);
  return test::to_tensor(values.at(slot), shape, dtype, layout == Layout::channels_last);
}

Tensor partial(Slot produced, const ConvGeometry& geometry, const FormValues& values, DType dtype,
               Layout layout = Layout::channels_last, const Tensor* bias = nullptr) {
  Tensor tensors[3];
  ops::ConvOperands operands;
  const Tensor** places[] = {&operands.x, &operands.w, &operands.y};
  for (int i = 0; i < 3; ++i) {
    if (kSlots[i] == produced) continue;
    tensors[i] = make(values, geometry, kSlots[i], dtype, layout);
    *places[i] = &tensors[i];
  }
  return ops::conv_partial(produced, geometry, operands, {.bias = bias});
}

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

// Every summation order of n products errs by at most about n units of rounding on the sum of their
// absolute values.
void expect_near_oracle(Slot produced, const ConvGeometry& geometry, const FormValues& values,
                        DType dtype, Layout layout) {
  const double unit = dtype == DType::float32 ? 0x1p-24 : 0x1p-53;
  const Values actual = test::to_values(partial(produced, geometry, values, dtype, layout));
  const test::OracleResult expected = test::conv_oracle(produced, geometry, values);
  ASSERT_EQ(actual.size(), expected.sum.size());
  const bool winograd = ops::last_conv()->algorithm == "winograd";
  const double tile_bound = winograd ? winograd_bound(produced, geometry, values) : 0;
  for (std::size_t i = 0; i < actual.size(); ++i) {
    // The oracle errs too, by double's unit.
    const double allowed =
        tile_bound + (expected.terms[i] + 2) * (1.01 * unit + 0x1p-53) * expected.magnitude[i];
    ASSERT_LE(std::abs(actual[i] - expected.sum[i]), allowed)
        << name(produced) << " " << i << " of " << to_string(geometry);
  }
}

// Forces one algorithm for the length of a test.
class ConvWith : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override { ops::set_forced_conv_algorithm(GetParam()); }
  void TearDown() override { ops::set_forced_conv_algorithm(""); }
};

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
    const ConvGeometry g = test::random_geometry(random);
    const FormValues values = test::random_values(g, random);
    const Layout layout = static_cast<Layout>(i % 3);
    double forms[3];
    for (int slot = 0; slot < 3; ++slot) {
      const Tensor result = partial(kSlots[slot], g, values, DType::float64, layout);
      forms[slot] = test::dot(values.at(kSlots[slot]), test::to_values(result));
    }
    const Tensor magnitude = partial(Slot::y, g, absolute(values), DType::float64);
    const double scale = test::norm(values.y) * test::norm(test::to_values(magnitude));
    ASSERT_LE(std::abs(forms[2] - forms[0]), 1e-12 * scale) << to_string(g);
    ASSERT_LE(std::abs(forms[2] - forms[1]), 1e-12 * scale) << to_string(g);
  }
}

TEST_P(ConvWith, AgreesWithTheDefinitionOverRandomGeometries) {
  std::mt19937 random(2);
  std::uniform_int_distribution<Index> size(1, 9);
  for (int i = 0; i < case_count(); ++i) {
    ConvGeometry g = test::random_geometry(random);
    if (i % 5 == 0) {  // conv_form takes what neither conv nor conv_transpose makes
      for (ConvAxis& axis : std::span(g.axis).last(static_cast<std::size_t>(g.rank))) {
        axis.in = size(random);
        axis.out = size(random);
      }
    }
    const DType dtype = i % 2 == 0 ? DType::float64 : DType::float32;
    const FormValues values = rounded(test::random_values(g, random), dtype);
    for (const Slot slot : kSlots) {
      expect_near_oracle(slot, g, values, dtype, static_cast<Layout>(i / 2 % 3));
      if (HasFatalFailure()) return;
    }
  }
}

TEST_P(ConvWith, AgreesWithTheDefinitionOverManyTiles) {
  std::mt19937 random(3);
  for (const ConvGeometry& g : test::large_geometries()) {
    for (const DType dtype : {DType::float32, DType::float64}) {
      const FormValues values = rounded(test::random_values(g, random), dtype);
      for (const Slot slot : kSlots) {
        expect_near_oracle(slot, g, values, dtype, Layout::channels_last);
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
    const ConvGeometry g = test::random_geometry(random);
    const FormValues values = test::whole_values(g, random);
    for (const Slot slot : kSlots) {
      const Values expected = test::conv_oracle(slot, g, values).sum;
      ASSERT_EQ(whole(partial(slot, g, values, DType::float32)), expected) << to_string(g);
    }
  }
}

TEST_P(ConvWith, SumsBiasIntoSlotsXAndY) {
  std::mt19937 random(5);
  for (int i = 0; i < case_count() / 4; ++i) {
    const ConvGeometry g = test::random_geometry(random);
    const FormValues values = test::whole_values(g, random);
    for (const Slot slot : {Slot::x, Slot::y}) {
      const Shape shape = slot_shape(g, slot);
      Values bias(static_cast<std::size_t>(shape[1]));
      for (std::size_t c = 0; c < bias.size(); ++c) bias[c] = 100.0 + 7.0 * static_cast<double>(c);
      const Tensor tensor = test::to_awkward_tensor(bias, {shape[1]}, DType::float32);
      const Tensor result =
          partial(slot, g, values, DType::float32, Layout::channels_last, &tensor);
      Values expected = test::conv_oracle(slot, g, values).sum;
      const std::size_t volume = expected.size() / bias.size() / static_cast<std::size_t>(g.batch);
      for (std::size_t k = 0; k < expected.size(); ++k) {
        expected[k] += bias[k / volume % bias.size()];
      }
      ASSERT_EQ(whole(result), expected) << to_string(g);
    }
  }
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

bool same_bits(const Tensor& a, const Tensor& b) {
  return a.shape() == b.shape() && a.strides() == b.strides() &&
         std::memcmp(a.raw(), b.raw(), static_cast<std::size_t>(a.numel()) * size_of(a.dtype())) ==
             0;
}

// Leaves the pool and the limit as they were.
struct Restore {
  int threads = num_threads();
  std::size_t limit = workspace_limit();
  ~Restore() {
    set_num_threads(threads);
    set_workspace_limit(limit);
  }
};

TEST_P(ConvWith, GivesTheSameBitsForAnyThreadsAndWorkspaceLimit) {
  const Restore restore;
  std::mt19937 random(7);
  for (const ConvGeometry& g : test::large_geometries()) {
    const FormValues values = test::random_values(g, random);
    for (const DType dtype : {DType::float32, DType::float64}) {
      for (const Slot slot : kSlots) {
        set_num_threads(1);
        set_workspace_limit(std::size_t{1} << 30);
        const Tensor expected = partial(slot, g, values, dtype);
        for (const int threads : {1, 2, 3}) {
          for (const std::size_t limit : {std::size_t{1}, std::size_t{1} << 30}) {
            set_num_threads(threads);
            set_workspace_limit(limit);
            ASSERT_TRUE(same_bits(partial(slot, g, values, dtype), expected))
                << name(slot) << " " << to_string(g) << " threads " << threads << " limit "
                << limit;
          }
        }
      }
    }
  }
}

TEST_P(ConvWith, LayoutOfTheOperandsDoesNotChangeBits) {
  std::mt19937 random(8);
  for (const ConvGeometry& g : test::large_geometries()) {
    const FormValues values = test::random_values(g, random);
    for (const Slot slot : kSlots) {
      const Tensor expected = partial(slot, g, values, DType::float32, Layout::channels_last);
      EXPECT_TRUE(same_bits(partial(slot, g, values, DType::float32, Layout::plain), expected));
      EXPECT_TRUE(same_bits(partial(slot, g, values, DType::float32, Layout::awkward), expected));
    }
  }
}

TEST_P(ConvWith, ReadsAPartOfTheChannelsWhereItLies) {
  std::mt19937 random(9);
  ConvGeometry g = test::large_geometries()[4];  // 1x1: the columns are x itself
  const FormValues values = test::random_values(g, random);
  const Tensor expected = partial(Slot::y, g, values, DType::float64);
  Shape wide = slot_shape(g, Slot::x);
  wide[1] += 3;
  Tensor whole = Tensor::empty_channels_last(wide, DType::float64);
  std::fill_n(whole.mutable_data<double>(), whole.numel(), std::nan(""));
  const Tensor part = whole.alias(slot_shape(g, Slot::x), whole.strides(), 2);
  const Tensor packed = test::to_tensor(values.x, part.shape(), DType::float64, true);
  double* to = whole.mutable_data<double>();
  for (Index i = 0; i < packed.numel(); ++i) {
    to[i / g.x_channels * wide[1] + 2 + i % g.x_channels] = packed.data<double>()[i];
  }
  const Tensor w = test::to_tensor(values.w, slot_shape(g, Slot::w), DType::float64);
  EXPECT_TRUE(same_bits(ops::conv_partial(Slot::y, g, {.x = &part, .w = &w}), expected));
}

// Lines shorter and longer than any block of rows.
TEST_P(ConvWith, ReadsAPartOfTheVolumeWhereItLies) {
  std::mt19937 random(12);
  for (const Index length : {3, 37}) {
    ConvGeometry g{
        .rank = 3, .batch = 2, .groups = 1, .x_channels = 48, .y_channels = 5, .axis = {}};
    for (ConvAxis& axis : g.axis) axis = {.in = 4, .out = 4};
    g.axis[2].in = g.axis[2].out = length;
    const FormValues values = test::random_values(g, random);
    const auto part_of_larger = [](const Tensor& part) {
      Shape shape = part.shape();
      for (std::size_t axis = 2; axis < shape.size(); ++axis) shape[axis] += 2;
      Tensor whole = Tensor::empty_channels_last(shape, part.dtype());
      std::fill_n(whole.mutable_data<float>(), whole.numel(), std::nanf(""));
      const Strides& strides = whole.strides();
      Tensor cut = whole.alias(part.shape(), strides, strides[2] + strides[3] + strides[4]);
      ops::copy_into(cut, part);
      return cut;
    };
    Tensor dense[3], cut[3];
    for (int i = 0; i < 3; ++i) {
      dense[i] = make(values, g, kSlots[i], DType::float32, Layout::channels_last);
      cut[i] = kSlots[i] == Slot::w ? dense[i] : part_of_larger(dense[i]);
    }
    const auto result = [&](Slot slot, const Tensor(&from)[3]) {
      ops::ConvOperands operands{&from[0], &from[1], &from[2]};
      (slot == Slot::x ? operands.x : slot == Slot::w ? operands.w : operands.y) = nullptr;
      return ops::conv_partial(slot, g, operands);
    };
    for (const Slot slot : kSlots) {
      EXPECT_TRUE(same_bits(result(slot, cut), result(slot, dense))) << name(slot) << length;
    }
  }
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
        partial(slot, g, values, DType::float64);
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

// Large results go past the caches, halves of them do not.
TEST(ConvPartial, LargeResultsAreTheBitsOfSmallOnes) {
  std::mt19937 random(12);
  for (const Index groups : {1, 48}) {
    ConvGeometry g{.rank = 3,
                   .batch = 2,
                   .groups = groups,
                   .x_channels = groups,
                   .y_channels = 48,
                   .axis = {}};
    for (ConvAxis& axis : g.axis) axis = {.in = 37, .out = 37, .kernel = 3, .padding = 1};
    const FormValues values = test::random_values(g, random);
    const Tensor both = partial(Slot::y, g, values, DType::float32, Layout::channels_last);
    ASSERT_GE(both.numel() * 4, Index{16} << 20);
    const Tensor x = test::to_tensor(values.x, slot_shape(g, Slot::x), DType::float32, true);
    const Tensor w = test::to_tensor(values.w, slot_shape(g, Slot::w), DType::float32);
    g.batch = 1;
    for (Index n = 0; n < 2; ++n) {
      const Tensor half = x.alias(slot_shape(g, Slot::x), x.strides(), n * x.stride(0));
      const Tensor expected = ops::conv_partial(Slot::y, g, {.x = &half, .w = &w});
      EXPECT_TRUE(
          same_bits(both.alias(expected.shape(), both.strides(), n * both.stride(0)), expected))
          << groups << " groups, " << n;
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

TEST(ConvPartial, TakesDilationsAndPaddingsUpToTheLargestCoordinate) {
  ConvGeometry g{.rank = 1, .batch = 1, .groups = 1, .x_channels = 16, .y_channels = 8, .axis = {}};
  const Index dilation = (Index{1} << 60) - 3;  // the outer taps meet zeros only
  g.axis[2] = {.in = 5, .out = 5, .kernel = 3, .padding = dilation, .dilation = dilation};
  std::mt19937 random(7);
  const FormValues values = test::random_values(g, random);
  for (const Slot slot : kSlots) {
    ASSERT_EQ(ops::choose_algorithm({slot, g, DType::float64}).name, "direct");
    expect_near_oracle(slot, g, values, DType::float64, Layout::channels_last);
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
      expect_near_oracle(slot, g, values, DType::float64, Layout::channels_last);
    }
  }
}

TEST(ConvTransposeGeometry, RefusesTheLargestOutputSizeWithWidePadding) {
  const ConvTransposeSettings settings{.stride = 2,
                                       .padding = Index{1} << 60,
                                       .output_size = Shape{std::numeric_limits<Index>::max()}};
  EXPECT_THROW(conv_transpose_geometry(Shape{1, 1, 1}, Shape{1, 1, 1}, settings), ShapeError);
}

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
  ops::set_forced_conv_algorithm("tiled");
  const ops::ConvProblem problem{Slot::y, test::large_geometries().front(), DType::float32};
  EXPECT_EQ(ops::choose_algorithm(problem).name, "tiled");
  ops::set_forced_conv_algorithm("");
  EXPECT_THROW(ops::set_forced_conv_algorithm("no such"), KeyError);
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
