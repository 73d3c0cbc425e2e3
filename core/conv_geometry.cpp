#include <voxgrad/core/conv_geometry.h>

#include <algorithm>
#include <tuple>

#include <voxgrad/core/check.h>
#include <voxgrad/core/tensor.h>

namespace voxgrad {
namespace {

// Sums of two products of 63-bit numbers: no intermediate value of this file can overflow it.
__extension__ typedef __int128 Wide;

// The largest coordinate along an axis, padding included: kernels add two of them freely.
constexpr Index kLargestCoordinate = Index{1} << 61;

Index narrow(std::string_view op, std::string_view what, int axis, Wide value) {
  VG_CHECK(-kLargestCoordinate <= value && value <= kLargestCoordinate, ShapeError,
           "{}: {} of axis {} must be at most 2^61; got {}", op, what, axis,
           static_cast<double>(value));
  return static_cast<Index>(value);
}

std::array<Index, 3> at_least(Index least, const Spatial& values, int rank, std::string_view op,
                              std::string_view name) {
  const std::array<Index, 3> each = values.at(rank, op, name);
  for (int i = 0; i < rank; ++i) {
    VG_CHECK(each[i] >= least, ShapeError, "{}: {} must be >= {}; got {}", op, name, least,
             values.values());
    narrow(op, name, i, each[i]);
  }
  return each;
}

// What conv and conv_transpose check alike. `input` is the slot given besides w, x or y.
struct Common {
  ConvGeometry geometry;
  std::span<const Index> size;  // of the input's axes
  Index channels;               // of the input

