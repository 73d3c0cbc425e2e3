// The walk behind the elementwise kernels, against an odometer over the same axes.
#include <voxgrad/ops/cpu/strided.h>

#include <gtest/gtest.h>

namespace voxgrad::ops::cpu {
namespace {

using Loop = StridedLoop<2>;
using Places = std::vector<std::array<Index, 2>>;

Loop loop_of(const Shape& shape, const Strides& first, const Strides& second) {
  return Loop(shape, {std::span<const Index>(first), std::span<const Index>(second)});
}

/// Where every element lies, in the loop's order.
Places places_of(const Loop& loop) {
  Places places(1);
  for (const Loop::Axis& axis : loop.axes()) {
    Places longer;
    for (const auto& place : places) {
      for (Index i = 0; i < axis.size; ++i)
        longer.push_back({place[0] + i * axis.steps[0], place[1] + i * axis.steps[1]});
    }
    places = std::move(longer);
  }
  return places;
}

/// An operand that lies densely in the order given by the strides, and a cut out of a larger one.
std::vector<Loop> loops() {
  const Shape shape{2, 3, 5, 7};
  const Strides dense{105, 1, 21, 3}, cut{525, 1, 70, 5}, plain{105, 35, 7, 1}, row{0, 1, 0, 0};
  std::vector<Loop> result;
  for (const Strides& other : {dense, cut, plain, row})
    result.push_back(loop_of(shape, dense, other));
  result.push_back(loop_of({4}, {1}, {2}));
  result.push_back(loop_of({}, {}, {}));
  return result;
}

TEST(StridedLoop, WalksEveryRangeInOrder) {
  for (const Loop& loop : loops()) {
    const Places places = places_of(loop);
    for (Index begin = 0; begin <= loop.count(); ++begin) {
      for (Index end = begin; end <= loop.count(); ++end) {
        Places walked;
        loop.walk(begin, end, [&](const auto& at, const auto& step, Index n) {
          for (Index i = 0; i < n; ++i)
            walked.push_back({at[0] + i * step[0], at[1] + i * step[1]});
        });
        ASSERT_EQ(walked, Places(places.begin() + begin, places.begin() + end))
            << loop.axes().size() << " axes, from " << begin << " to " << end;
      }
    }
  }
}

TEST(StridedLoop, BlocksHoldAllWholeRowsUpToTheNextJump) {
  const Loop loop = loop_of({2, 3, 5}, {15, 5, 1}, {100, 10, 1});
  std::vector<Index> rows;
  loop.run_blocks([&](const Loop::Block& block) {
    EXPECT_EQ(block.n, 5);
    EXPECT_EQ(block.row_steps, (std::array<Index, 2>{5, 10}));
    rows.push_back(block.rows);
  });
  EXPECT_EQ(rows, (std::vector<Index>{3, 3}));
}

}  // namespace
}  // namespace voxgrad::ops::cpu
