// Internal: the tensors of a convolution as kernels of every device read them.
#pragma once

#include <optional>

#include <voxgrad/core/tensor.h>
#include <voxgrad/ops/conv_phases.h>

namespace voxgrad::ops {

/// A batch of volumes. In elements; unit axes in front for ranks 1 and 2.
template <typename T>
struct Volumes {
  T* data = nullptr;
  Index batch_stride = 0;
  Index channel_stride = 1;
  Index stride[3] = {0, 0, 0};

  Volumes<T> from_channel(Index channel) const {
    Volumes<T> shifted = *this;
    shifted.data += channel * channel_stride;
    return shifted;
  }
};

template <typename T>
Volumes<const T> volumes_of(const Tensor& tensor) {
  const Index channel_stride = tensor.size(1) == 1 ? 1 : tensor.stride(1);
  Volumes<const T> result{tensor.data<T>(), tensor.stride(0), channel_stride, {0, 0, 0}};
  const int rank = tensor.dim() - 2;
  for (int i = 0; i < rank; ++i) result.stride[3 - rank + i] = tensor.stride(2 + i);
  return result;
}

/// Where the source already is a matrix of columns: the distance of its rows, row 0 being
/// source.data. nullopt unless the map is the identity and the rows lie evenly, at least `channels`
/// apart, each in one piece.
template <typename T>
std::optional<Index> row_distance(const Gather& map, const Volumes<const T>& source,
                                  Index channels) {
  if (channels > 1 && source.channel_stride != 1) return std::nullopt;
  Index distance = 0, expected = 0;
  for (int i = 2; i >= -1; --i) {
    if (i >= 0 && !map.axis[i].is_identity()) return std::nullopt;
    const Index size = i >= 0 ? map.axis[i].size : map.batch;
    const Index stride = i >= 0 ? source.stride[i] : source.batch_stride;
    if (size == 1) continue;
    if (distance == 0) distance = expected = stride;
    if (stride != expected || stride < channels) return std::nullopt;
    expected *= size;
  }
  return distance == 0 ? channels : distance;
}

/// A weight tensor: any strides, unit axes in front for ranks 1 and 2.
template <typename T>
struct Weights {
  T* data = nullptr;
  Index y_stride = 0, x_stride = 0;
  Index tap_stride[3] = {0, 0, 0};
};

template <typename T>
Weights<const T> weights_of(const Tensor& tensor) {
  Weights<const T> result{tensor.data<T>(), tensor.stride(0), tensor.stride(1), {0, 0, 0}};
  const int rank = tensor.dim() - 2;
  for (int i = 0; i < rank; ++i) result.tap_stride[3 - rank + i] = tensor.stride(2 + i);
  return result;
}

}  // namespace voxgrad::ops
