// Small tensors of known values in every memory layout, written and read element by element.
#pragma once

#include <cstring>
#include <functional>
#include <string>
#include <vector>

#include <voxgrad/core/parallel.h>
#include <voxgrad/core/tensor.h>

namespace voxgrad::testing {

inline constexpr DType kAllDTypes[] = {DType::float32, DType::float64, DType::int64,
                                       DType::int32,   DType::uint8,   DType::boolean};

/// plain; channels-last; axes reversed in memory; every second element of a larger block.
enum class Layout { plain, channels_last, reversed, gaps };
inline constexpr Layout kAllLayouts[] = {Layout::plain, Layout::channels_last, Layout::reversed,
                                         Layout::gaps};

inline Tensor uninitialised(const Shape& shape, DType dtype, Layout layout) {
  switch (layout) {
    case Layout::plain: return Tensor::empty(shape, dtype);
    case Layout::channels_last: return Tensor::empty_channels_last(shape, dtype);
    case Layout::reversed: {
      const Shape backwards(shape.rbegin(), shape.rend());
      const Strides strides = contiguous_strides(backwards);
      return Tensor::empty_strided(shape, Strides(strides.rbegin(), strides.rend()), dtype);
    }
    case Layout::gaps: break;
  }
  Strides strides = contiguous_strides(shape);
  for (Index& stride : strides) stride *= 2;
  return Tensor::empty_strided(shape, strides, dtype);
}

/// Index of every element in logical order.
inline std::vector<std::vector<Index>> indices(const Shape& shape) {
  std::vector<std::vector<Index>> result;
  std::vector<Index> at(shape.size());
  for (Index i = 0; i < element_count(shape); ++i) {
    result.push_back(at);
    for (std::size_t axis = shape.size(); axis-- > 0;) {
      if (++at[axis] < shape[axis]) break;
      at[axis] = 0;
    }
  }
  return result;
}

inline Index offset(const std::vector<Index>& index, const Strides& strides) {
  Index result = 0;
  for (std::size_t i = 0; i < index.size(); ++i) result += index[i] * strides[i];
  return result;
}

/// Value of element number i of a tensor of the given dtype: small, of both signs where there are
/// signs, with repetitions.
inline double number(Index i, DType dtype) {
  const auto hash = static_cast<std::uint32_t>(i + 1) * 2654435761u;
  const int small = static_cast<int>(hash >> 16) % 11;
  if (dtype == DType::boolean) return small % 2;
  if (dtype == DType::uint8) return small;
  return small - 5;
}

inline Tensor numbers(const Shape& shape, DType dtype = DType::float32,
                      Layout layout = Layout::plain, Index seed = 0) {
  Tensor result = uninitialised(shape, dtype, layout);
  visit_dtype(dtype, [&]<typename T>() {
    T* data = result.mutable_data<T>();
    Index i = seed;
    for (const auto& index : indices(shape)) {
      data[offset(index, result.strides())] = static_cast<T>(number(i++, dtype));
    }
  });
  return result;
}

/// All elements in logical order.
inline std::vector<double> values(const Tensor& x) {
  std::vector<double> result;
  visit_dtype(x.dtype(), [&]<typename T>() {
    const T* data = x.data<T>();
    for (const auto& index : indices(x.shape())) {
      result.push_back(static_cast<double>(data[offset(index, x.strides())]));
    }
  });
  return result;
}

/// The element that `index` of a broadcast shape reads.
inline double broadcast_value(const Tensor& x, const std::vector<Index>& index) {
  std::vector<Index> at(index.end() - x.dim(), index.end());
  for (std::size_t i = 0; i < at.size(); ++i) {
    if (x.shape()[i] == 1) at[i] = 0;
  }
  return visit_dtype(x.dtype(), [&]<typename T>() {
    return static_cast<double>(x.data<T>()[offset(at, x.strides())]);
  });
}

inline bool same_bits(const Tensor& a, const Tensor& b) {
  if (a.shape() != b.shape() || a.strides() != b.strides() || a.dtype() != b.dtype()) return false;
  return a.numel() == 0 ||
         std::memcmp(a.raw(), b.raw(), static_cast<std::size_t>(a.numel()) * size_of(a.dtype())) ==
             0;
}

/// True when f() gives a dense tensor of the same bits on 1, 2 and 3 threads.
inline bool same_on_any_threads(const std::function<Tensor()>& f) {
  const int before = num_threads();
  set_num_threads(1);
  const Tensor expected = f();
  bool same = true;
  for (const int threads : {2, 3}) {
    set_num_threads(threads);
    same = same && same_bits(expected, f());
  }
  set_num_threads(before);
  return same;
}

/// Values without structure, for sums that round.
inline Tensor noise(const Shape& shape, Layout layout = Layout::plain) {
  Tensor result = uninitialised(shape, DType::float32, layout);
  float* data = result.mutable_data<float>();
  std::uint32_t state = 1;
  for (const auto& index : indices(shape)) {
    state = state * 1664525u + 1013904223u;
    data[offset(index, result.strides())] = static_cast<float>(state >> 8) * 0x1p-23f - 1;
  }
  return result;
}

}  // namespace voxgrad::testing
