// plot_grid.
#include <fmt/format.h>
#include <voxgrad/core/error.h>

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "examples/support/canvas.h"
#include "examples/support/plot.h"

namespace voxgrad::examples {
namespace {

constexpr double kCell = 64;  // longer side of an image, in points
constexpr double kGap = 5;
constexpr double kMargin = 14;
constexpr double kTitleHeight = 40;
constexpr double kMostPoints = 8000;
const TextStyle kLabel = {.size = 11};

std::size_t check(const ImageGrid& grid) {
  if (!(grid.height > 0 && grid.width > 0 && grid.height <= 8192 && grid.width <= 8192)) {
    throw ShapeError(
        fmt::format("plot_grid: images must have 1 to 8192 rows and columns; got {} x {}",
                    grid.height, grid.width));
  }
  if (!(grid.black != grid.white && std::isfinite(grid.black) && std::isfinite(grid.white))) {
    throw ShapeError(
        fmt::format("plot_grid: black and white must be two different values; got {} and {}",
                    grid.black, grid.white));
  }
  std::size_t columns = 0;
  for (const ImageRow& row : grid.rows) {
    columns = std::max(columns, row.images.size());
    for (const std::vector<float>& image : row.images) {
      if (!(static_cast<std::int64_t>(image.size()) == grid.height * grid.width)) {
        throw ShapeError(
            fmt::format("plot_grid: an image must have {} x {} values; got {} in row '{}'",
                        grid.height, grid.width, image.size(), row.label));
      }
    }
  }
  if (!(columns > 0)) {
    throw ShapeError(
        fmt::format("plot_grid: needs an image; got {} rows without any", grid.rows.size()));
  }
  return columns;
}

GrayImage to_gray(const ImageGrid& grid, const std::vector<float>& values) {
  GrayImage image = {static_cast<int>(grid.width), static_cast<int>(grid.height), {}};
  for (const float value : values) {
    const double part =
        (static_cast<double>(value) - grid.black) / (static_cast<double>(grid.white) - grid.black);
    const double gray = std::isnan(part) ? 0 : 255 * std::clamp(part, 0.0, 1.0);
    image.values.push_back(static_cast<std::uint8_t>(std::lround(gray)));
  }
  return image;
}

}  // namespace

void plot_grid(const std::string& path, const ImageGrid& grid) {
  const auto columns = static_cast<double>(check(grid));
  const auto rows = static_cast<double>(grid.rows.size());
  const double longer = static_cast<double>(std::max(grid.height, grid.width));
  // Large grids shrink to what a canvas can hold.
  const double cell = std::min(kCell, kMostPoints / std::max(columns, rows) - kGap);
  const double width = std::max(1.0, cell * static_cast<double>(grid.width) / longer);
  const double height = std::max(1.0, cell * static_cast<double>(grid.height) / longer);

  double label_width = 0;
  Canvas ruler(1, 1, kWhite);  // text cannot be measured before there is a canvas
  for (const ImageRow& row : grid.rows) {
    label_width = std::max(label_width, ruler.text_width(row.label, kLabel));
  }
  const double left = kMargin + (label_width > 0 ? label_width + 10 : 0);
  const double title_width = 2 * kMargin + ruler.text_width(grid.title, {.size = 13, .bold = true});
  Canvas canvas(std::max(left + columns * (width + kGap) - kGap + kMargin, title_width),
                kTitleHeight + rows * (height + kGap) - kGap + kMargin, kWhite);
  canvas.text({kMargin, 21}, grid.title, {.size = 13, .bold = true});
  double y = kTitleHeight;
  for (const ImageRow& row : grid.rows) {
    canvas.text({kMargin, y + height / 2}, row.label, kLabel);
    double x = left;
    for (const std::vector<float>& image : row.images) {
      canvas.image({x, y, width, height}, to_gray(grid, image), false);
      x += width + kGap;
    }
    y += height + kGap;
  }
  canvas.save(path);
}

}  // namespace voxgrad::examples
