// Sizes and strides: plain vectors of 64-bit numbers with the arithmetic that every folder needs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace [[gnu::visibility("default")]] voxgrad {

using Index = std::int64_t;
using Shape = std::vector<Index>;
using Strides = std::vector<Index>;

/// Product of the sizes; 0 as soon as one size is 0, 1 for rank 0.
/// @throws ShapeError when a size is negative or the product exceeds 2^63 - 1.
Index element_count(std::span<const Index> shape);

/// `a * b`. @throws ShapeError when the product exceeds 2^63 - 1. Both must be >= 0.
Index checked_product(Index a, Index b);

/// Strides of the plain (row-major) layout. As in PyTorch an axis of size 0 counts as 1.
/// @throws ShapeError as element_count does.
Strides contiguous_strides(std::span<const Index> shape);

/// Strides of the channels-last layout of a shape (N, C, spatial...): C runs fastest.
/// Rank below 3 gives the plain layout. @throws ShapeError as element_count does.
Strides channels_last_strides(std::span<const Index> shape);

/// Axis in [0, rank). Negative axes count from the end.
/// @throws IndexError naming `op` when outside [-rank, rank); with rank 0 there is no axis.
int normalize_axis(std::string_view op, Index axis, Index rank);

/// The shape both broadcast to by NumPy's rule. @throws ShapeError naming `op`.
Shape broadcast_shape(std::string_view op, std::span<const Index> a, std::span<const Index> b);

/// "[2, 3, 5]": how error texts print a shape.
std::string to_string(std::span<const Index> shape);

}  // namespace voxgrad
