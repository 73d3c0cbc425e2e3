#include <voxgrad/data/volume.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <type_traits>

#include <voxgrad/core/check.h>
#include <voxgrad/data/view3.h>

namespace voxgrad {
namespace {

// Sum of f(voxel) in double. Rows are summed before they are added up, so the error does not grow
// with the volume.
template <typename T, typename F>
double sum_voxels(const Tensor& volume, F&& f) {
  const View3<T> in(volume);
  const Size3 size = size3(volume);
  double total = 0;
  for (Index z = 0; z < size[0]; ++z) {
    for (Index y = 0; y < size[1]; ++y) {
      double row = 0;
      for (Index x = 0; x < size[2]; ++x) row += f(static_cast<double>(in(z, y, x)));
      total += row;
    }
  }
  return total;
}

// Whether conversion to T has a meaning: C++ gives it none for integers out of range.
template <typename T>
bool converts(double value) {
  using Limits = std::numeric_limits<T>;
  if (!std::is_integral_v<T> || std::is_same_v<T, bool>) return true;
  return value >= static_cast<double>(Limits::lowest()) &&
         value < static_cast<double>(Limits::max()) + 1;
}

}  // namespace

Tensor crop_volume(const Tensor& volume, const Size3& start, const Size3& size) {
  check_volume("crop_volume", volume);
  for (std::size_t axis = 0; axis < 3; ++axis) {
    const Index whole = volume.size(static_cast<Index>(axis));
    VG_CHECK(start[axis] >= 0 && size[axis] >= 0 && size[axis] <= whole &&
                 start[axis] <= whole - size[axis],
             ShapeError,
             "crop_volume: the box must lie inside the volume {}; got start {} and size {}",
             to_string(volume.shape()), to_string(start), to_string(size));
  }
  Tensor result = Tensor::empty({size[0], size[1], size[2]}, volume.dtype());
  visit_dtype(volume.dtype(), [&]<typename T>() {
    const View3<T> in(volume);
    T* out = result.mutable_data<T>();
    for (Index z = 0; z < size[0]; ++z) {
      for (Index y = 0; y < size[1]; ++y) {
        for (Index x = 0; x < size[2]; ++x) *out++ = in(start[0] + z, start[1] + y, start[2] + x);
      }
    }
  });
  return result;
}

Tensor pad_volume(const Tensor& volume, const Size3& low, const Size3& high, double value) {
  check_volume("pad_volume", volume);
  Shape shape = volume.shape();
  for (std::size_t axis = 0; axis < 3; ++axis) {
    constexpr Index kMost = Index{1} << 40;
    VG_CHECK(low[axis] >= 0 && high[axis] >= 0 && low[axis] < kMost && high[axis] < kMost,
             ShapeError, "pad_volume: widths must be 0 or more; got low {} and high {}",
             to_string(low), to_string(high));
    shape[axis] += low[axis] + high[axis];
  }
  const bool fits = visit_dtype(volume.dtype(), [&]<typename T>() { return converts<T>(value); });
  VG_CHECK(fits, ShapeError, "pad_volume: the value must fit into {}; got {}", name(volume.dtype()),
           value);
  Tensor result = Tensor::empty(shape, volume.dtype());
  const Size3 size = size3(volume);
  visit_dtype(volume.dtype(), [&]<typename T>() {
    const View3<T> in(volume);
    T* out = result.mutable_data<T>();
    std::fill_n(out, result.numel(), static_cast<T>(value));
    for (Index z = 0; z < size[0]; ++z) {
      for (Index y = 0; y < size[1]; ++y) {
        T* row = out + ((z + low[0]) * shape[1] + y + low[1]) * shape[2] + low[2];
        for (Index x = 0; x < size[2]; ++x) row[x] = in(z, y, x);
      }
    }
  });
  return result;
}

Tensor flip_volume(const Tensor& volume, const std::array<bool, 3>& axes) {
  check_volume("flip_volume", volume);
  const Size3 size = size3(volume);
  const auto source = [&](std::size_t axis, Index i) {
    return axes[axis] ? size[axis] - 1 - i : i;
  };
  Tensor result = Tensor::empty(volume.shape(), volume.dtype());
  visit_dtype(volume.dtype(), [&]<typename T>() {
    const View3<T> in(volume);
    T* out = result.mutable_data<T>();
    for (Index z = 0; z < size[0]; ++z) {
      for (Index y = 0; y < size[1]; ++y) {
        for (Index x = 0; x < size[2]; ++x) *out++ = in(source(0, z), source(1, y), source(2, x));
      }
    }
  });
  return result;
}

Tensor standardize_volume(const Tensor& volume) {
  check_volume("standardize_volume", volume);
  VG_CHECK(volume.numel() > 0, ShapeError,
           "standardize_volume: the volume must have voxels; got shape {}",
           to_string(volume.shape()));
  Tensor result = Tensor::empty(volume.shape(), DType::float32);
  const Size3 size = size3(volume);
  visit_dtype(volume.dtype(), [&]<typename T>() {
    const auto count = static_cast<double>(volume.numel());
    const double mean = sum_voxels<T>(volume, [](double v) { return v; }) / count;
    const double variance =
        sum_voxels<T>(volume, [&](double v) { return (v - mean) * (v - mean); }) / count;
    const View3<T> in(volume);
    // Where all are equal, the mean's rounding alone would make a variance.
    const auto first = static_cast<double>(in(0, 0, 0));
    const bool varied = sum_voxels<T>(volume, [=](double v) { return v != first ? 1 : 0; }) > 0;
    const double scale = varied && variance > 0 ? 1 / std::sqrt(variance) : 0;
    float* out = result.mutable_data<float>();
    for (Index z = 0; z < size[0]; ++z) {
      for (Index y = 0; y < size[1]; ++y) {
        for (Index x = 0; x < size[2]; ++x) {
          *out++ = static_cast<float>((static_cast<double>(in(z, y, x)) - mean) * scale);
        }
      }
    }
  });
  return result;
}

}  // namespace voxgrad
