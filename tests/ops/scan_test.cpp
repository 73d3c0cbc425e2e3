#include <voxgrad/ops/scan.h>

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "tests/ops/layouts.h"

namespace voxgrad::ops {
namespace {

using namespace voxgrad::testing;

/// Calls f(elements of a line along the axis, those of the result) for every line.
template <typename F>
void for_each_line(const Tensor& x, const Tensor& result, int axis, F f) {
  Shape lines = x.shape();
  const auto a = static_cast<std::size_t>(axis);
  const Index size = lines[a];
  lines[a] = 1;
  for (auto index : indices(lines)) {
    std::vector<double> from, to;
    for (index[a] = 0; index[a] < size; ++index[a]) {
      from.push_back(broadcast_value(x, index));
      to.push_back(broadcast_value(result, index));
    }
    f(from, to);
  }
}

TEST(Cumsum, FollowsItsDefinitionForAllDTypesAndLayouts) {
  for (const DType dtype : kAllDTypes) {
    for (const Layout layout : kAllLayouts) {
      const Tensor x = numbers({2, 3, 150, 4}, dtype, layout);
      for (int axis = 0; axis < 4; ++axis) {
        const Tensor sums = cumsum(x, axis);
        EXPECT_EQ(sums.dtype(), is_floating(dtype) ? dtype : DType::int64);
        for_each_line(x, sums, axis, [](std::vector<double> from, const std::vector<double>& to) {
          std::partial_sum(from.begin(), from.end(), from.begin());
          EXPECT_EQ(to, from);
        });
      }
    }
  }
}

TEST(Cumsum, Float32IsAddedInFloat64) {
  const Tensor x = Tensor::from(std::vector<float>(1 << 20, 0.1f), {1 << 20});
  const double exact = static_cast<double>(0.1f) * (1 << 20);
  EXPECT_NEAR(cumsum(x, 0).to_vector<float>().back(), exact, exact * 1e-6);
}

TEST(Argsort, IsStableForAllDTypesAndLayouts) {
  for (const DType dtype : kAllDTypes) {
    for (const Layout layout : kAllLayouts) {
      const Tensor x = numbers({2, 3, 40, 4}, dtype, layout);
      for (int axis = 0; axis < 4; ++axis) {
        for (const bool descending : {false, true}) {
          const auto check = [&](const std::vector<double>& from, const std::vector<double>& to) {
            std::vector<double> expected(from.size());
            std::iota(expected.begin(), expected.end(), 0.0);
            std::ranges::stable_sort(expected, [&](double i, double j) {
              const double a = from[static_cast<std::size_t>(i)];
              const double b = from[static_cast<std::size_t>(j)];
              return descending ? a > b : a < b;
            });
            EXPECT_EQ(to, expected);
          };
          for_each_line(x, argsort(x, axis, descending), axis, check);
        }
      }
    }
  }
}

TEST(Scan, SameBitsForAnyNumberOfThreads) {
  for (const Layout layout : {Layout::plain, Layout::channels_last}) {
    const Tensor x = noise({2, 5, 171, 233}, layout);
    for (int axis = 0; axis < 4; ++axis) {
      EXPECT_TRUE(same_on_any_threads([&] { return cumsum(x, axis); }));
    }
  }
}

TEST(Scan, EmptyGivesEmpty) {
  for (const int axis : {0, 1}) {
    EXPECT_EQ(cumsum(Tensor::empty({3, 0}), axis).shape(), (Shape{3, 0}));
    EXPECT_EQ(argsort(Tensor::empty({3, 0}), axis, false).shape(), (Shape{3, 0}));
  }
}

}  // namespace
}  // namespace voxgrad::ops
