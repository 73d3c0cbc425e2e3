#include <voxgrad/autograd/functions/resample.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <numeric>

#include <voxgrad/autograd/functions/pool.h>
#include <voxgrad/autograd/functions/shape.h>
#include <voxgrad/autograd/node.h>
#include <voxgrad/core/check.h>
#include <voxgrad/ops/resample.h>

namespace voxgrad {
namespace {

using ops::AxisMap;
using ops::Tap;
using Mode = InterpolateMode;

/// Bytes of a result from which on its memory is asked for in advance.
constexpr Index kLarge = Index{1} << 30;

/// One axis of an interpolation.
struct Axis {
  Index in;
  Index out;
  double step;  // between two results, in elements of x
};

/// Places of x that one result is made of.
Index taps_of(Mode mode) {
  switch (mode) {
    case Mode::linear: return 2;
    case Mode::bicubic: return 4;
    default: return 1;
  }
}

Index table_bytes(const Axis& axis, Mode mode) {
  constexpr auto kStart = static_cast<Index>(sizeof(Index)), kTap = static_cast<Index>(sizeof(Tap));
  return axis.out * (kStart + taps_of(mode) * kTap);
}

AxisMap empty_map(const Axis& axis, Mode mode) {
  AxisMap map{.in = axis.in};
  map.starts.reserve(static_cast<std::size_t>(axis.out) + 1);
  map.taps.reserve(static_cast<std::size_t>(axis.out * taps_of(mode)));
  return map;
}

bool selects(Mode mode) { return mode == Mode::nearest || mode == Mode::nearest_exact; }

// ---- maps

/// Which element of x the nearest modes take. PyTorch computes it in the tensor's dtype and rounds
/// it to float32, which decides where it is almost whole.
Index nearest_place(const Axis& axis, bool exact, Index i, DType dtype) {
  const auto compute = [&]<typename T>(T step) {
    if (!exact) return static_cast<float>(step * static_cast<T>(i));
    const T center = step * (static_cast<T>(i) + T(0.5)) - T(0.5);
    return static_cast<float>(std::max(center, T(0)) + T(0.5));
  };
  const float at =
      dtype == DType::float64 ? compute(axis.step) : compute(static_cast<float>(axis.step));
  return std::min(static_cast<Index>(std::floor(at)), axis.in - 1);
}

AxisMap nearest_map(const Axis& axis, bool exact, DType dtype) {
  AxisMap map = empty_map(axis, Mode::nearest);
  for (Index i = 0; i < axis.out; ++i) map.add({{nearest_place(axis, exact, i, dtype), 1}});
  return map;
}

/// Where result i lies in x.
double source(const Axis& axis, bool align_corners, Index i) {
  const auto at = static_cast<double>(i);
  return align_corners ? axis.step * at : axis.step * (at + 0.5) - 0.5;
}

AxisMap linear_map(const Axis& axis, bool align_corners) {
  AxisMap map = empty_map(axis, Mode::linear);
  for (Index i = 0; i < axis.out; ++i) {
    // Equal sizes are a copy, whatever the scale factor was.
    const double at = axis.in == axis.out ? static_cast<double>(i)
                                          : std::max(0.0, source(axis, align_corners, i));
    const Index low = std::min(static_cast<Index>(at), axis.in - 1);
    const Index high = std::min(low + 1, axis.in - 1);
    const double share = std::min(at - static_cast<double>(low), 1.0);
    map.add({{low, 1 - share}, {high, share}});
  }
  return map;
}

// R. Keys, Cubic convolution interpolation for digital image processing, 1981, with a = -0.75.
double cubic_weight(double distance) {
  constexpr double a = -0.75;
  const double d = std::abs(distance);
  if (d <= 1) return ((a + 2) * d - (a + 3)) * d * d + 1;
  return ((a * d - 5 * a) * d + 8 * a) * d - 4 * a;
}

AxisMap cubic_map(const Axis& axis, bool align_corners) {
  AxisMap map = empty_map(axis, Mode::bicubic);
  for (Index i = 0; i < axis.out; ++i) {
    const double at = source(axis, align_corners, i);
    const Index low = std::min(static_cast<Index>(std::floor(at)), axis.in - 1);
    const double share = std::min(std::max(at - static_cast<double>(low), 0.0), 1.0);
    const auto tap = [&](Index step) {
      return Tap{std::clamp<Index>(low + step, 0, axis.in - 1),
                 cubic_weight(share - static_cast<double>(step))};
    };
    map.add({tap(-1), tap(0), tap(1), tap(2)});
  }
  return map;
}

AxisMap axis_map(const Axis& axis, Mode mode, bool align_corners, DType dtype) {
  if (selects(mode)) return nearest_map(axis, mode == Mode::nearest_exact, dtype);
  return mode == Mode::bicubic ? cubic_map(axis, align_corners) : linear_map(axis, align_corners);
}

/// Linear in x: the derivative is the transposed map.
Tensor mapped(std::shared_ptr<const AxisMap> map, const Tensor& x, int axis) {
  Tensor y = ops::map_axis(*map, x, axis);
  const Rule rule = [map = std::move(map), axis](std::span<const Tensor>,
                                                 std::span<const Tensor> grads, Needs) {
    return std::vector<Tensor>{
        mapped(std::make_shared<const AxisMap>(map->transposed()), grads[0], axis)};
  };
  return record_one("interpolate", {x}, std::move(y), rule);
}

// ---- sizes

void check_options(const Tensor& x, const InterpolateOptions& o) {
  VG_CHECK(x.defined() && (is_floating(x.dtype()) || selects(o.mode)), DTypeError,
           "interpolate: x must be float32 or float64 (any dtype in the nearest modes); got {}",
           x.defined() ? name(x.dtype()) : "an undefined tensor");
  const int rank = x.dim() - 2;
  VG_CHECK(rank >= 1 && rank <= 3, ShapeError,
           "interpolate: x must be (batch, channels, size...) with 1 to 3 sizes; got {}",
           x.shape());
  VG_CHECK(o.size.has_value() != !o.scale_factor.empty(), ShapeError,
           "interpolate: needs one of size and scale_factor; got {}", o.size ? "both" : "none");
  VG_CHECK(o.mode != Mode::bicubic || rank == 2, ShapeError,
           "interpolate: bicubic takes (batch, channels, height, width); got {}", x.shape());
  VG_CHECK(!o.align_corners || o.mode == Mode::linear || o.mode == Mode::bicubic, ShapeError,
           "interpolate: align_corners belongs to the linear and bicubic modes; got {}",
           *o.align_corners);
  VG_CHECK(!o.recompute_scale_factor || !o.size, ShapeError,
           "interpolate: recompute_scale_factor needs scale_factor; got a size");
  VG_CHECK(o.size || o.scale_factor.size() == 1 ||
               o.scale_factor.size() == static_cast<std::size_t>(rank),
           ShapeError, "interpolate: scale_factor must be one number or {}; got {}", rank,
           o.scale_factor.size());
}

std::vector<Axis> axes_of(const Tensor& x, const InterpolateOptions& o) {
  constexpr Index kMost = Index{1} << 30;
  const int rank = x.dim() - 2;
  std::vector<Axis> axes;
  for (int i = 0; i < rank; ++i) {
    const Index in = x.size(2 + i);
    const auto numbers = static_cast<double>(in);
    double factor = 0;
    Index out = 0;
    if (o.size) {
      out = o.size->at(rank, "interpolate", "size")[static_cast<std::size_t>(i)];
    } else {
      factor = o.scale_factor[o.scale_factor.size() == 1 ? 0 : static_cast<std::size_t>(i)];
      VG_CHECK(factor > 0 && numbers * factor < static_cast<double>(kMost), ShapeError,
               "interpolate: scale factors must be positive and the result must fit; got {} for "
               "size {}",
               factor, in);
      out = static_cast<Index>(std::floor(numbers * factor));
      if (o.recompute_scale_factor) factor = 0;
    }
    VG_CHECK(in > 0 && out > 0 && out <= kMost, ShapeError,
             "interpolate: sizes must be in [1, {}]; got {} from {}", kMost, out, in);
    const auto results = static_cast<double>(out);
    double step = factor > 0 ? 1 / factor : numbers / results;
    if (o.align_corners.value_or(false)) step = out > 1 ? (numbers - 1) / (results - 1) : 0;
    axes.push_back({in, out, step});
  }
  return axes;
}

/// Asks for the memory of the result and of the largest table of places, before any is written.
void check_memory(const Tensor& x, const Shape& shape, const std::vector<Axis>& axes, Mode mode) {
  Index bytes = checked_product(element_count(shape), static_cast<Index>(size_of(x.dtype())));
  Index tables = 0;
  for (const Axis& axis : axes) tables = std::max(tables, table_bytes(axis, mode));
  if (bytes <= kLarge && tables <= kLarge) return;
  VG_CHECK(bytes <= std::numeric_limits<Index>::max() - tables, OutOfMemoryError,
           "interpolate: the result must fit into memory; got shape {}", shape);
  Tensor::empty({bytes + tables}, DType::uint8, x.device());
}

Tensor area(const Tensor& x, const std::vector<Axis>& axes) {
  std::vector<std::optional<Index>> sizes;
  for (const Axis& axis : axes) sizes.push_back(axis.out);
  return adaptive_avg_pool(x, sizes);
}

}  // namespace

Tensor interpolate(const Tensor& x, const InterpolateOptions& options) {
  check_options(x, options);
  const std::vector<Axis> axes = axes_of(x, options);
  if (options.mode == Mode::area) return area(x, axes);
  Shape shape(x.shape().begin(), x.shape().begin() + 2);
  for (const Axis& axis : axes) shape.push_back(axis.out);
  if (x.numel() == 0) return x.reshape(shape);
  check_memory(x, shape, axes, options.mode);
  std::vector<std::size_t> order(axes.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  // What shrinks most comes first, and the rest has less to do.
  std::ranges::stable_sort(order, {}, [&](std::size_t i) {
    return static_cast<double>(axes[i].out) / static_cast<double>(axes[i].in);
  });
  Tensor y = x;
  for (const std::size_t i : order) {
    const AxisMap map =
        axis_map(axes[i], options.mode, options.align_corners.value_or(false), x.dtype());
    y = mapped(std::make_shared<const AxisMap>(map), y, static_cast<int>(i) + 2);
  }
  return y;
}

}  // namespace voxgrad
