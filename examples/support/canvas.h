// A small drawing surface over Cairo, which stays inside canvas.cpp. Coordinates are in points, y
// downwards.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace voxgrad::examples {

/// Channels in [0, 1].
struct Color {
  double red = 0;
  double green = 0;
  double blue = 0;
  double alpha = 1;

  Color with_alpha(double value) const { return {red, green, blue, value}; }
};

// Distinct for colour-blind readers too.
inline constexpr Color kBlue = {0.12, 0.40, 0.71};
inline constexpr Color kOrange = {0.90, 0.45, 0.05};
inline constexpr Color kGreen = {0.13, 0.75, 0.38};
inline constexpr Color kMagenta = {0.93, 0.20, 0.62};
inline constexpr Color kGray = {0.45, 0.45, 0.48};
inline constexpr Color kBlack = {0.10, 0.10, 0.12};
inline constexpr Color kWhite = {1, 1, 1};

struct Point {
  double x = 0;
  double y = 0;
};

struct Box {
  double x = 0;
  double y = 0;
  double width = 0;
  double height = 0;

  double right() const { return x + width; }
  double bottom() const { return y + height; }
};

struct LineStyle {
  Color color = kBlack;
  double width = 1;
  bool dashed = false;
  bool closed = false;
};

struct TextStyle {
  double size = 11;
  Color color = kBlack;
  bool bold = false;
  /// Which part of the text lies at the point: 0 its left, 0.5 its middle, 1 its right end.
  double align = 0;
  /// Turned to run upwards.
  bool upwards = false;
  /// A rim behind the letters, for text over lines or pictures; none when its alpha is 0.
  Color halo = {0, 0, 0, 0};
};

/// Gray values in rows from the top.
struct GrayImage {
  int width = 0;
  int height = 0;
  std::vector<std::uint8_t> values;
};

/// Draws, then saves as PNG with `scale` pixels per point.
class Canvas {
 public:
  /// @throws ShapeError unless 1 to 16384 pixels a side; OutOfMemoryError.
  Canvas(double width, double height, Color background, double scale = 2);
  ~Canvas();
  Canvas(const Canvas&) = delete;
  Canvas& operator=(const Canvas&) = delete;

  void fill(const Box& box, Color color);
  void line(std::span<const Point> points, const LineStyle& style);
  void dot(Point center, double radius, Color color);
  /// The text's vertical middle (of a capital letter) lies at the point.
  void text(Point at, const std::string& text, const TextStyle& style);
  double text_width(const std::string& text, const TextStyle& style);
  /// Stretches the image over the box; `smooth` interpolates, else each value is a rectangle.
  void image(const Box& box, const GrayImage& image, bool smooth);

  /// While one lives, nothing outside its box is drawn.
  class Clip {
   public:
    Clip(Canvas& canvas, const Box& box);
    ~Clip();
    Clip(const Clip&) = delete;
    Clip& operator=(const Clip&) = delete;

   private:
    Canvas& canvas_;
  };

  /// @throws FileError when the file cannot be written; an old file then stays as it was.
  void save(const std::string& path);

 private:
  struct Cairo;
  void font(const TextStyle& style);
  std::unique_ptr<Cairo> cairo_;
};

}  // namespace voxgrad::examples
