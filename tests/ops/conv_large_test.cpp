// Operands of more than 2^31 elements, none of which is ever allocated.
#include <gtest/gtest.h>
#include <sys/mman.h>

#include <numeric>

#include <voxgrad/core/backend.h>
#include <voxgrad/core/error.h>
#include <voxgrad/ops/conv.h>

#include "tests/support/conv_oracle.h"
#include "tests/support/forced_algorithm.h"

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
    for (const auto& algorithm : ops::conv_kernels(Device{}).algorithms) {
      const test::ForcedAlgorithm forced(algorithm.name);
      expect_same_as_plain(g, x, plain);
    }
  }
}

TEST(ConvLarge, MoreElementsThanTheBorderAreReadWhereTheyLie) {
  // Two channels of 2^30 + 50 positions one behind the other; the windows touch nine of each.
  const Index length = kBorder / 2 + 50, stride = kBorder / 4;
  const Shape shape{1, 2, length};
  const ConvGeometry g = conv_geometry(shape, Shape{3, 2, 3}, {.stride = stride, .padding = 1});
  Tensor x = sparse(shape, {0, length, 1});
  if (!x.defined()) GTEST_SKIP() << "no 9 GB of address space";
  // The same windows side by side: what lies between them is never read.
  const ConvGeometry near = conv_geometry(Shape{1, 2, 9}, Shape{3, 2, 3}, {.stride = 3});
  Tensor windows = counted({1, 2, 9});
  for (Index c = 0; c < 2; ++c) {
    for (Index i = 0; i < 9; ++i) {
      const Index at = i / 3 * stride + i % 3 - 1;
      const float value = at < 0 ? 0.0F : windows.data<float>()[c * 9 + i];
      windows.mutable_data<float>()[c * 9 + i] = value;
      if (at >= 0) x.mutable_data<float>()[c * length + at] = value;
    }
  }
  const auto before = backend(Device{}).memory_stats().current;
  backend(Device{}).reset_peak_memory_stats();
  ASSERT_EQ(slot_shape(g, Slot::y), slot_shape(near, Slot::y));
  const Tensor w = counted(slot_shape(g, Slot::w)), y = counted(slot_shape(g, Slot::y));
  const Tensor far_y = ops::conv_partial(Slot::y, g, {.x = &x, .w = &w});
  EXPECT_EQ(ops::last_conv()->algorithm, "tiled");
  const Tensor far_w = ops::conv_partial(Slot::w, g, {.x = &x, .y = &y});
  EXPECT_LT(backend(Device{}).memory_stats().peak - before, std::size_t{1} << 26);
  EXPECT_EQ(test::to_values(far_y),
            test::to_values(ops::conv_partial(Slot::y, near, {.x = &windows, .w = &w})));
  EXPECT_EQ(test::to_values(far_w),
            test::to_values(ops::conv_partial(Slot::w, near, {.x = &windows, .y = &y})));
}

TEST(ConvLarge, ATransposeReadsMoreElementsThanTheBorderWhereTheyLie) {
  // Nearly all of y is cut off by the padding: two elements of x are left, each met by one of y.
  const Index length = kBorder / 2 + 50, middle = length / 2;
  Tensor y = sparse({1, 2, length}, {0, length, 1});
  if (!y.defined()) GTEST_SKIP() << "no 9 GB of address space";
  const ConvGeometry g =
      conv_transpose_geometry(y.shape(), Shape{2, 1, 1}, {.padding = middle - 1});
  ASSERT_EQ(slot_shape(g, Slot::x), (Shape{1, 1, 2}));
  for (Index c = 0; c < 2; ++c) {
    for (Index i = 0; i < 2; ++i)
      y.mutable_data<float>()[c * length + middle - 1 + i] = static_cast<float>(1 + i + 10 * c);
  }
  const Tensor w = counted({2, 1, 1});  // 1 and 2
  const Tensor x = ops::conv_partial(Slot::x, g, {.w = &w, .y = &y});
  EXPECT_EQ(ops::last_conv()->algorithm, "tiled");
  EXPECT_EQ(test::to_values(x), (test::Values{1 + 2 * 11, 2 + 2 * 12}));
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

TEST(ConvLarge, WeightsWhoseBytesOverflowAreRefused) {
  const Tensor one = Tensor::from<double>({1}, {1});
  const auto seen_as = [&](const Shape& shape) {
    return one.alias(shape, Strides(shape.size(), 0), 0);
  };
  for (const Shape& shape : {Shape{1, 2, Index{1} << 60}, Shape{1, Index{1} << 61, 1}}) {
    const ConvGeometry g = conv_geometry(shape, shape);
    const Tensor both = seen_as(shape), y = seen_as({1, 1, 1});
    EXPECT_THROW(ops::conv_partial(Slot::y, g, {.x = &both, .w = &both}), OutOfMemoryError);
    EXPECT_THROW(ops::conv_partial(Slot::x, g, {.w = &both, .y = &y}), OutOfMemoryError);
    EXPECT_THROW(ops::conv_partial(Slot::w, g, {.x = &both, .y = &y}), OutOfMemoryError);
  }
}

TEST(ConvLarge, WhatNoMemoryHoldsIsRefusedBeforeAnythingIsMade) {
  // Two channels at the same place are no channels-last layout: x would be copied.
  const Shape shape{1, 2, Index{1} << 22};
  const Tensor one = counted({1});
  const Tensor x = one.alias(shape, {0, 0, 0}, 0);
  const Tensor w = one.alias({Index{1} << 36, 2, 1}, {0, 0, 0}, 0);  // 2^60 bytes
  const ConvGeometry g = conv_geometry(x.shape(), w.shape());
  const auto before = backend(Device{}).memory_stats().current;
  backend(Device{}).reset_peak_memory_stats();
  EXPECT_THROW(ops::conv_partial(Slot::y, g, {.x = &x, .w = &w}), OutOfMemoryError);
  EXPECT_EQ(backend(Device{}).memory_stats().peak, before);
}

}  // namespace
}  // namespace voxgrad
