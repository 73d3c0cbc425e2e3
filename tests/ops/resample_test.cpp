#include <voxgrad/ops/resample.h>

#include <gtest/gtest.h>

#include "tests/ops/random_values.h"

namespace voxgrad::ops {
namespace {

using namespace voxgrad::testing;

/// 4 -> 5: a mean of two, one element twice, nothing, a difference, an element.
AxisMap example() {
  AxisMap map{.in = 4};
  map.add({{0, 0.5}, {1, 0.5}});
  map.add({{2, 1}, {2, 1}, {3, 0}});
  map.add({});
  map.add({{3, 1}, {0, -1}});
  map.add({{1, 1}});
  return map;
}

TEST(AxisMap, MergesTapsAndDropsThoseOfWeightZero) {
  const AxisMap map = example();
  EXPECT_EQ(map.out(), 5);
  EXPECT_EQ(map.starts, (std::vector<Index>{0, 2, 3, 3, 5, 6}));
  EXPECT_EQ(map.taps[2].weight, 2);
}

TEST(AxisMap, SelectsWhereEveryResultIsOneElement) {
  AxisMap map{.in = 3};
  map.add({{2, 1}});
  map.add({{2, 1}});
  EXPECT_TRUE(map.selects());
  EXPECT_FALSE(map.transposed().selects());
  EXPECT_FALSE(example().selects());
  map.add({{0, 0.5}});
  EXPECT_FALSE(map.selects());
}

TEST(MapAxis, SumsWeightedPlacesOfAnyAxisInAnyLayout) {
  const Shape shape{2, 3, 4, 4, 4};
  for (const Layout layout : kAllLayouts) {
    const Tensor x = random_values(shape, DType::float64, layout);
    const auto in = values(x);
    for (int axis = 2; axis < 5; ++axis) {
      const Tensor y = map_axis(example(), x, axis);
      EXPECT_TRUE(y.is_channels_last());
      const auto out = values(y);
      for (const auto& index : indices(y.shape())) {
        const auto at = [&](Index place) {
          auto from = index;
          from[static_cast<std::size_t>(axis)] = place;
          return in[flat(shape, from)];
        };
        const double expected[] = {(at(0) + at(1)) / 2, 2 * at(2), 0, at(3) - at(0), at(1)};
        EXPECT_NEAR(out[flat(y.shape(), index)], expected[index[static_cast<std::size_t>(axis)]],
                    1e-15);
      }
    }
  }
}

TEST(MapAxis, TransposeIsTheAdjoint) {
  const AxisMap map = example();
  for (int axis = 2; axis < 4; ++axis) {
    const Tensor x = random_values({3, 2, 4, 4});
    const Tensor mapped = map_axis(map, x, axis);
    const Tensor y = random_values(mapped.shape(), DType::float64, Layout::reversed, 5);
    EXPECT_NEAR(dot(mapped, y), dot(x, map_axis(map.transposed(), y, axis)), 1e-12);
  }
}

TEST(MapAxis, TakesRunsOfAnyLengthAndAnyNumberOfTaps) {
  for (Index taps = 1; taps <= 6; ++taps) {
    AxisMap map{.in = 6};
    for (Index t = 0; t < taps; ++t) map.taps.push_back({t, 0.25 * static_cast<double>(t + 1)});
    map.starts.push_back(taps);
    for (const Index channels : {1, 7, 8, 41, 20000}) {
      const Tensor x = random_values({2, channels, 6}, DType::float32);
      const auto in = values(x), out = values(map_axis(map, x, 2));
      for (std::size_t i = 0; i < out.size(); ++i) {
        double expected = 0;
        for (std::size_t t = 0; t < static_cast<std::size_t>(taps); ++t)
          expected += 0.25 * static_cast<double>(t + 1) * in[6 * i + t];
        EXPECT_NEAR(out[i], expected, 1e-5);
      }
    }
  }
}

TEST(MapAxis, SelectsElementsOfAnyDType) {
  AxisMap map{.in = 2};
  for (const Index place : {1, 0, 1}) map.add({{place, 1}});
  for (const DType dtype : kAllDTypes) {
    const Tensor x = random_labels({2, 3, 2}, 2, dtype);
    const Tensor y = map_axis(map, x, 2);
    EXPECT_EQ(y.dtype(), dtype);
    const auto in = values(x), out = values(y);
    for (std::size_t i = 0; i < 6; ++i) {
      EXPECT_EQ(out[3 * i], in[2 * i + 1]);
      EXPECT_EQ(out[3 * i + 1], in[2 * i]);
    }
  }
}

TEST(MapAxis, SameBitsOnAnyNumberOfThreads) {
  const Tensor x = random_values({2, 5, 40, 40, 40}, DType::float32);
  AxisMap map{.in = 40};
  for (Index o = 0; o < 61; ++o) map.add({{o % 40, 0.3}, {(o + 7) % 40, 0.7}});
  for (int axis = 2; axis < 5; ++axis)
    EXPECT_TRUE(same_on_any_threads([&] { return map_axis(map, x, axis); }));
}

}  // namespace
}  // namespace voxgrad::ops
