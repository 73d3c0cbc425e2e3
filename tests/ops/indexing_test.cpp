#include <voxgrad/ops/indexing.h>

#include <gtest/gtest.h>

#include <array>

#include <voxgrad/ops/layout.h>

#include "tests/ops/layouts.h"

namespace voxgrad::ops {
namespace {

using namespace voxgrad::testing;

/// Indices in [-5, 4], in a layout.
Tensor indices_in(const Shape& shape, Layout layout) {
  return convert(numbers(shape, DType::int32, layout), DType::int64);
}

Index wrapped(double index, Index size) {
  return static_cast<Index>(index) % size + (index < 0 ? size : 0);
}

/// Two index tensors for the axes 0 and 2 of a tensor of rank 3; the result is (4, 3, 6), whose
/// axis 1 is axis 1 of the tensor.
struct Example {
  explicit Example(Layout layout)
      : first(bounded({4, 1, 6}, layout, 7)), second(bounded({4, 1, 6}, layout, 6)) {}

  static Tensor bounded(const Shape& shape, Layout layout, Index size) {
    Tensor index = indices_in(shape, layout);
    for (const auto& i : indices(shape)) {
      std::int64_t& value = index.mutable_data<std::int64_t>()[offset(i, index.strides())];
      value = value < -size ? -size : value >= size ? size - 1 : value;
    }
    return index;
  }

  /// Over the own axis with stride 0.
  std::vector<Tensor> spread() const {
    std::vector<Tensor> result;
    for (const Tensor& index : {first, second}) {
      result.push_back(index.alias({4, 3, 6}, {index.stride(0), 0, index.stride(2)}, 0));
    }
    return result;
  }

  std::vector<Index> source(const std::vector<Index>& i) const {
    const std::vector<Index> at{i[0], 0, i[2]};
    return {wrapped(broadcast_value(first, at), 7), i[1], wrapped(broadcast_value(second, at), 6)};
  }

  IndexMap map{{-1, 1, -1}, {0, 2}};
  Tensor first, second;
};

TEST(Indexing, GathersEveryDTypeInEveryLayout) {
  for (const DType dtype : kAllDTypes) {
    for (const Layout layout : kAllLayouts) {
      const Example e(layout);
      const Tensor x = numbers({7, 3, 6}, dtype, layout);
      const Tensor found = gather(x, e.map, e.spread());
      ASSERT_EQ(found.shape(), (Shape{4, 3, 6}));
      for (const auto& i : indices(found.shape())) {
        EXPECT_EQ(broadcast_value(found, i), broadcast_value(x, e.source(i)));
      }
    }
  }
}

TEST(Indexing, ScattersInLogicalOrder) {
  for (const DType dtype : kAllDTypes) {
    for (const Layout layout : kAllLayouts) {
      for (const bool accumulate : {false, true}) {
        const Example e(layout);
        const Tensor values_in = numbers({4, 3, 6}, dtype, layout, 50);
        Tensor x = numbers({7, 3, 6}, dtype, layout);
        Tensor expected = numbers({7, 3, 6}, DType::float64);
        copy_into(expected, x);
        for (const auto& i : indices(values_in.shape())) {
          double& to = expected.mutable_data<double>()[offset(e.source(i), expected.strides())];
          to = broadcast_value(values_in, i) + (accumulate ? to : 0);
        }
        scatter_into(x, e.map, e.spread(), values_in, accumulate);
        if (dtype == DType::boolean || dtype == DType::uint8) {  // or; wrap around
          EXPECT_EQ(values(x), values(convert(convert(expected, DType::int64), dtype)));
        } else {
          EXPECT_EQ(values(x), values(expected));
        }
      }
    }
  }
}

TEST(Indexing, SumsHaveTheSameBitsForAnyNumberOfThreads) {
  const Tensor source = noise({90, 700});
  const Tensor index = Example::bounded({90, 700}, Layout::plain, 5);
  for (const int axis : {0, 1}) {
    IndexMap map{{0, 1}, {axis}};
    map.own[static_cast<std::size_t>(axis)] = -1;
    EXPECT_TRUE(same_on_any_threads([&] {
      Tensor x = noise({90, 700});
      scatter_into(x, map, std::array{index}, source, true);
      return x;
    }));
  }
}

TEST(Indexing, NonzeroFindsEveryDTypeInEveryLayout) {
  for (const DType dtype : kAllDTypes) {
    for (const Layout layout : kAllLayouts) {
      const Tensor x = numbers({3, 1, 5, 4}, dtype, layout);
      std::vector<double> expected;
      for (const auto& i : indices(x.shape())) {
        if (broadcast_value(x, i) != 0) expected.insert(expected.end(), i.begin(), i.end());
      }
      EXPECT_EQ(values(nonzero(x)), expected);
    }
  }
}

}  // namespace
}  // namespace voxgrad::ops
