// The pictures that the examples write: curves, slices through a volume, grids of images. All are
// PNG files that appear whole or not at all.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "examples/support/canvas.h"

namespace voxgrad::examples {

/// A curve through (x[i], y[i]), in order of x. Values that are not finite (on a log axis: not
/// positive) leave a gap.
struct Series {
  std::string name{};  // in the legend; no entry when empty
  std::vector<double> x{};
  std::vector<double> y{};
  Color color = kBlue;
  /// Draw the values faintly and their running mean over them: for what jumps from step to step.
  bool smooth = false;
};

/// A dashed horizontal line with its name beside it, for what a curve has to beat.
struct Baseline {
  std::string name{};
  double y = 0;
  Color color = kGray;
};

/// One pair of axes. The y axis spans all values and baselines, or what low and high say.
struct Panel {
  std::string y_label{};
  std::vector<Series> series{};
  std::vector<Baseline> baselines{};
  bool log_scale = false;
  std::optional<double> low{};
  std::optional<double> high{};
};

struct Curves {
  std::string title{};
  std::string x_label{};
  std::vector<Panel> panels{};  // side by side
};

/// @throws ShapeError when a series' x and y differ in length; FileError when the file cannot be
/// written.
void plot_curves(const std::string& path, const Curves& curves);

/// A volume of shape (D, H, W) in plain layout with the outlines that belong to it.
struct Slices {
  std::span<const float> image{};
  std::span<const std::uint8_t> truth{};      // voxels != 0 are inside; empty when it is not known
  std::span<const std::uint8_t> predicted{};  // as truth
  std::array<std::int64_t, 3> shape{};
  std::array<double, 3> spacing = {1, 1, 1};  // mm between voxels along D, H, W
  /// Towards which side of the body each of D, H, W runs: one letter each of L or R, A or P, S or
  /// I. The default is what a NIfTI volume in RAS orientation has once its axes are in the order
  /// (k, j, i).
  std::string axes = "SAR";
  std::string title{};
};

/// Slices::axes of a volume in the order (k, j, i) whose 4x4 affine, row by row, leads from (i, j,
/// k, 1) to millimetres rightwards, forwards and upwards, as NIfTI's does.
std::string anatomical_axes(const std::array<double, 16>& affine);

/// Axial, coronal and sagittal slice side by side where the truth (else the prediction) is largest,
/// in millimetres' true proportions; superior or anterior is up, the letters at the edges tell the
/// sides.
/// @throws ShapeError when sizes, spacing or axes do not fit; FileError when the file cannot be
/// written.
void plot_slices(const std::string& path, const Slices& slices);

/// One row of gray images, all of the grid's size, in plain layout.
struct ImageRow {
  std::string label{};
  std::vector<std::vector<float>> images{};
};

struct ImageGrid {
  std::string title{};
  std::int64_t height = 0;
  std::int64_t width = 0;
  std::vector<ImageRow> rows{};
  /// The values shown as black and as white.
  float black = 0;
  float white = 1;
};

/// Rows under each other with their labels on the left: originals and their reconstructions, say.
/// @throws ShapeError when an image is not of the grid's size or there is none; FileError when the
/// file cannot be written.
void plot_grid(const std::string& path, const ImageGrid& grid);

}  // namespace voxgrad::examples
