// Tensors of random values in every layout, and their elements by index.
#pragma once

#include <vector>

#include "tests/ops/layouts.h"

namespace voxgrad::testing {

/// Uniform in [-1, 1), different for each seed.
inline Tensor random_values(const Shape& shape, DType dtype = DType::float64,
                            Layout layout = Layout::plain, std::uint32_t seed = 1) {
  Tensor result = uninitialised(shape, dtype, layout);
  std::uint32_t state = seed * 2654435761u + 12345u;
  visit_floating(dtype, [&]<typename T>() {
    T* data = result.mutable_data<T>();
    for (const auto& index : indices(shape)) {
      state = state * 1664525u + 1013904223u;
      data[offset(index, result.strides())] =
          static_cast<T>(static_cast<double>(state >> 8) * 0x1p-23 - 1);
    }
  });
  return result;
}

/// Whole numbers in [0, count).
inline Tensor random_labels(const Shape& shape, Index count, DType dtype = DType::int64,
                            std::uint32_t seed = 1) {
  Tensor result = Tensor::empty(shape, dtype);
  std::uint32_t state = seed * 2654435761u + 12345u;
  visit_dtype(dtype, [&]<typename T>() {
    T* data = result.mutable_data<T>();
    for (Index i = 0; i < result.numel(); ++i) {
      state = state * 1664525u + 1013904223u;
      data[i] = static_cast<T>((state >> 16) % static_cast<std::uint32_t>(count));
    }
  });
  return result;
}

/// Number of an index in row-major order.
inline std::size_t flat(const Shape& shape, const std::vector<Index>& index) {
  return static_cast<std::size_t>(offset(index, contiguous_strides(shape)));
}

inline double dot(const Tensor& a, const Tensor& b) {
  const auto x = values(a), y = values(b);
  double sum = 0;
  for (std::size_t i = 0; i < x.size(); ++i) sum += x[i] * y[i];
  return sum;
}

inline double largest_difference(const std::vector<double>& a, const std::vector<double>& b) {
  if (a.size() != b.size()) return 1e300;
  double largest = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double gap = std::abs(a[i] - b[i]);
    if (!(gap <= largest)) largest = gap;
  }
  return largest;
}

}  // namespace voxgrad::testing
