// plot_curves. A Frame is one pair of axes on the canvas: it maps values to points; everything else
// draws through it.
#include <fmt/format.h>
#include <voxgrad/core/error.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "examples/support/canvas.h"
#include "examples/support/plot.h"
#include "examples/support/ticks.h"

namespace voxgrad::examples {
namespace {

constexpr double kPanelWidth = 460;
constexpr double kPanelHeight = 300;
constexpr double kLeft = 66;
constexpr double kRight = 20;
constexpr double kTop = 34;  // the legend's row
constexpr double kBottom = 50;
constexpr double kTitleHeight = 34;
constexpr Color kGrid = {0.90, 0.90, 0.92};
constexpr std::size_t kMostPoints = 2000;  // of one curve; more than the pixels of a panel

struct Range {
  double low = std::numeric_limits<double>::infinity();
  double high = -std::numeric_limits<double>::infinity();

  void include(double value) {
    low = std::min(low, value);
    high = std::max(high, value);
  }
  bool empty() const { return !(low <= high); }
};

bool drawable(double value, bool log_scale) {
  // Beyond that, differences of two values overflow and margins reach 0.
  return std::abs(value) < 1e300 && (!log_scale || value > 1e-300);
}

Range x_range(const Panel& panel) {
  Range range;
  for (const Series& series : panel.series) {
    for (const double x : series.x) {
      if (drawable(x, false)) range.include(x);
    }
  }
  if (range.empty()) return {0, 1};
  if (range.low == range.high) return {range.low - 1, range.high + 1};
  return range;
}

Range widened(Range range, bool log_scale) {
  if (range.empty()) return log_scale ? Range{0.1, 1} : Range{0, 1};
  if (log_scale) {
    const double factor =
        range.low == range.high ? 2 : std::exp(0.05 * (std::log(range.high) - std::log(range.low)));
    return {range.low / factor, range.high * factor};
  }
  const double margin = 0.05 * (range.high - range.low);
  // A constant gets room around it, at its own scale.
  const double least = std::max(std::abs(range.high) * 0.1, 1e-12);
  return range.low == range.high ? Range{range.low - least, range.high + least}
                                 : Range{range.low - margin, range.high + margin};
}

Range y_range(const Panel& panel) {
  Range range;
  for (const Series& series : panel.series) {
    for (const double y : series.y) {
      if (drawable(y, panel.log_scale)) range.include(y);
    }
  }
  for (const Baseline& baseline : panel.baselines) {
    if (drawable(baseline.y, panel.log_scale)) range.include(baseline.y);
  }
  range = widened(range, panel.log_scale);
  if (panel.low && drawable(*panel.low, panel.log_scale)) range.low = *panel.low;
  if (panel.high && drawable(*panel.high, panel.log_scale)) range.high = *panel.high;
  if (!(range.low < range.high)) range.high = range.low + std::max(1.0, std::abs(range.low));
  return range;
}

struct Frame {
  Box box;
  Range x;
  Range y;
  bool log_scale;

