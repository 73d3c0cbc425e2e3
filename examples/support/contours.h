// Outlines of a mask as closed polygons (marching squares).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "examples/support/canvas.h"

namespace voxgrad::examples {

/// The closed curves at level 0.5 of a mask (height rows of width voxels, != 0 inside) that is 0
/// around it. Voxel (row, column) has its centre at x = column, y = row. With y downwards outer
/// curves run clockwise, those around holes counterclockwise; voxels that touch at a corner only
/// stay apart.
/// @throws ShapeError when the mask's size is not height * width.
std::vector<std::vector<Point>> mask_contours(std::span<const std::uint8_t> mask,
                                              std::int64_t height, std::int64_t width);

}  // namespace voxgrad::examples
