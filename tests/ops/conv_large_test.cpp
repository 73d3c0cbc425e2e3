// Operands of more than 2^31 elements, none of which is ever allocated.
#include <gtest/gtest.h>
#include <sys/mman.h>

#include <numeric>

#include <voxgrad/core/backend.h>
#include <voxgrad/core/error.h>
#include <voxgrad/ops/conv.h>

#include "tests/support/conv_oracle.h"

namespace voxgrad {
namespace {

constexpr Index kBorder = Index{1} << 31;

/// A float tensor over address space of which only the pages touched exist.
Tensor sparse(const Shape& shape, const Strides& strides) {
  Index last = 0;
  for (std::size_t i = 0; i < shape.size(); ++i) last += (shape[i] - 1) * strides[i];
  const std::size_t bytes = static_cast<std::size_t>(last + 1) * sizeof(float);
  void* memory = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) return {};
  return Tensor::borrow(memory, shape, strides, DType::float32, Device{},
                        [=] { ::munmap(memory, bytes); });
}

Tensor counted(const Shape& shape) {
  test::Values values(static_cast<std::size_t>(element_count(shape)));
  std::iota(values.begin(), values.end(), 1.0);
  return test::to_tensor(values, shape, DType::float32);
}

/// Every slot, of operands that lie so and of plain ones with the same values.
void expect_same_as_plain(const ConvGeometry& g, const Tensor& x, const Tensor& plain_x) {
  const Tensor w = counted(slot_shape(g, Slot::w)), y = counted(slot_shape(g, Slot::y));
  const Tensor far_y = ops::conv_partial(Slot::y, g, {.x = &x, .w = &w});
  const Tensor near_y = ops::conv_partial(Slot::y, g, {.x = &plain_x, .w = &w});
  EXPECT_EQ(test::to_values(far_y), test::to_values(near_y));
  const Tensor far_w = ops::conv_partial(Slot::w, g, {.x = &x, .y = &y});
  const Tensor near_w = ops::conv_partial(Slot::w, g, {.x = &plain_x, .y = &y});
  EXPECT_EQ(test::to_values(far_w), test::to_values(near_w));
}

TEST(ConvLarge, OperandsMayLieAcrossTheBorder) {
  const ConvGeometry g = conv_geometry(Shape{1, 2, 3, 4}, Shape{3, 2, 2, 3});
  const Strides layouts[] = {{1, kBorder + 3, 8, 2},        // channels far apart
                             {1, 1, kBorder / 2 + 5, 2},    // rows far apart
                             {1, 50, 7, kBorder / 3 + 1}};  // columns far apart
  for (const Strides& strides : layouts) {
    Tensor x = sparse(slot_shape(g, Slot::x), strides);
    if (!x.defined()) GTEST_SKIP() << "no 16 GB of address space";
    const Tensor plain = counted(x.shape());
    x.copy_(plain);
    expect_same_as_plain(g, x, plain);
  }
}

TEST(ConvLarge, MoreElementsThanTheBorderAreReadWhereTheyLie) {
  // One value for each channel, seen at 2^30 + 50 positions.
  const Shape shape{1, 2, kBorder / 2 + 50};
  const ConvGeometry g =
      conv_geometry(shape, Shape{3, 2, 3}, {.stride = kBorder / 4, .padding = 1});
  const Tensor two = counted({4});
  const Tensor x = two.alias(shape, {0, 2, 0}, 0);
  const std::size_t before = backend(Device{}).memory_stats().current;
  backend(Device{}).reset_peak_memory_stats();
  const Tensor w = counted(slot_shape(g, Slot::w));
  const Tensor y = ops::conv_partial(Slot::y, g, {.x = &x, .w = &w});
  EXPECT_LT(backend(Device{}).memory_stats().peak - before, std::size_t{1} << 26);
  EXPECT_EQ(ops::last_conv()->algorithm, "tiled");
  ASSERT_EQ(y.shape(), (Shape{1, 3, 3}));
  // Channels are 1 and 3; the first position lacks its first tap.
  const auto tap_sum = [&](Index o, Index from) {
    double sum = 0;
    for (Index k = from; k < 3; ++k) sum += 1 * (6.0 * o + k + 1) + 3 * (6.0 * o + 3 + k + 1);
    return sum;
  };
  test::Values expected;
  for (Index o = 0; o < 3; ++o) {
    expected.insert(expected.end(), {tap_sum(o, 1), tap_sum(o, 0), tap_sum(o, 0)});
  }
  EXPECT_EQ(test::to_values(y), expected);
  const Tensor dw = ops::conv_partial(Slot::w, g, {.x = &x, .y = &y});
  EXPECT_EQ(dw.shape(), w.shape());
}

TEST(ConvLarge, ShapesBeyondTheBorderAreComputedInFull) {
  const Shape x{1, 1, 5000, 5000, 5000};  // 1.25e11 elements
  EXPECT_EQ(slot_shape(conv_geometry(x, Shape{1, 1, 3, 3, 3}, {.stride = 2}), Slot::y),
            (Shape{1, 1, 2499, 2499, 2499}));
  EXPECT_EQ(slot_shape(conv_transpose_geometry(x, Shape{1, 1, 2, 2, 2}, {.stride = 2}), Slot::x),
            (Shape{1, 1, 10000, 10000, 10000}));
  EXPECT_THROW(conv_transpose_geometry(x, Shape{1, 1, 1, 1, 1}, {.stride = Index{1} << 40}),
               ShapeError);
}

TEST(ConvLarge, WhatNoMemoryHoldsIsRefusedBeforeAnythingIsMade) {
  const Tensor one = counted({1, 1, 1});
  const Tensor x = one.alias({1, 1, Index{1} << 58}, {0, 0, 0}, 0);
  const ConvGeometry g = conv_geometry(x.shape(), one.shape());
  const std::size_t before = backend(Device{}).memory_stats().current;
  EXPECT_THROW(ops::conv_partial(Slot::y, g, {.x = &x, .w = &one}), OutOfMemoryError);
  EXPECT_EQ(backend(Device{}).memory_stats().current, before);
}

}  // namespace
}  // namespace voxgrad
