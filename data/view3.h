// Internal: the elements of a volume of any strides.
#pragma once

#include <array>
#include <string_view>

#include <voxgrad/core/check.h>
#include <voxgrad/core/tensor.h>
#include <voxgrad/data/volume.h>

namespace voxgrad {

/// @throws ShapeError unless `volume` has 3 axes, DeviceError unless it is on the CPU; the texts
/// begin with `op`.
inline void check_volume(std::string_view op, const Tensor& volume) {
  VG_CHECK(volume.defined() && volume.dim() == 3, ShapeError,
           "{}: a volume must have 3 axes (depth, height, width); got shape {}", op,
           volume.defined() ? to_string(volume.shape()) : "of no tensor");
  VG_CHECK(volume.device().type == DeviceType::cpu, DeviceError,
           "{}: a volume must be on the CPU; got {}", op, to_string(volume.device()));
}

inline Size3 size3(const Tensor& volume) {
  return {volume.size(0), volume.size(1), volume.size(2)};
}

/// Reads element (z, y, x) of a volume.
template <typename T>
struct View3 {
  explicit View3(const Tensor& volume)
      : data(volume.data<T>()), strides{volume.stride(0), volume.stride(1), volume.stride(2)} {}

  const T& operator()(Index z, Index y, Index x) const {
    return data[z * strides[0] + y * strides[1] + x * strides[2]];
  }

  const T* data;
  std::array<Index, 3> strides;
};

}  // namespace voxgrad
