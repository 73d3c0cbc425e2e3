// plot_slices. A View is one slice as it is shown: which axes of the volume run right and down, in
// which direction, and which voxel of the third axis it cuts. Everything drawn goes through
// View::voxel.
#include <fmt/format.h>
#include <voxgrad/core/error.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <string_view>

#include "examples/support/canvas.h"
#include "examples/support/contours.h"
#include "examples/support/plot.h"

namespace voxgrad::examples {
namespace {

constexpr double kTotalWidth = 900;  // of the three views together, in points
constexpr double kHighestView = 420;
constexpr double kGap = 10;
constexpr double kTitleHeight = 56;
constexpr double kFooterHeight = 34;
constexpr Color kBackground = {0.06, 0.06, 0.08};
constexpr Color kText = {0.92, 0.92, 0.94};
constexpr Color kDimText = {0.62, 0.62, 0.66};

struct Direction {
  std::size_t axis;
  bool reversed;  // the picture runs against the axis
};

struct View {
  std::string name;
  std::string sides;  // letters at the left, right, top and bottom edge
  Direction across;   // from left to right
  Direction down;     // from top to bottom
  std::size_t normal;
  std::int64_t cut = 0;
  std::int64_t width = 0;
  std::int64_t height = 0;
};

char opposite(char side) {
  constexpr std::string_view kSides = "LRAPSI";
  constexpr std::string_view kOpposites = "RLPAIS";
  return kOpposites[kSides.find(side)];
}

// The axis that runs towards `side` or away from it.
Direction towards(const std::string& axes, char side) {
  const std::size_t axis = axes.find(side);
  if (axis != std::string::npos) return {axis, false};
  return {axes.find(opposite(side)), true};
}

void check(const Slices& slices) {
  const auto& [depth, height, width] = slices.shape;
  if (!(depth > 0 && height > 0 && width > 0 &&
        depth * height * width == static_cast<std::int64_t>(slices.image.size()))) {
    throw ShapeError(
        fmt::format("plot_slices: image must have the shape's {} x {} x {} voxels; got {}", depth,
                    height, width, slices.image.size()));
  }
  for (const auto& mask : {slices.truth, slices.predicted}) {
    if (!(mask.empty() || mask.size() == slices.image.size())) {
      throw ShapeError(
          fmt::format("plot_slices: a mask must be empty or have the image's {} voxels; got {}",
                      slices.image.size(), mask.size()));
    }
  }
  for (const double spacing : slices.spacing) {
    if (!(spacing > 0 && std::isfinite(spacing))) {
      throw ShapeError(fmt::format("plot_slices: spacing must be positive; got {}, {}, {}",
                                   slices.spacing[0], slices.spacing[1], slices.spacing[2]));
    }
  }
  bool complete = slices.axes.size() == 3;
  for (const char* pair : {"LR", "AP", "SI"}) {
    complete = complete && slices.axes.find_first_of(pair) != std::string::npos;
  }
  if (!complete) {
    throw ShapeError(fmt::format(
        "plot_slices: axes must be one letter each of LR, AP and SI; got '{}'", slices.axes));
  }
}

std::size_t voxel_at(const Slices& slices, std::array<std::int64_t, 3> at) {
  return static_cast<std::size_t>((at[0] * slices.shape[1] + at[1]) * slices.shape[2] + at[2]);
}

std::size_t view_voxel(const Slices& slices, const View& view, std::int64_t row,
                       std::int64_t column) {
  std::array<std::int64_t, 3> at{};
  at[view.normal] = view.cut;
  at[view.across.axis] = view.across.reversed ? view.width - 1 - column : column;
  at[view.down.axis] = view.down.reversed ? view.height - 1 - row : row;
  return voxel_at(slices, at);
}

// Index along `axis` of the largest cross-section; among equals the middle one; the volume's middle
// for an empty mask.
std::int64_t largest_section(const Slices& slices, std::span<const std::uint8_t> mask,
                             std::size_t axis) {
  std::vector<std::int64_t> areas(static_cast<std::size_t>(slices.shape[axis]), 0);
  std::size_t voxel = 0;
  std::array<std::int64_t, 3> at{};
  if (!mask.empty()) {
    for (at[0] = 0; at[0] < slices.shape[0]; ++at[0]) {
      for (at[1] = 0; at[1] < slices.shape[1]; ++at[1]) {
        for (at[2] = 0; at[2] < slices.shape[2]; ++at[2]) {
          areas[static_cast<std::size_t>(at[axis])] += mask[voxel++] != 0;
        }
      }
    }
  }
  const std::int64_t largest = *std::max_element(areas.begin(), areas.end());
  std::vector<std::int64_t> best;
  for (std::size_t i = 0; i < areas.size(); ++i) {
    if (areas[i] == largest) best.push_back(static_cast<std::int64_t>(i));
  }
  return best[best.size() / 2];
}

View make_view(const Slices& slices, const std::string& name, char right, char down) {
  View view;
  view.name = name;
  view.sides = {opposite(right), right, opposite(down), down};
  view.across = towards(slices.axes, right);
  view.down = towards(slices.axes, down);
  view.normal = 3 - view.across.axis - view.down.axis;
  view.width = slices.shape[view.across.axis];
  view.height = slices.shape[view.down.axis];
  const bool any_truth =
      std::any_of(slices.truth.begin(), slices.truth.end(), [](auto v) { return v != 0; });
  view.cut = largest_section(slices, any_truth ? slices.truth : slices.predicted, view.normal);
  return view;
}

struct Window {
  float low = 0;
  float high = 1;
};

// The gray scale spans the 1st to the 99.5th percentile, so that a few bright voxels do not darken
// the rest. Air, often half of the volume, counts: it belongs at black.
Window percentile_window(std::span<const float> image) {
  const std::size_t stride = image.size() / 2'000'000 + 1;
  std::vector<float> values;
  for (std::size_t i = 0; i < image.size(); i += stride) {
    if (std::isfinite(image[i])) values.push_back(image[i]);
  }
  if (values.empty()) return {};
  const auto percentile = [&values](double part) {
    const auto rank = static_cast<std::ptrdiff_t>(part * static_cast<double>(values.size() - 1));
    std::nth_element(values.begin(), values.begin() + rank, values.end());
    return values[static_cast<std::size_t>(rank)];
  };
  const Window window = {percentile(0.01), percentile(0.995)};
  if (window.low < window.high) return window;
  const auto [low, high] = std::minmax_element(values.begin(), values.end());
  return *low < *high ? Window{*low, *high} : Window{*low, *low + 1};
}

GrayImage cut_image(const Slices& slices, const View& view, const Window& window) {
  GrayImage image = {static_cast<int>(view.width), static_cast<int>(view.height), {}};
  for (std::int64_t row = 0; row < view.height; ++row) {
    for (std::int64_t column = 0; column < view.width; ++column) {
      const float value = slices.image[view_voxel(slices, view, row, column)];
      const double part = (static_cast<double>(value) - window.low) /
                          (static_cast<double>(window.high) - window.low);
      const double gray = std::isnan(part) ? 0 : 255 * std::clamp(part, 0.0, 1.0);
      image.values.push_back(static_cast<std::uint8_t>(std::lround(gray)));
    }
  }
  return image;
}

void draw_outline(Canvas& canvas, const Box& box, const Slices& slices, const View& view,
                  std::span<const std::uint8_t> mask, Color color, double width) {
  if (mask.empty()) return;
  std::vector<std::uint8_t> cut;
  for (std::int64_t row = 0; row < view.height; ++row) {
    for (std::int64_t column = 0; column < view.width; ++column) {
      cut.push_back(mask[view_voxel(slices, view, row, column)]);
    }
  }
  const double x_scale = box.width / static_cast<double>(view.width);
  const double y_scale = box.height / static_cast<double>(view.height);
  const Canvas::Clip clip(canvas, box);
  for (std::vector<Point>& curve : mask_contours(cut, view.height, view.width)) {
    for (Point& point : curve) {
      point = {box.x + (point.x + 0.5) * x_scale, box.y + (point.y + 0.5) * y_scale};
    }
    canvas.line(curve, {.color = color, .width = width, .closed = true});
  }
}

void draw_view(Canvas& canvas, const Box& box, const Slices& slices, const View& view,
               const Window& window) {
  canvas.image(box, cut_image(slices, view, window), true);
  // The truth shows as a rim where both agree.
  draw_outline(canvas, box, slices, view, slices.truth, kGreen, 2);
  draw_outline(canvas, box, slices, view, slices.predicted, kMagenta, 1);
  TextStyle side = {.size = 11, .color = kText, .bold = true, .align = 0.5, .halo = kBackground};
  const double x = box.x + box.width / 2;
  const double y = box.y + box.height / 2;
  canvas.text({box.x + 10, y}, view.sides.substr(0, 1), side);
  canvas.text({box.right() - 10, y}, view.sides.substr(1, 1), side);
  canvas.text({x, box.y + 11}, view.sides.substr(2, 1), side);
  canvas.text({x, box.bottom() - 11}, view.sides.substr(3, 1), side);
  canvas.text({box.x, box.y - 10}, view.name, {.size = 10.5, .color = kDimText});
}

void draw_legend(Canvas& canvas, const Slices& slices, double width, double y) {
  double x = kGap;
  const auto entry = [&](const std::string& name, Color color) {
    canvas.line(std::array{Point{x, y}, Point{x + 20, y}}, {.color = color, .width = 2.5});
    canvas.text({x + 27, y}, name, {.size = 11, .color = kText});
    x += 27 + canvas.text_width(name, {.size = 11}) + 24;
  };
  if (!slices.truth.empty()) entry("truth", kGreen);
  if (!slices.predicted.empty()) entry("prediction", kMagenta);
  const double longest = *std::max_element(slices.spacing.begin(), slices.spacing.end());
  const double least = *std::min_element(slices.spacing.begin(), slices.spacing.end());
  const std::string voxels =
      longest == least ? fmt::format("voxels of {:.3g} mm", least)
                       : fmt::format("voxels of {:.3g} x {:.3g} x {:.3g} mm", slices.spacing[2],
                                     slices.spacing[1], slices.spacing[0]);
  canvas.text({width - kGap, y}, voxels, {.size = 10, .color = kDimText, .align = 1});
}

}  // namespace

std::string anatomical_axes(const std::array<double, 16>& affine) {
  // An oblique volume gets the assignment of axes to sides that it is nearest to.
  std::array<std::size_t, 3> order = {0, 1, 2};
  std::array<std::size_t, 3> best = order;
  double best_fit = -1;
  do {
    double fit = 1;
    for (std::size_t side = 0; side < 3; ++side) fit *= std::abs(affine[4 * side + order[side]]);
    if (fit > best_fit) {
      best = order;
      best_fit = fit;
    }
  } while (std::next_permutation(order.begin(), order.end()));
  std::string axes(3, ' ');
  for (std::size_t side = 0; side < 3; ++side) {
    const char positive = "RAS"[side];
    const bool ascending = affine[4 * side + best[side]] >= 0;
    axes[2 - best[side]] = ascending ? positive : opposite(positive);
  }
  return axes;
}

void plot_slices(const std::string& path, const Slices& slices) {
  check(slices);
  const std::array<View, 3> views = {make_view(slices, "axial", 'R', 'P'),
                                     make_view(slices, "coronal", 'R', 'I'),
                                     make_view(slices, "sagittal", 'A', 'I')};
  double millimetres_across = 0;
  double highest = 0;
  for (const View& view : views) {
    millimetres_across += static_cast<double>(view.width) * slices.spacing[view.across.axis];
    highest = std::max(highest, static_cast<double>(view.height) * slices.spacing[view.down.axis]);
  }
  const double scale = std::min(kTotalWidth / millimetres_across, kHighestView / highest);
  const double width = std::max(millimetres_across * scale + 4 * kGap, 360.0);
  Canvas canvas(width, kTitleHeight + highest * scale + kFooterHeight, kBackground);
  canvas.text({kGap, 20}, slices.title, {.size = 13, .color = kText, .bold = true});
  const Window window = percentile_window(slices.image);
  double x = kGap;
  for (const View& view : views) {
    Box box = {x, kTitleHeight,
               static_cast<double>(view.width) * slices.spacing[view.across.axis] * scale,
               static_cast<double>(view.height) * slices.spacing[view.down.axis] * scale};
    box.y += (highest * scale - box.height) / 2;
    draw_view(canvas, box, slices, view, window);
    x = box.right() + kGap;
  }
  draw_legend(canvas, slices, width, kTitleHeight + highest * scale + kFooterHeight / 2);
  canvas.save(path);
}

}  // namespace voxgrad::examples
