#include <voxgrad/core/shape.h>

#include <algorithm>
#include <limits>

#include <voxgrad/core/check.h>

namespace voxgrad {

namespace {

/// Gives `axes`, outermost first, the strides of a dense layout.
void assign_strides(std::span<const Index> shape, std::span<const int> axes, Strides& strides) {
  constexpr Index kLargest = std::numeric_limits<Index>::max();
  Index stride = 1;
  for (auto axis = axes.rbegin(); axis != axes.rend(); ++axis) {
    const auto i = static_cast<std::size_t>(*axis);
    strides[i] = stride;
    const Index size = std::max<Index>(shape[i], 1);
    // Only a shape without elements can saturate: element_count has refused the others.
    stride = stride > kLargest / size ? kLargest : stride * size;
  }
}

std::vector<int> plain_order(std::size_t rank) {
  std::vector<int> axes(rank);
  for (std::size_t i = 0; i < rank; ++i) axes[i] = static_cast<int>(i);
  return axes;
}

Strides strides_in_order(std::span<const Index> shape, std::span<const int> axes) {
  element_count(shape);
  Strides strides(shape.size());
  assign_strides(shape, axes, strides);
  return strides;
}

}  // namespace

Index checked_product(Index a, Index b) {
  Index product = 0;
  VG_CHECK(!__builtin_mul_overflow(a, b, &product), ShapeError,
           "shape: a number of elements must be below 2^63; got {} * {}", a, b);
  return product;
}

Index element_count(std::span<const Index> shape) {
  bool empty = false;
  for (const Index size : shape) {
    VG_CHECK(size >= 0, ShapeError, "shape: sizes must be >= 0; got {}", shape);
    empty = empty || size == 0;
  }
  if (empty) return 0;
  Index count = 1;
  for (const Index size : shape) {
    VG_CHECK(!__builtin_mul_overflow(count, size, &count), ShapeError,
             "shape: the number of elements must be below 2^63; got {}", shape);
  }
  return count;
}

Strides contiguous_strides(std::span<const Index> shape) {
  return strides_in_order(shape, plain_order(shape.size()));
}

Strides channels_last_strides(std::span<const Index> shape) {
  std::vector<int> axes = plain_order(shape.size());
  // (N, C, spatial...) -> N, spatial..., C.
  if (axes.size() >= 3) std::rotate(axes.begin() + 1, axes.begin() + 2, axes.end());
  return strides_in_order(shape, axes);
}

int normalize_axis(std::string_view op, Index axis, Index rank) {
  VG_CHECK(rank > 0, IndexError, "{}: a tensor of rank 0 has no axes; got axis {}", op, axis);
  VG_CHECK(-rank <= axis && axis < rank, IndexError,
           "{}: axis must be in [{}, {}] for rank {}; got {}", op, -rank, rank - 1, rank, axis);
  return static_cast<int>(axis < 0 ? axis + rank : axis);
}

Shape broadcast_shape(std::string_view op, std::span<const Index> a, std::span<const Index> b) {
  const std::size_t rank = std::max(a.size(), b.size());
  Shape result(rank);
  for (std::size_t i = 1; i <= rank; ++i) {  // from the last axis; a missing axis counts as 1
    const Index in_a = i <= a.size() ? a[a.size() - i] : 1;
    const Index in_b = i <= b.size() ? b[b.size() - i] : 1;
    VG_CHECK(in_a == in_b || in_a == 1 || in_b == 1, ShapeError,
             "{}: shapes must agree or be 1 on every axis, counted from the last; got {} and {}",
             op, a, b);
    result[rank - i] = in_a == 1 ? in_b : in_a;
  }
  return result;
}

std::string to_string(std::span<const Index> shape) { return fmt::format("{}", shape); }

}  // namespace voxgrad
