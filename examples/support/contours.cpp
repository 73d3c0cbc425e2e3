#include "examples/support/contours.h"

#include <fmt/format.h>
#include <voxgrad/core/error.h>

#include <array>
#include <cstddef>
#include <unordered_map>
#include <utility>

namespace voxgrad::examples {
namespace {

// A cell has four voxel centres as corners: bits 0 to 3 are top left, top right, bottom right,
// bottom left. A segment goes from edge to edge with the inside on its right.
enum Edge : std::int8_t { top, right, bottom, left };
struct Segment {
  Edge from;
  Edge to;
};
struct Cell {
  int count;
  std::array<Segment, 2> segments;
};
constexpr std::array<Cell, 16> kCells = {{
    {0, {}},
    {1, {{{top, left}}}},
    {1, {{{right, top}}}},
    {1, {{{right, left}}}},
    {1, {{{bottom, right}}}},
    {2, {{{top, left}, {bottom, right}}}},
    {1, {{{bottom, top}}}},
    {1, {{{bottom, left}}}},
    {1, {{{left, bottom}}}},
    {1, {{{top, bottom}}}},
    {2, {{{right, top}, {left, bottom}}}},
    {1, {{{right, bottom}}}},
    {1, {{{left, right}}}},
    {1, {{{top, right}}}},
    {1, {{{left, top}}}},
    {0, {}},
}};

// Edge midpoints have half-integer coordinates in one axis; doubled and shifted by one voxel they
// are whole and positive.
std::int64_t edge_key(std::int64_t row, std::int64_t column, Edge edge, std::int64_t width) {
  constexpr std::array<std::array<std::int64_t, 2>, 4> kOffset = {{{0, 1}, {1, 2}, {2, 1}, {1, 0}}};
  const auto& offset = kOffset[static_cast<std::size_t>(edge)];
  return (2 * (row + 1) + offset[0]) * (2 * width + 4) + 2 * (column + 1) + offset[1];
}

Point edge_point(std::int64_t key, std::int64_t width) {
  const std::int64_t pitch = 2 * width + 4;
  const std::int64_t row = key / pitch, column = key % pitch;
  return {static_cast<double>(column) / 2 - 1, static_cast<double>(row) / 2 - 1};
}

}  // namespace

std::vector<std::vector<Point>> mask_contours(std::span<const std::uint8_t> mask,
                                              std::int64_t height, std::int64_t width) {
  if (!(height >= 0 && width >= 0 && static_cast<std::int64_t>(mask.size()) == height * width)) {
    throw ShapeError(fmt::format("mask_contours: mask must have height * width = {} voxels; got {}",
                                 height * width, mask.size()));
  }
  const auto inside = [&](std::int64_t row, std::int64_t column) {
    return row >= 0 && row < height && column >= 0 && column < width &&
           mask[static_cast<std::size_t>(row * width + column)] != 0;
  };
  // Each crossed edge is where one segment ends and one begins, so following them closes every
  // curve.
  std::unordered_map<std::int64_t, std::int64_t> next;
  std::vector<std::int64_t> starts;  // in reading order: the result does not depend on the hash
  for (std::int64_t row = -1; row < height; ++row) {
    for (std::int64_t column = -1; column < width; ++column) {
      const int corners = inside(row, column) | inside(row, column + 1) << 1 |
                          inside(row + 1, column + 1) << 2 | inside(row + 1, column) << 3;
      const Cell& cell = kCells[static_cast<std::size_t>(corners)];
      for (int i = 0; i < cell.count; ++i) {
        const Segment& segment = cell.segments[static_cast<std::size_t>(i)];
        const std::int64_t from = edge_key(row, column, segment.from, width);
        next[from] = edge_key(row, column, segment.to, width);
        starts.push_back(from);
      }
    }
  }
  std::vector<std::vector<Point>> curves;
  for (const std::int64_t start : starts) {
    std::vector<Point> curve;
    for (auto at = next.find(start); at != next.end();) {
      curve.push_back(edge_point(at->first, width));
      const std::int64_t following = at->second;
      next.erase(at);
      at = next.find(following);
    }
    if (!curve.empty()) curves.push_back(std::move(curve));
  }
  return curves;
}

}  // namespace voxgrad::examples
