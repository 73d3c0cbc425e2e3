#include <voxgrad/ops/layout.h>

#include <gtest/gtest.h>

#include "tests/ops/layouts.h"

namespace voxgrad::ops {
namespace {

using namespace voxgrad::testing;

constexpr PadMode kAllModes[] = {PadMode::constant, PadMode::reflect, PadMode::replicate,
                                 PadMode::circular};

TEST(CopyInto, MovesEveryDTypeBetweenAllLayouts) {
  for (const DType dtype : kAllDTypes) {
    for (const Layout from_layout : kAllLayouts) {
      for (const Layout to_layout : kAllLayouts) {
        const Tensor from = numbers({2, 3, 5, 7}, dtype, from_layout);
        Tensor to = uninitialised({2, 3, 5, 7}, dtype, to_layout);
        copy_into(to, from);
        EXPECT_EQ(values(to), values(from));
      }
    }
  }
}

TEST(CopyInto, TransposesSizesAroundTheTile) {
  for (const DType dtype : {DType::float32, DType::float64, DType::uint8}) {
    for (const Index channels : {3, 4, 5, 31, 63, 64, 65, 130}) {
      for (const Index size : {3, 4, 7, 64, 67, 129}) {
        const Tensor plain = numbers({2, channels, size}, dtype);
        const Tensor last = to_channels_last(plain);
        EXPECT_EQ(values(last), values(plain)) << channels << " x " << size;
        EXPECT_EQ(values(to_contiguous(last)), values(plain)) << channels << " x " << size;
      }
    }
  }
}

TEST(CopyInto, TransposesManyTilesOnAllThreads) {
  const Tensor plain = numbers({3, 33, 40, 70});
  EXPECT_TRUE(same_on_any_threads([&] { return to_channels_last(plain); }));
  EXPECT_EQ(values(to_channels_last(plain)), values(plain));
}

TEST(CopyInto, Broadcasts) {
  for (const Layout layout : kAllLayouts) {
    const Tensor from = numbers({3, 1, 7});
    Tensor to = uninitialised({2, 3, 5, 7}, DType::float32, layout);
    copy_into(to, from);
    std::size_t i = 0;
    const std::vector<double> found = values(to);
    for (const auto& index : indices(to.shape())) {
      EXPECT_EQ(found.at(i++), broadcast_value(from, index));
    }
  }
}

TEST(CopyInto, ConvertsBetweenAllDTypes) {
  for (const DType from : kAllDTypes) {
    for (const DType to : kAllDTypes) {
      const Tensor x = numbers({3, 5}, from, Layout::reversed);
      const std::vector<double> input = values(x);
      const std::vector<double> output = values(convert(x, to));
      for (std::size_t i = 0; i < input.size(); ++i) {
        double expected = input[i];
        if (to == DType::boolean) expected = input[i] != 0;
        if (to == DType::uint8 && input[i] < 0) expected = 256 + input[i];
        EXPECT_EQ(output[i], expected) << name(from) << " to " << name(to);
      }
    }
  }
  const Tensor fractions = Tensor::from<double>({-1.75, 0.25, 2.75}, {3});
  EXPECT_EQ(values(convert(fractions, DType::int64)), (std::vector<double>{-1, 0, 2}));
  EXPECT_EQ(values(convert(fractions, DType::boolean)), (std::vector<double>{1, 1, 1}));
}

TEST(CopyInto, TakesScalarsAndNothing) {
  Tensor scalar = Tensor::empty({}, DType::float64);
  copy_into(scalar, numbers({}, DType::float64));
  EXPECT_EQ(scalar.item(), number(0, DType::float64));
  Tensor nothing = Tensor::empty({2, 0, 3});
  copy_into(nothing, Tensor::empty({3}));
  EXPECT_EQ(nothing.numel(), 0);
}

TEST(ToChannelsLast, IsTheSameTensorWhenNothingChanges) {
  const Tensor x = numbers({2, 3, 5}, DType::float32, Layout::channels_last);
  EXPECT_TRUE(to_channels_last(x).is_same(x));
  EXPECT_FALSE(to_contiguous(x).is_same(x));
  EXPECT_TRUE(to_contiguous(x).is_contiguous());
  EXPECT_TRUE(convert(x, DType::float32).is_same(x));
  EXPECT_FALSE(copy(x).is_same(x));
  EXPECT_TRUE(copy(x).is_channels_last());
}

TEST(Fill, SetsExactlyTheElements) {
  for (const DType dtype : kAllDTypes) {
    Tensor block = numbers({3, 8}, dtype);
    const std::vector<double> before = values(block);
    Tensor part = block.alias({3, 2}, {8, 3}, 1);  // columns 1 and 4
    fill(part, 1);
    const std::vector<double> after = values(block);
    for (std::size_t i = 0; i < after.size(); ++i) {
      const bool inside = i % 8 == 1 || i % 8 == 4;
      EXPECT_EQ(after[i], inside ? 1 : before[i]);
    }
  }
}

/// Where element i of a padded axis comes from; -1 is the border.
Index source(PadMode mode, Index i, Index size) {
  if (0 <= i && i < size) return i;
  switch (mode) {
    case PadMode::constant: return -1;
    case PadMode::reflect: return i < 0 ? -i : 2 * (size - 1) - i;
    case PadMode::replicate: return i < 0 ? 0 : size - 1;
    case PadMode::circular: break;
  }
  return (i + size) % size;
}

void expect_padded(const Tensor& x, const std::vector<Index>& lo, const std::vector<Index>& hi,
                   PadMode mode) {
  const Tensor y = pad(x, lo, hi, mode, 9);
  const std::vector<double> found = values(y);
  std::size_t i = 0;
  for (auto index : indices(y.shape())) {
    bool border = false;
    for (std::size_t axis = 0; axis < index.size(); ++axis) {
      index[axis] = source(mode, index[axis] - lo[axis], x.shape()[axis]);
      border = border || index[axis] < 0;
    }
    ASSERT_EQ(found.at(i++), border ? 9 : broadcast_value(x, index));
  }
}

TEST(Pad, FollowsTheDefinitionInEveryModeAndLayout) {
  for (const PadMode mode : kAllModes) {
    for (const Layout layout : kAllLayouts) {
      const Tensor x = numbers({2, 3, 5, 4}, DType::float32, layout);
      expect_padded(x, {0, 0, 2, 3}, {0, 0, 4, 1}, mode);
      expect_padded(x, {1, 0, 0, 0}, {0, 2, 0, 3}, mode);
      expect_padded(x, {0, 0, 0, 0}, {0, 0, 0, 0}, mode);
    }
  }
  EXPECT_TRUE(pad(numbers({2, 3, 5}, DType::float32, Layout::channels_last),
                  std::vector<Index>{0, 0, 1}, std::vector<Index>{0, 0, 1}, PadMode::constant)
                  .is_channels_last());
}

TEST(Pad, NegativeNumbersCropInConstantMode) {
  const Tensor x = numbers({5, 7});
  expect_padded(x, {-2, 1}, {1, -3}, PadMode::constant);
  expect_padded(x, {-2, -1}, {-3, 0}, PadMode::constant);
  EXPECT_EQ(pad(x, std::vector<Index>{-2, 0}, std::vector<Index>{-3, 0}, PadMode::constant).numel(),
            0);
}

TEST(PadAdjoint, IsTheAdjointOfPad) {
  for (const PadMode mode : kAllModes) {
    for (const Layout layout : kAllLayouts) {
      const std::vector<Index> lo{0, 1, 2, 3};
      const std::vector<Index> hi{1, 0, 4, 2};
      const Tensor x = numbers({2, 3, 5, 4}, DType::float64, layout);
      const Tensor px = pad(x, lo, hi, mode);
      const Tensor y = numbers(px.shape(), DType::float64, layout, 17);
      const Tensor py = pad_adjoint(y, x.shape(), lo, hi, mode);
      ASSERT_EQ(py.shape(), x.shape());
      const auto dot = [](const Tensor& a, const Tensor& b) {
        double sum = 0;
        for (const auto& index : indices(a.shape())) {
          sum += broadcast_value(a, index) * broadcast_value(b, index);
        }
        return sum;
      };
      EXPECT_EQ(dot(px, y), dot(x, py)) << static_cast<int>(mode);  // small whole numbers: exact
    }
  }
}

TEST(Flip, ReversesTheAxes) {
  for (const Layout layout : kAllLayouts) {
    const Tensor x = numbers({2, 3, 5}, DType::int32, layout);
    const Tensor y = flip(x, std::vector<Index>{0, 2});
    const std::vector<double> found = values(y);
    std::size_t i = 0;
    for (const auto& index : indices(x.shape())) {
      EXPECT_EQ(found.at(i++), broadcast_value(x, {1 - index[0], index[1], 4 - index[2]}));
    }
  }
  EXPECT_EQ(flip(Tensor::empty({0, 3}), std::vector<Index>{0}).numel(), 0);
}

}  // namespace
}  // namespace voxgrad::ops
