#include <voxgrad/ops/reduce.h>

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "tests/ops/layouts.h"

namespace voxgrad::ops {
namespace {

using namespace voxgrad::testing;

AxisMask mask_from_bits(std::size_t rank, unsigned bits) {
  AxisMask mask(rank);
  for (std::size_t i = 0; i < rank; ++i) mask[i] = (bits >> i & 1) != 0;
  return mask;
}

/// Folds the elements of x by index of the result, in logical order.
template <typename F>
std::vector<double> folded(const Tensor& x, const AxisMask& axes, F f) {
  Shape kept = x.shape();
  for (std::size_t i = 0; i < kept.size(); ++i) kept[i] = axes[i] ? 1 : kept[i];
  Strides strides = contiguous_strides(kept);
  for (std::size_t i = 0; i < kept.size(); ++i) strides[i] = axes[i] ? 0 : strides[i];
  std::vector<double> result(static_cast<std::size_t>(element_count(kept)));
  std::vector<bool> fresh(result.size(), true);
  const std::vector<double> all = values(x);
  std::size_t next = 0;
  for (const auto& index : indices(x.shape())) {
    const auto at = static_cast<std::size_t>(offset(index, strides));
    const double value = all[next++];
    result[at] = fresh[at] ? value : f(result[at], value);
    fresh[at] = false;
  }
  return result;
}

TEST(Reduce, FollowsTheDefinitionForAllAxesDTypesAndLayouts) {
  for (const DType dtype : kAllDTypes) {
    for (const Layout layout : kAllLayouts) {
      const Tensor x = numbers({2, 3, 5, 4}, dtype, layout);
      for (unsigned bits = 0; bits < 16; ++bits) {
        const AxisMask axes = mask_from_bits(4, bits);
        EXPECT_EQ(values(reduce(ReduceOp::sum, x, axes, false)),
                  folded(x, axes, [](double a, double b) { return a + b; }));
        EXPECT_EQ(values(reduce(ReduceOp::maximum, x, axes, false)),
                  folded(x, axes, [](double a, double b) { return std::max(a, b); }));
        EXPECT_EQ(values(reduce(ReduceOp::minimum, x, axes, false)),
                  folded(x, axes, [](double a, double b) { return std::min(a, b); }));
      }
    }
  }
}

TEST(Reduce, ProductsFollowTheDefinitionForAllAxesDTypesAndLayouts) {
  for (const DType dtype : kAllDTypes) {
    for (const Layout layout : kAllLayouts) {
      const Tensor x = numbers({2, 3, 2}, dtype, layout);  // so few that the oracle is exact
      for (unsigned bits = 0; bits < 8; ++bits) {
        const AxisMask axes = mask_from_bits(3, bits);
        const Tensor product = reduce(ReduceOp::product, x, axes, false);
        EXPECT_EQ(product.dtype(), is_floating(dtype) ? dtype : DType::int64);
        EXPECT_EQ(values(product), folded(x, axes, [](double a, double b) { return a * b; }));
      }
    }
  }
  const Tensor twos = Tensor::from(std::vector<double>(1000, 2), {1000});
  EXPECT_EQ(reduce(ReduceOp::product, twos, {true}, false).item(), std::ldexp(1, 1000));
}

TEST(Reduce, LargeSumsOfWholeNumbersAreExact) {
  for (const Layout layout : {Layout::plain, Layout::channels_last}) {
    for (const Shape& shape : {Shape{2, 3, 300, 131}, Shape{1, 33, 90, 77}, Shape{3, 700, 130}}) {
      const Tensor x = numbers(shape, DType::float32, layout);
      for (const unsigned bits : {1u, 2u, 4u, 5u, 7u, 12u, 13u, 15u}) {
        const AxisMask axes = mask_from_bits(shape.size(), bits);
        EXPECT_EQ(values(reduce(ReduceOp::sum, x, axes, false)),
                  folded(x, axes, [](double a, double b) { return a + b; }))
            << to_string(shape) << " axes " << bits;
      }
    }
  }
}

TEST(Reduce, KeepdimLeavesAxesOfSizeOne) {
  const Tensor x = numbers({2, 3, 5});
  EXPECT_EQ(reduce(ReduceOp::sum, x, {false, true, true}, true).shape(), (Shape{2, 1, 1}));
  EXPECT_EQ(reduce(ReduceOp::sum, x, {false, true, true}, false).shape(), Shape{2});
  EXPECT_EQ(reduce(ReduceOp::sum, x, {true, true, true}, false).shape(), Shape{});
}

TEST(Reduce, SumsOfIntegersAndBooleansAreInt64) {
  for (const DType dtype : {DType::int64, DType::int32, DType::uint8, DType::boolean}) {
    EXPECT_EQ(reduce(ReduceOp::sum, numbers({3}, dtype), {true}, false).dtype(), DType::int64);
    EXPECT_EQ(reduce(ReduceOp::maximum, numbers({3}, dtype), {true}, false).dtype(), dtype);
  }
  const std::vector<std::uint8_t> many(1000, 255);
  EXPECT_EQ(reduce(ReduceOp::sum, Tensor::from(many, {1000}), {true}, false).item(), 255000);
}

TEST(Reduce, EmptySumsAreZero) {
  EXPECT_EQ(values(reduce(ReduceOp::sum, Tensor::empty({3, 0}), {false, true}, false)),
            (std::vector<double>{0, 0, 0}));
  EXPECT_EQ(values(reduce(ReduceOp::sum, Tensor::empty({0, 2}), {true, false}, false)),
            (std::vector<double>{0, 0}));
  EXPECT_EQ(reduce(ReduceOp::sum, Tensor::empty({3, 0}), {true, false}, false).shape(), Shape{0});
}

TEST(Reduce, Float32SumsStayAccurate) {
  // A million times 0.1f: a plain float loop is wrong in the third digit.
  const std::vector<float> tenths(1 << 20, 0.1f);
  const double exact = static_cast<double>(0.1f) * (1 << 20);
  const Tensor x = Tensor::from(tenths, {1 << 20});
  EXPECT_NEAR(reduce(ReduceOp::sum, x, {true}, false).item(), exact, exact * 1e-6);
  const Tensor rows = x.alias({1 << 15, 32}, {32, 1}, 0);
  for (const double sum : values(reduce(ReduceOp::sum, rows, {true, false}, false))) {
    EXPECT_NEAR(sum, exact / 32, exact / 32 * 1e-6);
  }
}

TEST(Reduce, ExtremaPropagateNan) {
  std::vector<float> data(100, 1);
  data[57] = std::numeric_limits<float>::quiet_NaN();
  const Tensor x = Tensor::from(data, {100});
  EXPECT_TRUE(std::isnan(reduce(ReduceOp::maximum, x, {true}, false).item()));
  EXPECT_TRUE(std::isnan(reduce(ReduceOp::minimum, x, {true}, false).item()));
}

TEST(Reduce, SameBitsForAnyNumberOfThreads) {
  for (const Layout layout : {Layout::plain, Layout::channels_last}) {
    const Tensor x = noise({2, 5, 171, 233}, layout);
    for (unsigned bits = 1; bits < 16; ++bits) {
      EXPECT_TRUE(same_on_any_threads(
          [&] { return reduce(ReduceOp::sum, x, mask_from_bits(4, bits), false); }));
    }
  }
}

TEST(SumTo, UndoesBroadcasting) {
  const Tensor x = numbers({2, 3, 5, 4}, DType::float64, Layout::channels_last);
  for (const Shape& shape : {Shape{3, 1, 4}, Shape{1, 3, 1, 1}, Shape{}, Shape{4}, Shape{5, 1}}) {
    const Tensor sums = sum_to(x, shape);
    ASSERT_EQ(sums.shape(), shape);
    double total = 0;
    for (const double value : values(sums)) total += value;
    double expected = 0;
    for (const double value : values(x)) expected += value;
    EXPECT_EQ(total, expected);
  }
  AxisMask axes{true, false, true, true};
  EXPECT_EQ(values(sum_to(x, {3, 1, 1})), values(reduce(ReduceOp::sum, x, axes, false)));
  EXPECT_TRUE(sum_to(x, x.shape()).is_same(x));
}

TEST(Argmax, IsTheFirstOfTheLargest) {
  for (const DType dtype : kAllDTypes) {
    for (const Layout layout : kAllLayouts) {
      const Tensor x = numbers({2, 3, 5, 140}, dtype, layout);
      for (int axis = 0; axis < 4; ++axis) {
        const Tensor found = argmax(x, axis, true);
        EXPECT_EQ(found.dtype(), DType::int64);
        std::size_t i = 0;
        const std::vector<double> positions = values(found);
        for (auto index : indices(found.shape())) {
          const auto a = static_cast<std::size_t>(axis);
          Index best = 0;
          for (Index j = 1; j < x.size(axis); ++j) {
            auto candidate = index, champion = index;
            candidate[a] = j;
            champion[a] = best;
            if (broadcast_value(x, candidate) > broadcast_value(x, champion)) best = j;
          }
          ASSERT_EQ(positions.at(i++), best);
        }
      }
    }
  }
}

TEST(Argmin, IsTheFirstOfTheSmallest) {
  for (const Layout layout : kAllLayouts) {
    const Tensor x = numbers({2, 3, 5, 140}, DType::int32, layout);
    Tensor negated = numbers({2, 3, 5, 140}, DType::int32, layout);
    for (const auto& index : indices(x.shape())) {
      negated.mutable_data<std::int32_t>()[offset(index, negated.strides())] *= -1;
    }
    for (int axis = 0; axis < 4; ++axis) {
      EXPECT_EQ(values(argmin(x, axis, true)), values(argmax(negated, axis, true)));
    }
  }
  const float nan = std::numeric_limits<float>::quiet_NaN();
  EXPECT_EQ(argmin(Tensor::from<float>({1, nan, -7, nan}, {4}), 0, false).item(), 1);
}

TEST(Argmax, ChoosesTheFirstNan) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  EXPECT_EQ(argmax(Tensor::from<float>({1, nan, 7, nan}, {4}), 0, false).item(), 1);
  EXPECT_EQ(argmax(Tensor::from<float>({nan, 2, nan}, {3}), 0, false).item(), 0);
}

}  // namespace
}  // namespace voxgrad::ops
