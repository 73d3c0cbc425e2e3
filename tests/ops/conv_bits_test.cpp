// What changes no bit of a convolution: threads, workspace, layouts and where operands lie.
#include <voxgrad/ops/conv.h>

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

#include <voxgrad/core/allocator.h>
#include <voxgrad/core/parallel.h>
#include <voxgrad/ops/layout.h>

#include "tests/ops/conv_with.h"
#include "tests/ops/layouts.h"
#include "tests/support/conv_oracle.h"
#include "tests/support/geometries.h"

namespace voxgrad {
namespace {

using test::ConvWith;
using test::FormValues;
using test::kSlots;
using test::Layout;
using test::make;
using test::partial;
using test::Restore;
using testing::same_bits;

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

}  // namespace
}  // namespace voxgrad
