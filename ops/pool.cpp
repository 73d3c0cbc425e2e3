#include <voxgrad/ops/pool.h>

#include <algorithm>
#include <limits>

#include <voxgrad/core/check.h>
#include <voxgrad/ops/layout.h>

namespace voxgrad::ops {
namespace {

Shape shape_of(const PoolGeometry& geometry, Index PoolAxis::*size) {
  Shape shape{geometry.batch, geometry.channels};
  for (int a = 3 - geometry.rank; a < 3; ++a) shape.push_back(geometry.axis[a].*size);
  return shape;
}

// So that no sum or product of options and sizes overflows.
constexpr Index kLargestOption = Index{1} << 30;
// Positions number the places of a window in 32 bits.
constexpr Index kMostPlaces = std::numeric_limits<std::int32_t>::max();

Index ceil_divide(Index a, Index b) { return (a + b - 1) / b; }

bool every_window_holds_an_input(const PoolAxis& axis) {
  if (axis.out < 1 || (axis.out - 1) * axis.stride - axis.padding >= axis.in) return false;
  // Windows that start in the low padding: their first tap at or above 0, which lies below the
  // dilation, must lie inside.
  if (axis.dilation <= axis.in) return true;
  for (Index before = axis.padding; before > 0; before -= axis.stride) {
    if (ceil_divide(before, axis.dilation) * axis.dilation - before >= axis.in) return false;
  }
  return true;
}

}  // namespace

Shape PoolGeometry::input_shape() const { return shape_of(*this, &PoolAxis::in); }
Shape PoolGeometry::output_shape() const { return shape_of(*this, &PoolAxis::out); }
DType PoolGeometry::position_dtype() const { return window() <= 256 ? DType::uint8 : DType::int32; }

void set_output_size(std::string_view op, PoolAxis& axis, bool ceil_mode) {
  const auto [in, out, kernel, stride, padding, dilation, adaptive] = axis;
  VG_CHECK(kernel >= 1 && stride >= 1 && dilation >= 1, ShapeError,
           "{}: kernel, stride and dilation must be at least 1; got {}, {}, {}", op, kernel, stride,
           dilation);
  VG_CHECK(std::max({kernel, stride, dilation}) <= kLargestOption, ShapeError,
           "{}: kernel, stride and dilation must be at most {}; got {}, {}, {}", op, kLargestOption,
           kernel, stride, dilation);
  VG_CHECK(padding >= 0 && padding <= kernel / 2, ShapeError,
           "{}: padding must be in [0, kernel / 2]; got {} for kernel {}", op, padding, kernel);
  const Index reach = checked_product(dilation, kernel - 1) + 1;
  const Index room = in + 2 * padding - reach;
  VG_CHECK(room >= 0 || (ceil_mode && room + stride > 0), ShapeError,
           "{}: the window spans {} but the padded input has {}; use a smaller kernel or dilation",
           op, reach, in + 2 * padding);
  Index size = (ceil_mode ? ceil_divide(std::max<Index>(room, 0), stride) : room / stride) + 1;
  // A window that starts in the padding beyond the input is dropped.
  if (ceil_mode && (size - 1) * stride >= in + padding) --size;
  axis.out = size;
  VG_CHECK(
      every_window_holds_an_input(axis), ShapeError,
      "{}: every window must hold an input; got size {} with kernel {}, stride {}, padding {}, "
      "dilation {}",
      op, in, kernel, stride, padding, dilation);
}

PoolAxis adaptive_axis(std::string_view op, Index in, Index out) {
  VG_CHECK(in > 0 && out >= 0 && out <= kLargestOption, ShapeError,
           "{}: sizes must be positive and output sizes in [0, {}]; got {} from {}", op,
           kLargestOption, out, in);
  PoolAxis axis{.in = in, .out = out, .kernel = 0, .adaptive = true};
  if (out > 0) axis.kernel = in / out + (in % out == 0 ? 0 : 2);
  return axis;
}

const PoolKernels& pool_kernels(Device device) {
  return select_kernels(device, cpu::kPool, cuda::kPool);
}

MaxPooled max_pool(const PoolGeometry& geometry, const Tensor& x) {
  const auto& [d, h, w] = geometry.axis;
  VG_CHECK(checked_product(checked_product(d.kernel, h.kernel), w.kernel) <= kMostPlaces,
           ShapeError, "max_pool: a window must have at most {} places; got kernel {} x {} x {}",
           kMostPlaces, d.kernel, h.kernel, w.kernel);
  const Shape shape = geometry.output_shape();
  MaxPooled result{Tensor::empty_channels_last(shape, x.dtype(), x.device()),
                   Tensor::empty_channels_last(shape, geometry.position_dtype(), x.device())};
  pool_kernels(x.device()).max(geometry, to_channels_last(x), result.values, result.positions);
  return result;
}

Tensor scatter_at(const PoolGeometry& geometry, const Tensor& y, const Tensor& positions) {
  Tensor x = Tensor::empty_channels_last(geometry.input_shape(), y.dtype(), y.device());
  pool_kernels(y.device()).scatter(geometry, to_channels_last(y), to_channels_last(positions), x);
  return x;
}

Tensor gather_at(const PoolGeometry& geometry, const Tensor& x, const Tensor& positions) {
  Tensor y = Tensor::empty_channels_last(geometry.output_shape(), x.dtype(), x.device());
  pool_kernels(x.device()).gather(geometry, to_channels_last(x), to_channels_last(positions), y);
  return y;
}

Tensor flat_indices(const PoolGeometry& geometry, const Tensor& positions) {
  Tensor indices =
      Tensor::empty_channels_last(geometry.output_shape(), DType::int64, positions.device());
  pool_kernels(positions.device()).flat_indices(geometry, to_channels_last(positions), indices);
  return indices;
}

Tensor average_pool(const PoolGeometry& geometry, AverageDivisor divisor, const Tensor& x) {
  Tensor y = Tensor::empty_channels_last(geometry.output_shape(), x.dtype(), x.device());
  pool_kernels(x.device()).average(geometry, divisor, to_channels_last(x), y);
  return y;
}

Tensor average_pool_adjoint(const PoolGeometry& geometry, AverageDivisor divisor, const Tensor& y) {
  Tensor x = Tensor::empty_channels_last(geometry.input_shape(), y.dtype(), y.device());
  pool_kernels(y.device()).average_adjoint(geometry, divisor, to_channels_last(y), x);
  return x;
}

}  // namespace voxgrad::ops