  ConvAxis& axis(int i) { return geometry.axis[3 - geometry.rank + i]; }
};

Common check_common(std::string_view op, std::string_view name, std::span<const Index> input,
                    std::span<const Index> w, const Spatial& stride, const Spatial& dilation,
                    Index groups) {
  VG_CHECK(3 <= w.size() && w.size() <= 5, ShapeError,
           "{}: w must have 1 to 3 kernel axes after its 2 channel axes; got w {}", op, w);
  const std::size_t rank = w.size() - 2;
  VG_CHECK(input.size() == rank + 2 || input.size() == rank + 1, ShapeError,
           "{}: {} must be (batch, channels, size...) or (channels, size...) with {} sizes for w "
           "{}; got {} {}",
           op, name, rank, w, name, input);
  Common common{
      .geometry = {}, .size = input.last(rank), .channels = input[input.size() - rank - 1]};
  common.geometry.rank = static_cast<int>(rank);
  common.geometry.groups = groups;
  element_count(input);
  element_count(w);
  if (input.size() == rank + 2) common.geometry.batch = input[0];
  const int r = common.geometry.rank;
  const auto strides = at_least(1, stride, r, op, "stride");
  const auto dilations = at_least(1, dilation, r, op, "dilation");
  VG_CHECK(groups >= 1, ShapeError, "{}: groups must be >= 1; got {}", op, groups);
  VG_CHECK(w[0] >= groups && w[0] % groups == 0, ShapeError,
           "{}: w.shape[0] must be a positive multiple of groups = {}; got w {}", op, groups, w);
  for (int i = 0; i < r; ++i) {
    ConvAxis& axis = common.axis(i);
    axis.kernel = w[static_cast<std::size_t>(i) + 2];
    axis.stride = strides[i];
    axis.dilation = dilations[i];
    VG_CHECK(axis.kernel >= 1, ShapeError, "{}: kernel sizes must be >= 1; got w {}", op, w);
    VG_CHECK(common.size[i] >= 1, ShapeError, "{}: every size of {} must be >= 1; got {} {}", op,
             name, name, input);
    narrow(op, "kernel size times dilation", i, Wide{axis.dilation} * (axis.kernel - 1) + 1);
  }
  return common;
}

// Refuses geometries whose tensors cannot exist.
ConvGeometry check_counts(const ConvGeometry& geometry) {
  for (const Slot slot : {Slot::x, Slot::w, Slot::y}) element_count(slot_shape(geometry, slot));
  return geometry;
}

// The size that the user wants of conv_transpose's result, one number per axis, and what it is
// called.
struct Wanted {
  std::string_view option;
  std::span<const Index> size;  // empty: none, output_padding decides
};

Wanted wanted_size(const ConvTransposeSettings& settings, std::size_t input_axes, int rank) {
  const std::size_t r = static_cast<std::size_t>(rank);
  const auto& [output_size, like] = std::tie(settings.output_size, settings.like);
  VG_CHECK(!output_size || like == nullptr, ShapeError,
           "conv_transpose: the result's size must be given once; got both like and output_size");
  if (output_size) {
    VG_CHECK(output_size->size() == r || output_size->size() == input_axes, ShapeError,
             "conv_transpose: output_size must have {} or {} elements; got {}", r, input_axes,
             *output_size);
    return {"output_size", std::span(*output_size).last(r)};
  }
  if (like == nullptr) return {};
  VG_CHECK(like->defined(), ShapeError, "conv_transpose: like must be a tensor; got none");
  const Shape& shape = like->shape();
  VG_CHECK(shape.size() == r + 2 || shape.size() == r + 1, ShapeError,
           "conv_transpose: like must be (batch, channels, size...) or (channels, size...) with {} "
           "sizes; got shape {}",
           r, shape);
  return {"like", std::span(shape).last(r)};
}

// ". A kernel of 2 with ... would reach it", for a size out of reach.
std::string remedy(Index wanted, const ConvAxis& axis) {
  if (wanted < 1 || wanted > kLargestCoordinate) return "";
  const ConvAxis other = axis_between(wanted, axis.out, axis.stride);
  return fmt::format(". A kernel of {} with stride {}, padding {} and dilation 1 would reach it",
                     other.kernel, other.stride, other.padding);
}

// Decides in, the size of conv_transpose's result, from what is given of it.
Index result_size(int i, const ConvAxis& axis, const Wanted& wanted, Index output_padding,
                  std::span<const Index> y) {
  constexpr std::string_view op = "conv_transpose";
  const Index most_extra = std::max(axis.stride, axis.dilation) - 1;
  const Index full = narrow(op, "full size", i, Wide{axis.out - 1} * axis.stride + axis.reach());
  const Index least = full - 2 * axis.padding;
  const bool free = wanted.size.empty();
  VG_CHECK(!free || output_padding <= most_extra, ShapeError,
           "{}: output_padding must be below stride or below dilation; got {} with stride {} and "
           "dilation {} on axis {}",
           op, output_padding, axis.stride, axis.dilation, i);
  const Index extra = free                      ? output_padding
                      : wanted.option == "like" ? most_extra
                                                : axis.stride - 1;
  const Index most = least + extra;
  VG_CHECK(most >= 1, ShapeError,
           "{}: the result must have a size of at least 1 on axis {}; got {} from y {} with "
           "padding {}",
           op, i, most, y, axis.padding);
  if (free) return narrow(op, "size", i, most);
  const Index in = wanted.size[static_cast<std::size_t>(i)];
  const Index first = std::max<Index>(1, least);
  VG_CHECK(first <= in && in <= most, ShapeError,
           "{}: {} must have a size in [{}, {}] on axis {} for y {}; got {}{}", op, wanted.option,
           first, most, i, y, wanted.size, remedy(in, axis));
  return in;
}

}  // namespace

std::string_view name(Slot slot) {
  switch (slot) {
    case Slot::x: return "x";
    case Slot::w: return "w";
    case Slot::y: break;
  }
  return "y";
}

Shape slot_shape(const ConvGeometry& geometry, Slot slot) {
  Shape shape = slot == Slot::x   ? Shape{geometry.batch, geometry.x_channels}
                : slot == Slot::y ? Shape{geometry.batch, geometry.y_channels}
                                  : Shape{geometry.y_channels, geometry.x_group_channels()};
  for (int i = 3 - geometry.rank; i < 3; ++i) {
    const ConvAxis& axis = geometry.axis[i];
    shape.push_back(slot == Slot::x ? axis.in : slot == Slot::y ? axis.out : axis.kernel);
  }
  return shape;
}

std::string to_string(const ConvGeometry& geometry) {
  const auto list = [&](Index ConvAxis::*field) {
    Shape values;
    for (int i = 3 - geometry.rank; i < 3; ++i) values.push_back(geometry.axis[i].*field);
    return fmt::format("{}", fmt::join(values, "x"));
  };
  return fmt::format("{}->{} k{} s{} p{} d{} g{}, {} x {} -> {}", geometry.x_channels,
                     geometry.y_channels, list(&ConvAxis::kernel), list(&ConvAxis::stride),
                     list(&ConvAxis::padding), list(&ConvAxis::dilation), geometry.groups,
                     geometry.batch, list(&ConvAxis::in), list(&ConvAxis::out));
}

std::array<Index, 3> Spatial::at(int rank, std::string_view op, std::string_view name) const {
  VG_CHECK(values_.size() == 1 || values_.size() == static_cast<std::size_t>(rank), ShapeError,
           "{}: {} must be one number or one for each of {} axes; got {}", op, name, rank, values_);
  std::array<Index, 3> each{};
  for (int i = 0; i < rank; ++i) each[i] = values_[values_.size() == 1 ? 0 : i];
  return each;
}

ConvPadding ConvPadding::parse(std::string_view mode) {
  VG_CHECK(mode == "same" || mode == "valid", ShapeError,
           "conv: padding must be numbers, 'same' or 'valid'; got '{}'", mode);
  ConvPadding padding(0);
  padding.same_ = mode == "same";
  return padding;
}

ConvGeometry conv_geometry(std::span<const Index> x, std::span<const Index> w,
                           const ConvSettings& settings) {
  Common common =
      check_common("conv", "x", x, w, settings.stride, settings.dilation, settings.groups);
  ConvGeometry& geometry = common.geometry;
  geometry.y_channels = w[0];
  geometry.x_channels = checked_product(w[1], settings.groups);
  VG_CHECK(common.channels == geometry.x_channels, ShapeError,
           "conv: x must have w.shape[1] * groups = {} channels; got x {} and w {} with groups {}",
           geometry.x_channels, x, w, settings.groups);
  const auto padding = at_least(0, settings.padding.amount(), geometry.rank, "conv", "padding");
  for (int i = 0; i < geometry.rank; ++i) {
    ConvAxis& axis = common.axis(i);
    axis.in = common.size[i];
    if (settings.padding.is_same()) {
      VG_CHECK(axis.stride == 1, ShapeError, "conv: padding 'same' needs stride 1; got stride {}",
               settings.stride.values());
      axis.padding = (axis.reach() - 1) / 2;
      axis.out = axis.in;
      continue;
    }
    axis.padding = padding[i];
    const Index padded = narrow("conv", "padded size", i, Wide{axis.in} + 2 * Wide{axis.padding});
    VG_CHECK(padded >= axis.reach(), ShapeError,
             "conv: the padded size of axis {} must be at least dilation * (kernel - 1) + 1 = {}; "
             "got {} from x {} "
             "with padding {}",
             i, axis.reach(), padded, x, axis.padding);
    axis.out = (padded - axis.reach()) / axis.stride + 1;
  }
  return check_counts(geometry);
}

ConvGeometry conv_transpose_geometry(std::span<const Index> y, std::span<const Index> w,
                                     const ConvTransposeSettings& settings) {
  constexpr std::string_view op = "conv_transpose";
  Common common = check_common(op, "y", y, w, settings.stride, settings.dilation, settings.groups);
  ConvGeometry& geometry = common.geometry;
  geometry.y_channels = w[0];
  geometry.x_channels = checked_product(w[1], settings.groups);
  VG_CHECK(common.channels == geometry.y_channels, ShapeError,
           "conv_transpose: y must have w.shape[0] = {} channels; got y {} and w {}",
           geometry.y_channels, y, w);
  VG_CHECK(geometry.x_channels >= 1, ShapeError,
           "conv_transpose: w.shape[1] must be >= 1; got w {}", w);
  const auto padding = at_least(0, settings.padding, geometry.rank, op, "padding");
  const auto extra = at_least(0, settings.output_padding, geometry.rank, op, "output_padding");
  const Wanted wanted = wanted_size(settings, y.size(), geometry.rank);
  for (int i = 0; i < geometry.rank; ++i) {
    ConvAxis& axis = common.axis(i);
    axis.out = common.size[i];
    axis.padding = padding[i];
    axis.in = result_size(i, axis, wanted, extra[i], y);
  }
  return check_counts(geometry);
}

void check(const ConvGeometry& geometry) {
  const auto& g = geometry;
  VG_CHECK(1 <= g.rank && g.rank <= 3, ShapeError, "conv: rank must be 1 to 3; got {}", g.rank);
  VG_CHECK(g.batch >= 0 && g.x_channels >= 0 && g.y_channels >= 0 && g.groups >= 1 &&
               g.x_channels % g.groups == 0 && g.y_channels % g.groups == 0,
           ShapeError, "conv: groups must be >= 1 and divide the channels; got {}", to_string(g));
  for (int i = 0; i < 3; ++i) {
    const ConvAxis& axis = g.axis[i];
    const bool positive =
        std::min({axis.in, axis.out, axis.kernel, axis.stride, axis.dilation}) >= 1;
    VG_CHECK(positive && axis.padding >= 0 && (i >= 3 - g.rank || axis == ConvAxis{}), ShapeError,
             "conv: sizes, kernel, stride and dilation must be >= 1, padding >= 0, and axes beyond "
             "the rank all 1; got {}",
             to_string(g));
    narrow("conv", "stride", i, axis.stride);
    narrow("conv", "padding", i, axis.padding);
    narrow("conv", "kernel size times dilation", i, Wide{axis.dilation} * (axis.kernel - 1) + 1);
    narrow("conv", "full size", i, Wide{axis.out - 1} * axis.stride + axis.reach());
  }
  check_counts(g);
}

ConvAxis axis_between(Index in, Index out, Index stride) {
  for (const Index s : {stride, in / out}) {
    if (s < 1 || out * Wide{s} > in || in - out * s >= s) continue;
    return {.in = in, .out = out, .kernel = s, .stride = s};
  }
  const Index s = (in - 1) / out + 1;      // not above in
  const Index uncut = in - (out - 1) * s;  // kernel - 2 * padding
  const Index padding = std::max<Index>(0, (s - uncut + 1) / 2);
  return {.in = in, .out = out, .kernel = uncut + 2 * padding, .stride = s, .padding = padding};
}

}  // namespace voxgrad
