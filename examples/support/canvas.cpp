#include "examples/support/canvas.h"

#include <cairo.h>
#include <fmt/format.h>
#include <fontconfig/fontconfig.h>
#include <voxgrad/core/error.h>
#include <voxgrad/io/file.h>

#include <cmath>
#include <cstddef>
#include <cstring>
#include <numbers>

namespace voxgrad::examples {
namespace {

constexpr double kLargestSide = 16384;
constexpr double kCapitalHeight = 0.73;  // of the font's size, in DejaVu Sans and its like

struct DestroySurface {
  void operator()(cairo_surface_t* surface) const { cairo_surface_destroy(surface); }
};
struct DestroyContext {
  void operator()(cairo_t* context) const { cairo_destroy(context); }
};
using Surface = std::unique_ptr<cairo_surface_t, DestroySurface>;
using Context = std::unique_ptr<cairo_t, DestroyContext>;

void check(cairo_status_t status) {
  if (status == CAIRO_STATUS_SUCCESS) return;
  const std::string text =
      fmt::format("canvas: Cairo cannot draw this; got {}", cairo_status_to_string(status));
  if (status == CAIRO_STATUS_NO_MEMORY) throw OutOfMemoryError(text);
  throw Error(text);
}

Surface make_surface(double width, double height) {
  if (!(width >= 1 && height >= 1 && width <= kLargestSide && height <= kLargestSide)) {
    throw ShapeError(fmt::format("canvas: sides must be 1 to {} pixels; got {:.0f} x {:.0f}",
                                 kLargestSide, width, height));
  }
  Surface surface(cairo_image_surface_create(CAIRO_FORMAT_RGB24, static_cast<int>(std::ceil(width)),
                                             static_cast<int>(std::ceil(height))));
  check(cairo_surface_status(surface.get()));
  return surface;
}

void set_color(cairo_t* context, Color color) {
  cairo_set_source_rgba(context, color.red, color.green, color.blue, color.alpha);
}

Surface gray_surface(const GrayImage& image) {
  Surface surface = make_surface(image.width, image.height);
  unsigned char* const pixels = cairo_image_surface_get_data(surface.get());
  const int stride = cairo_image_surface_get_stride(surface.get());
  cairo_surface_flush(surface.get());
  for (int row = 0; row < image.height; ++row) {
    for (int column = 0; column < image.width; ++column) {
      const auto at = static_cast<std::size_t>(row) * static_cast<std::size_t>(image.width) +
                      static_cast<std::size_t>(column);
      const std::uint32_t gray = image.values[at];
      const std::uint32_t rgb = gray << 16 | gray << 8 | gray;
      std::memcpy(pixels + static_cast<std::ptrdiff_t>(row) * stride + 4 * column, &rgb, 4);
    }
  }
  cairo_surface_mark_dirty(surface.get());
  return surface;
}

// Cairo and fontconfig keep what they know about fonts until they are told; leak checkers would
// report it.
struct FontCaches {
  ~FontCaches() {
    cairo_debug_reset_static_data();
    FcFini();
  }
};

cairo_status_t append(void* closure, const unsigned char* bytes, unsigned int count) {
  try {
    static_cast<std::string*>(closure)->append(reinterpret_cast<const char*>(bytes), count);
  } catch (...) {  // must not pass through C
    return CAIRO_STATUS_NO_MEMORY;
  }
  return CAIRO_STATUS_SUCCESS;
}

}  // namespace

struct Canvas::Cairo {
  Surface surface;
  Context context;
};

Canvas::Canvas(double width, double height, Color background, double scale)
    : cairo_(std::make_unique<Cairo>()) {
  static const FontCaches font_caches;
  cairo_->surface = make_surface(width * scale, height * scale);
  cairo_->context.reset(cairo_create(cairo_->surface.get()));
  check(cairo_status(cairo_->context.get()));
  set_color(cairo_->context.get(), background);
  cairo_paint(cairo_->context.get());
  cairo_scale(cairo_->context.get(), scale, scale);
}

Canvas::~Canvas() = default;

void Canvas::fill(const Box& box, Color color) {
  cairo_t* const context = cairo_->context.get();
  set_color(context, color);
  cairo_rectangle(context, box.x, box.y, box.width, box.height);
  cairo_fill(context);
}

void Canvas::line(std::span<const Point> points, const LineStyle& style) {
  cairo_t* const context = cairo_->context.get();
  cairo_save(context);
  set_color(context, style.color);
  cairo_set_line_width(context, style.width);
  cairo_set_line_join(context, CAIRO_LINE_JOIN_ROUND);
  cairo_set_line_cap(context, style.dashed ? CAIRO_LINE_CAP_BUTT : CAIRO_LINE_CAP_ROUND);
  const double dashes[] = {5 * style.width, 3 * style.width};
  if (style.dashed) cairo_set_dash(context, dashes, 2, 0);
  cairo_new_path(context);
  for (const Point& point : points) cairo_line_to(context, point.x, point.y);
  if (style.closed) cairo_close_path(context);
  cairo_stroke(context);
  cairo_restore(context);
}

void Canvas::dot(Point center, double radius, Color color) {
  cairo_t* const context = cairo_->context.get();
  set_color(context, color);
  cairo_new_path(context);
  cairo_arc(context, center.x, center.y, radius, 0, 2 * std::numbers::pi);
  cairo_fill(context);
}

void Canvas::font(const TextStyle& style) {
  cairo_select_font_face(cairo_->context.get(), "DejaVu Sans", CAIRO_FONT_SLANT_NORMAL,
                         style.bold ? CAIRO_FONT_WEIGHT_BOLD : CAIRO_FONT_WEIGHT_NORMAL);
  cairo_set_font_size(cairo_->context.get(), style.size);
}

double Canvas::text_width(const std::string& text, const TextStyle& style) {
  font(style);
  cairo_text_extents_t extents;
  cairo_text_extents(cairo_->context.get(), text.c_str(), &extents);
  return extents.x_advance;
}

void Canvas::text(Point at, const std::string& text, const TextStyle& style) {
  cairo_t* const context = cairo_->context.get();
  const double width = text_width(text, style);
  cairo_save(context);
  cairo_translate(context, at.x, at.y);
  if (style.upwards) cairo_rotate(context, -std::numbers::pi / 2);
  cairo_new_path(context);
  cairo_move_to(context, -style.align * width, style.size * kCapitalHeight / 2);
  if (style.halo.alpha > 0) {
    cairo_text_path(context, text.c_str());
    set_color(context, style.halo);
    cairo_set_line_width(context, style.size / 3);
    cairo_set_line_join(context, CAIRO_LINE_JOIN_ROUND);
    cairo_stroke_preserve(context);
    set_color(context, style.color);
    cairo_fill(context);
  } else {
    set_color(context, style.color);
    cairo_show_text(context, text.c_str());
  }
  cairo_restore(context);
}

void Canvas::image(const Box& box, const GrayImage& image, bool smooth) {
  cairo_t* const context = cairo_->context.get();
  const Surface source = gray_surface(image);
  cairo_save(context);
  cairo_rectangle(context, box.x, box.y, box.width, box.height);
  cairo_clip(context);
  cairo_translate(context, box.x, box.y);
  cairo_scale(context, box.width / image.width, box.height / image.height);
  cairo_set_source_surface(context, source.get(), 0, 0);
  cairo_pattern_t* const pattern = cairo_get_source(context);
  cairo_pattern_set_filter(pattern, smooth ? CAIRO_FILTER_BILINEAR : CAIRO_FILTER_NEAREST);
  cairo_pattern_set_extend(pattern, CAIRO_EXTEND_PAD);  // no dark rim at the edges
  cairo_paint(context);
  cairo_restore(context);
}

Canvas::Clip::Clip(Canvas& canvas, const Box& box) : canvas_(canvas) {
  cairo_t* const context = canvas_.cairo_->context.get();
  cairo_save(context);
  cairo_rectangle(context, box.x, box.y, box.width, box.height);
  cairo_clip(context);
}

Canvas::Clip::~Clip() { cairo_restore(canvas_.cairo_->context.get()); }

void Canvas::save(const std::string& path) {
  check(cairo_status(cairo_->context.get()));
  cairo_surface_flush(cairo_->surface.get());
  std::string bytes;
  check(cairo_surface_write_to_png_stream(cairo_->surface.get(), append, &bytes));
  write_file(path, bytes);
}

}  // namespace voxgrad::examples