  double to_x(double value) const { return box.x + box.width * (value - x.low) / (x.high - x.low); }
  double to_y(double value) const {
    const double part =
        log_scale ? (std::log(value) - std::log(y.low)) / (std::log(y.high) - std::log(y.low))
                  : (value - y.low) / (y.high - y.low);
    // Far outside is as invisible as outside, and Cairo's coordinates are 24 bits.
    return box.bottom() - box.height * std::clamp(part, -10.0, 10.0);
  }
};

void draw_axes(Canvas& canvas, const Frame& frame, const Panel& panel, const std::string& x_label) {
  const Box& box = frame.box;
  const TextStyle tick_text = {.size = 10, .color = kGray};
  const std::vector<Tick> y_ticks = frame.log_scale ? log_ticks(frame.y.low, frame.y.high, 6)
                                                    : linear_ticks(frame.y.low, frame.y.high, 6);
  double widest = 0;
  for (const Tick& tick : y_ticks) {
    const double y = frame.to_y(tick.value);
    canvas.line(std::array{Point{box.x, y}, Point{box.right(), y}}, {.color = kGrid});
    TextStyle style = tick_text;
    style.align = 1;
    canvas.text({box.x - 7, y}, tick.label, style);
    widest = std::max(widest, canvas.text_width(tick.label, style));
  }
  for (const Tick& tick : linear_ticks(frame.x.low, frame.x.high, 6)) {
    const double x = frame.to_x(tick.value);
    canvas.line(std::array{Point{x, box.y}, Point{x, box.bottom()}}, {.color = kGrid});
    TextStyle style = tick_text;
    style.align = 0.5;
    canvas.text({x, box.bottom() + 13}, tick.label, style);
  }
  canvas.line(
      std::array{Point{box.x, box.y}, Point{box.x, box.bottom()}, Point{box.right(), box.bottom()}},
      {.color = kGray});
  canvas.text({box.x + box.width / 2, box.bottom() + 34}, x_label, {.size = 11, .align = 0.5});
  canvas.text({std::max(box.x - 20 - widest, box.x - kLeft + 8), box.y + box.height / 2},
              panel.y_label, {.size = 11, .align = 0.5, .upwards = true});
}

// Runs of neighbouring drawable values; a value alone between gaps is a run of one.
std::vector<std::vector<Point>> runs(const Frame& frame, const std::vector<double>& xs,
                                     const std::vector<double>& ys) {
  std::vector<std::vector<Point>> all;
  bool open = false;
  for (std::size_t i = 0; i < xs.size(); ++i) {
    const bool draw = drawable(xs[i], false) && drawable(ys[i], frame.log_scale);
    if (draw && !open) all.emplace_back();
    if (draw) all.back().push_back({frame.to_x(xs[i]), frame.to_y(ys[i])});
    open = draw;
  }
  return all;
}

// Of every stretch of points the highest and the lowest, in order: what a long curve looks like at
// this size.
std::vector<Point> thinned(const std::vector<Point>& points) {
  if (points.size() <= kMostPoints) return points;
  const std::size_t stretch = 2 * points.size() / kMostPoints + 1;
  std::vector<Point> kept;
  for (std::size_t begin = 0; begin < points.size(); begin += stretch) {
    const auto first = points.begin() + static_cast<std::ptrdiff_t>(begin);
    const auto last =
        points.begin() + static_cast<std::ptrdiff_t>(std::min(begin + stretch, points.size()));
    auto [low, high] = std::minmax_element(first, last, [](Point a, Point b) { return a.y < b.y; });
    if (high < low) std::swap(low, high);
    kept.push_back(*low);
    if (high != low) kept.push_back(*high);
  }
  return kept;
}

void draw_values(Canvas& canvas, const Frame& frame, const Series& series,
                 const std::vector<double>& values, const LineStyle& style) {
  for (const std::vector<Point>& run : runs(frame, series.x, values)) {
    if (run.size() == 1) {
      canvas.dot(run.front(), 1.5 * style.width, style.color);
    } else {
      canvas.line(thinned(run), style);
    }
  }
}

// Mean over the drawable values around each; sums are carried along, so long curves stay fast.
std::vector<double> running_mean(const std::vector<double>& values, bool log_scale) {
  const std::size_t radius = std::max<std::size_t>(1, values.size() / 40);
  std::vector<double> sums = {0};
  std::vector<double> counts = {0};
  for (const double value : values) {
    const bool counted = drawable(value, log_scale);
    sums.push_back(sums.back() + (counted ? value : 0));
    counts.push_back(counts.back() + (counted ? 1 : 0));
  }
  std::vector<double> means;
  for (std::size_t i = 0; i < values.size(); ++i) {
    // Curves of a training begin steep and end flat: the window shrinks at the start, so that the
    // mean follows it, but not at the end, where that would only add noise.
    const std::size_t begin = i - std::min(radius, i);
    const std::size_t end = std::min(i + std::min(radius, i) + 1, values.size());
    const bool counted = drawable(values[i], log_scale);
    means.push_back(counted ? (sums[end] - sums[begin]) / (counts[end] - counts[begin])
                            : values[i]);
  }
  return means;
}

void draw_series(Canvas& canvas, const Frame& frame, const Series& series) {
  if (!series.smooth || series.y.size() < 5) {
    draw_values(canvas, frame, series, series.y, {.color = series.color, .width = 1.8});
    return;
  }
  draw_values(canvas, frame, series, series.y,
              {.color = series.color.with_alpha(0.28), .width = 0.8});
  draw_values(canvas, frame, series, running_mean(series.y, frame.log_scale),
              {.color = series.color, .width = 1.8});
}

void draw_baselines(Canvas& canvas, const Frame& frame, const Panel& panel) {
  double label_above = std::numeric_limits<double>::infinity();  // where the last label lies
  std::vector<Baseline> sorted = panel.baselines;
  std::sort(sorted.begin(), sorted.end(),
            [](const Baseline& a, const Baseline& b) { return a.y < b.y; });
  for (const Baseline& baseline : sorted) {
    if (!drawable(baseline.y, frame.log_scale)) continue;
    const double y = frame.to_y(baseline.y);
    canvas.line(std::array{Point{frame.box.x, y}, Point{frame.box.right(), y}},
                {.color = baseline.color, .width = 1.2, .dashed = true});
    // From the lowest up, each label under its line, unless it would cover the one below.
    const bool below = y + 16 < std::min(label_above - 6, frame.box.bottom());
    const double label = below ? y + 9 : y - 9;
    // On the left, where curves that learn have not come near it yet.
    canvas.text({frame.box.x + 6, label}, baseline.name,
                {.size = 10, .color = baseline.color, .halo = kWhite.with_alpha(0.85)});
    label_above = label - 6;
  }
}

void draw_legend(Canvas& canvas, const Box& box, const Panel& panel) {
  double x = box.x;
  for (const Series& series : panel.series) {
    if (series.name.empty()) continue;
    const double y = box.y - 14;
    canvas.line(std::array{Point{x, y}, Point{x + 18, y}}, {.color = series.color, .width = 2.5});
    canvas.text({x + 25, y}, series.name, {.size = 10.5});
    x += 25 + canvas.text_width(series.name, {.size = 10.5}) + 20;
  }
}

void draw_panel(Canvas& canvas, const Box& box, const Panel& panel, const std::string& x_label) {
  const Frame frame = {box, x_range(panel), y_range(panel), panel.log_scale};
  draw_axes(canvas, frame, panel, x_label);
  draw_legend(canvas, box, panel);
  const Canvas::Clip clip(canvas, {box.x - 3, box.y - 3, box.width + 6, box.height + 6});
  for (const Series& series : panel.series) draw_series(canvas, frame, series);
  draw_baselines(canvas, frame, panel);
}

}  // namespace

void plot_curves(const std::string& path, const Curves& curves) {
  for (const Panel& panel : curves.panels) {
    for (const Series& series : panel.series) {
      if (!(series.x.size() == series.y.size())) {
        throw ShapeError(
            fmt::format("plot_curves: a series must have as many x as y; got {} and {} in '{}'",
                        series.x.size(), series.y.size(), series.name));
      }
    }
  }
  const auto count = static_cast<double>(std::max<std::size_t>(curves.panels.size(), 1));
  const double panel = kLeft + kPanelWidth + kRight;
  Canvas canvas(count * panel, kTitleHeight + kTop + kPanelHeight + kBottom, kWhite);
  canvas.text({kLeft, 22}, curves.title, {.size = 14, .bold = true});
  double x = kLeft;
  for (const Panel& each : curves.panels) {
    draw_panel(canvas, {x, kTitleHeight + kTop, kPanelWidth, kPanelHeight}, each, curves.x_label);
    x += panel;
  }
  canvas.save(path);
}

}  // namespace voxgrad::examples
