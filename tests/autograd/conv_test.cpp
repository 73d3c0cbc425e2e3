#include <voxgrad/autograd/functions/conv.h>

#include <gtest/gtest.h>

#include <voxgrad/autograd/engine.h>
#include <voxgrad/autograd/functions/elementwise.h>
#include <voxgrad/autograd/functions/reduce.h>
#include <voxgrad/autograd/gradcheck.h>
#include <voxgrad/autograd/saved_tensor.h>
#include <voxgrad/core/backend.h>
#include <voxgrad/core/error.h>

#include "tests/ops/layouts.h"
#include "tests/support/conv_oracle.h"
#include "tests/support/forced_algorithm.h"
#include "tests/support/geometries.h"
#include "tests/support/recomputed.h"

namespace voxgrad {
namespace {

Tensor random_tensor(const Shape& shape, std::mt19937& random, DType dtype = DType::float64) {
  std::normal_distribution<double> normal;
  test::Values values(static_cast<std::size_t>(element_count(shape)));
  for (double& value : values) value = normal(random);
  return test::to_tensor(values, shape, dtype);
}

Tensor leaf(const Shape& shape, std::mt19937& random) {
  return random_tensor(shape, random).requires_grad_();
}

void check_derivatives(const TensorFunction& f, const std::vector<Tensor>& inputs) {
  EXPECT_NO_THROW(gradcheck(f, inputs));
  EXPECT_NO_THROW(gradgradcheck(f, inputs));
}

struct ConvCase {
  Shape x, w;
  ConvSettings settings;
};

TEST(Conv, DerivativesOfAllRanksAreRight) {
  std::mt19937 random(1);
  const ConvCase cases[] = {
      {{2, 3, 7}, {5, 3, 3}, {.stride = 2, .padding = 1}},
      {{3, 7}, {5, 3, 3}, {.padding = "same"}},
      {{1, 4, 9}, {6, 2, 3}, {.padding = 3, .dilation = 2, .groups = 2}},
      {{2, 3, 5, 4}, {2, 3, 3, 2}, {.stride = {2, 1}, .padding = {1, 0}}},
      {{1, 3, 4, 5}, {3, 1, 3, 3}, {.padding = 1, .groups = 3}},
      {{2, 4, 3, 4, 5}, {4, 2, 2, 3, 2}, {.stride = {1, 2, 3}, .padding = {1, 1, 2}, .groups = 2}},
      {{1, 2, 4, 4, 4}, {3, 2, 1, 1, 1}, {}},
      {{1, 2, 5, 4, 4}, {3, 2, 2, 2, 2}, {.stride = 2, .dilation = {3, 1, 2}}},
      {{2, 3, 5}, {2, 3, 3}, {.stride = 2, .padding = 4, .padding_mode = PadMode::reflect}},
      {{4, 5, 4},
       {6, 2, 3, 2},
       {.padding = "same", .groups = 2, .padding_mode = PadMode::circular}},
      {{1, 2, 3, 4, 2},
       {2, 2, 2, 3, 2},
       {.padding = {1, 2, 3}, .dilation = {1, 2, 1}, .padding_mode = PadMode::replicate}},
  };
  for (const ConvCase& c : cases) {
    const auto f = [&](std::span<const Tensor> in) {
      return std::vector{conv(in[0], in[1], in[2], c.settings)};
    };
    check_derivatives(f, {leaf(c.x, random), leaf(c.w, random), leaf({c.w[0]}, random)});
  }
}

struct TransposeCase {
  Shape y, w;
  ConvTransposeSettings settings;
};

TEST(ConvTranspose, DerivativesOfAllRanksAreRight) {
  std::mt19937 random(2);
  const TransposeCase cases[] = {
      {{2, 5, 4}, {5, 3, 3}, {.stride = 2, .padding = 1, .output_padding = 1}},
      {{5, 4}, {5, 3, 3}, {.padding = 2}},
      {{1, 6, 4}, {6, 2, 3}, {.stride = 3, .output_padding = 2, .groups = 2, .dilation = 2}},
      {{2, 2, 3, 4}, {2, 3, 3, 2}, {.stride = {2, 1}, .padding = {1, 0}}},
      {{1, 3, 3, 4}, {3, 1, 3, 3}, {.stride = 2, .groups = 3, .output_size = Shape{8, 9}}},
      {{2, 4, 2, 3, 2}, {4, 3, 2, 2, 2}, {.stride = 2}},
      {{1, 4, 2, 3, 2},
       {4, 2, 3, 2, 1},
       {.stride = {1, 2, 3}, .output_padding = {0, 1, 2}, .groups = 2}},
      {{1, 2, 3, 4, 3}, {2, 2, 3, 3, 3}, {.stride = 2, .padding = 3}},
  };
  for (const TransposeCase& c : cases) {
    const auto f = [&](std::span<const Tensor> in) {
      return std::vector{conv_transpose(in[0], in[1], in[2], c.settings)};
    };
    const Index channels = c.w[1] * c.settings.groups;
    check_derivatives(f, {leaf(c.y, random), leaf(c.w, random), leaf({channels}, random)});
  }
}

TEST(ConvForm, DerivativesOfEverySlotAreRight) {
  std::mt19937 random(3);
  for (int i = 0; i < 12; ++i) {
    const ConvGeometry g = test::random_geometry(random);
    for (const Slot slot : {Slot::x, Slot::w, Slot::y}) {
      const Slot a = slot == Slot::x ? Slot::w : Slot::x, b = slot == Slot::y ? Slot::w : Slot::y;
      const auto f = [&](std::span<const Tensor> in) {
        return std::vector{conv_form(slot, g, in[0], in[1])};
      };
      check_derivatives(f, {leaf(slot_shape(g, a), random), leaf(slot_shape(g, b), random)});
    }
  }
}

TEST(Conv, TransposeIsAdjointOfForward) {
  std::mt19937 random(4);
  const Tensor x = random_tensor({2, 6, 7, 9}, random), w = random_tensor({4, 3, 3, 2}, random);
  const ConvSettings settings{.stride = {2, 3}, .padding = 1, .groups = 2};
  const Tensor forward = conv(x, w, {}, settings);
  const Tensor y = random_tensor(forward.shape(), random);
  const Tensor back = conv_transpose(
      y, w, {}, {.stride = {2, 3}, .padding = 1, .groups = 2, .output_size = x.shape()});
  EXPECT_NEAR(sum(y * forward).item(), sum(x * back).item(), 1e-10);
}

TEST(Conv, KeepsToTheLimitOfThePaddingMode) {
  const Tensor x = Tensor::empty({1, 1, 3}), w = Tensor::empty({1, 1, 2});
  const auto padded = [&](PadMode mode, Index padding) {
    return conv(x, w, {.padding = padding, .padding_mode = mode}).size(2);
  };
  EXPECT_EQ(padded(PadMode::reflect, 2), 6);
  EXPECT_THROW(padded(PadMode::reflect, 3), ShapeError);
  EXPECT_EQ(padded(PadMode::circular, 3), 8);
  EXPECT_THROW(padded(PadMode::circular, 4), ShapeError);
  EXPECT_EQ(padded(PadMode::replicate, 9), 20);
  EXPECT_THROW(padded(PadMode::replicate, Index{1} << 62), ShapeError);
  EXPECT_THROW(padded(PadMode::replicate, -1), ShapeError);
}

TEST(Conv, TakesUnbatchedInput) {
  std::mt19937 random(5);
  const Tensor x = random_tensor({1, 3, 5, 6}, random), w = random_tensor({2, 3, 2, 2}, random);
  const Tensor bias = random_tensor({2}, random);
  const Tensor one = conv(x.select(0, 0), w, bias);
  EXPECT_EQ(one.shape(), (Shape{2, 4, 5}));
  EXPECT_EQ(test::to_values(one), test::to_values(conv(x, w, bias)));
  const Tensor up = conv_transpose(one, w);
  EXPECT_EQ(up.shape(), (Shape{3, 5, 6}));
}

TEST(Conv, EmptyBatchHasEmptyResultAndZeroGradients) {
  std::mt19937 random(6);
  const Tensor x = leaf({0, 3, 5}, random), w = leaf({2, 3, 2}, random), bias = leaf({2}, random);
  const Tensor y = conv(x, w, bias);
  EXPECT_EQ(y.shape(), (Shape{0, 2, 4}));
  sum(y).backward();
  EXPECT_EQ(x.grad().shape(), x.shape());
  EXPECT_EQ(test::to_values(w.grad()), test::Values(12, 0));
  EXPECT_EQ(test::to_values(bias.grad()), test::Values(2, 0));
}

TEST(Conv, ResultAndGradientsFollowTheLayoutsPromised) {
  std::mt19937 random(7);
  const Tensor x = leaf({2, 3, 5, 4}, random), w = leaf({6, 3, 2, 2}, random);
  const Tensor y = conv(x, w);
  EXPECT_TRUE(y.is_channels_last());
  sum(y * y).backward();
  EXPECT_TRUE(w.grad().is_contiguous());
  EXPECT_EQ(x.grad().shape(), x.shape());
}

TEST(Conv, KeepsOnlyWhatAGradientNeeds) {
  std::mt19937 random(8);
  const Tensor x = random_tensor({1, 3, 5}, random), w = leaf({2, 3, 2}, random);
  const Tensor y = conv(x, w);
  Tensor(w.detach()).mul_(2);  // x wants no gradient, so w was not kept and may change
  EXPECT_NO_THROW(sum(y).backward());
  const Tensor z = conv(x, w);
  Tensor(x).mul_(2);
  // x lay plain: the kernels' channels-last copy was kept, which nobody can write.
  EXPECT_NO_THROW(sum(z).backward());
}

TEST(ConvTranspose, KeepsNoResultOfOneTapEach) {
  std::mt19937 random(13);
  const Tensor leaf_x = leaf({1, 8, 6, 6, 6}, random), w = leaf({8, 4, 2, 2, 2}, random);
  const Tensor x = leaf_x * 1.0;
  const Tensor bias = leaf({4}, random), next = leaf({2, 4, 1, 1, 1}, random);
  const auto gradients = [&](bool kept) {
    for (const Tensor& each : {leaf_x, w, bias, next}) Tensor(each).set_grad({});
    const std::size_t before = backend({}).memory_stats().current;
    Tensor up = conv_transpose(x, w, bias, {.stride = 2});
    const std::size_t bytes = static_cast<std::size_t>(up.numel()) * sizeof(double);
    const Tensor z = conv(kept ? up + 0.0 : up, next);
    up = {};
    const std::size_t held = backend({}).memory_stats().current - before;
    // z is half as large as the result; x is copied to be channels-last.
    if (kept) EXPECT_GT(held, bytes + bytes / 2);
    else EXPECT_LT(held, bytes);
    Tensor(bias.detach()).mul_(2);  // no gradient needs it
    sum(square(z)).backward({}, true);
    Tensor(bias.detach()).mul_(0.5);
    std::vector<std::vector<double>> result;
    for (const Tensor& each : {leaf_x, w, bias, next}) {
      result.push_back(each.grad().to_vector<double>());
    }
    return result;
  };
  EXPECT_EQ(gradients(false), gradients(true));
}

TEST(ConvTranspose, ComesBackBitForBitFromARecipe) {
  struct Case {
    Shape y, w;
    ConvTransposeSettings settings;
  };
  const Case cases[] = {{{1, 120, 6, 8, 10}, {120, 30, 2, 2, 2}, {.stride = 2}},
                        {{2, 8, 3, 35}, {8, 3, 2, 2}, {.stride = 3, .groups = 2}},
                        {{1, 8, 400}, {8, 6, 3}, {.stride = 3, .output_padding = 1}}};
  std::mt19937 random(15);
  for (const DType dtype : {DType::float32, DType::float64}) {
    for (const auto& [y_shape, w_shape, settings] : cases) {
      const Tensor leaf_y = random_tensor(y_shape, random, dtype).requires_grad_();
      const Tensor w = random_tensor(w_shape, random, dtype).requires_grad_();
      for (const std::string_view forced : {"", "tiled", "direct"}) {
        Tensor up;
        {
          const test::ForcedAlgorithm algorithm(forced);
          const Tensor relative = leaf_y * 1.5;
          up = conv_transpose(relative, w, settings);
        }
        const std::string ran(ops::last_conv()->algorithm);
        EXPECT_TRUE(testing::same_bits(test::recomputed(up), up))
            << forced << " " << y_shape.size();
        EXPECT_EQ(ops::last_conv()->algorithm, ran);
      }
    }
  }
}

TEST(ConvTranspose, AnUnbatchedInputHasNoRecipe) {
  std::mt19937 random(16);
  const Tensor y = leaf({8, 6, 6}, random) * 1.0, w = leaf({8, 4, 2, 2}, random);
  const std::size_t before = backend({}).memory_stats().current;
  const Tensor up = conv_transpose(y, w, {.stride = 2});
  EXPECT_FALSE(has_recipe(up));
  EXPECT_LT(backend({}).memory_stats().current - before,
            static_cast<std::size_t>(up.numel() + y.numel() + w.numel() / 2) * sizeof(double));
}

// A leaf may change where only gradients are wanted that do not need it.
TEST(ConvTranspose, KeepsItsResultWhereTheInputIsALeaf) {
  std::mt19937 random(14);
  const Tensor x = random_tensor({2, 3, 40}, random).channels_last().requires_grad_();
  const Tensor w = leaf({3, 4, 2}, random), next = leaf({2, 4, 1}, random);
  const Tensor up = conv_transpose(x, w, {.stride = 2});
  EXPECT_FALSE(has_recipe(up));
  EXPECT_TRUE(has_recipe(conv_transpose(x * 1.0, w, {.stride = 2})));
  const Tensor z = conv(up, next);
  Tensor(x.detach()).mul_(2);
  const std::array outputs{sum(z)}, inputs{next};
  EXPECT_NO_THROW(grad(outputs, inputs));
}

TEST(Conv, NoticesASavedTensorThatWasWritten) {
  std::mt19937 random(9);
  const Tensor x = random_tensor({1, 3, 5}, random).channels_last(), w = leaf({2, 3, 2}, random);
  const Tensor y = conv(x, w);
  Tensor(x).mul_(2);
  EXPECT_THROW(sum(y).backward(), AutogradError);
}

// Slot w is computed last, so what ran last tells whether it was computed at all.
TEST(Conv, ComputesTheGradientsThatAreWantedAndNoOthers) {
  std::mt19937 random(12);
  const Tensor fixed_x = random_tensor({1, 3, 5}, random), x = leaf({1, 3, 5}, random);
  const Tensor fixed_w = random_tensor({2, 3, 2}, random), w = leaf({2, 3, 2}, random);
  const Tensor bias = leaf({2}, random);
  const auto last_after = [](const Tensor& y) {
    sum(y).backward();
    return last_conv()->produced;
  };
  EXPECT_EQ(last_after(conv(fixed_x, fixed_w, bias)), Slot::y);
  EXPECT_EQ(last_after(conv(x, fixed_w, bias)), Slot::x);
  EXPECT_EQ(last_after(conv(fixed_x, w)), Slot::w);
  EXPECT_FALSE(fixed_x.grad().defined());
  EXPECT_EQ(last_after(conv_transpose(fixed_x, fixed_w.permute({1, 0, 2}), bias)), Slot::x);
}

TEST(ConvForm, RefusesAGeometryThatIsNone) {
  std::mt19937 random(14);
  const Tensor x = random_tensor({1, 4, 5}, random), w = random_tensor({2, 2, 3}, random);
  const ConvGeometry good = conv_geometry(x.shape(), w.shape(), {.groups = 2});
  EXPECT_NO_THROW(conv_form(Slot::y, good, x, w));
  const auto refused = [&](auto change) {
    ConvGeometry g = good;
    change(g);
    EXPECT_THROW(conv_form(Slot::y, g, x, w), ShapeError);
  };
  refused([](auto& g) { g.groups = 0; });
  refused([](auto& g) { g.groups = 3; });
  refused([](auto& g) { g.rank = 7; });
  refused([](auto& g) { g.rank = 0; });
  refused([](auto& g) { g.axis[2].stride = 0; });
  refused([](auto& g) { g.axis[1].stride = 2; });
  refused([](auto& g) { g.axis[2].padding = -1; });
  refused([](auto& g) { g.axis[2].dilation = Index{1} << 62; });
  refused([](auto& g) { g.axis[2].in = 6; });
}

TEST(ConvTranspose, FitsASkipConnection) {
  std::mt19937 random(13);
  const Tensor y = leaf({2, 3, 4, 4}, random), w = leaf({3, 5, 2, 2}, random);
  const Tensor skip = random_tensor({2, 7, 9, 8}, random);
  const Tensor up = conv_transpose(y, w, {.stride = 2, .like = &skip});
  EXPECT_EQ(up.shape(), (Shape{2, 5, 9, 8}));
  const Tensor same = conv_transpose(y, w, {.stride = 2, .output_padding = {1, 0}});
  EXPECT_EQ(up.to_vector<double>(), same.to_vector<double>());
  const Tensor large = random_tensor({2, 7, 10, 8}, random);
  EXPECT_THROW(conv_transpose(y, w, {.stride = 2, .like = &large}), ShapeError);
}

TEST(Conv, RefusesMixedDtypesAndWrongBias) {
  std::mt19937 random(10);
  const Tensor x = random_tensor({1, 3, 5}, random), w = random_tensor({2, 3, 2}, random);
  EXPECT_THROW(conv(x, w.to(DType::float32)), DTypeError);
  EXPECT_THROW(conv(x.to(DType::int64), w.to(DType::int64)), DTypeError);
  EXPECT_THROW(conv(x, w, random_tensor({2}, random, DType::float32)), DTypeError);
  EXPECT_THROW(conv(x, w, random_tensor({3}, random)), ShapeError);
  EXPECT_THROW(conv(x, w, random_tensor({2, 1}, random)), ShapeError);
  const Tensor y = random_tensor({1, 2, 4}, random);
  EXPECT_THROW(conv_transpose(y, w, random_tensor({2}, random)), ShapeError);
  EXPECT_THROW(conv_transpose(x, w), ShapeError);
}

TEST(Conv, ReportsAndForcesItsAlgorithm) {
  std::mt19937 random(11);
  const std::vector<std::string> names = conv_algorithms();
  ASSERT_FALSE(names.empty());
  force_conv_algorithm(names.back());
  conv(random_tensor({1, 3, 5}, random), random_tensor({2, 3, 2}, random));
  ASSERT_TRUE(last_conv());
  EXPECT_EQ(last_conv()->text.rfind("conv y " + names.back() + " float64 3->2 k2", 0), 0u)
      << last_conv()->text;
  EXPECT_EQ(last_conv()->algorithm, names.back());
  EXPECT_GT(last_conv()->workspace, 0u);
  force_conv_algorithm("");
  EXPECT_THROW(force_conv_algorithm("no such"), KeyError);
  EXPECT_EQ(conv_algorithms({DeviceType::cpu, 0}), names);
  EXPECT_THROW(conv_algorithms({DeviceType::cuda, 1000}), DeviceError);
}

}  // namespace
}  // namespace voxgrad
