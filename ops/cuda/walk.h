// Internal: where the i-th element of N operands of one shape lies, for kernels.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <span>

#include <device_launch.h>
#include <voxgrad/ops/operand.h>
#include <voxgrad/ops/strided_axes.h>

namespace voxgrad::ops::cuda {

/// i divided by n, which are not negative. Division of 64 bits is slow on GPUs, and rarely needed.
struct Divided {
  Index quotient, rest;
};
__host__ __device__ inline Divided divide(Index i, Index n) {
  if (((i | n) >> 32) == 0) {
    const auto a = static_cast<std::uint32_t>(i), b = static_cast<std::uint32_t>(n);
    return {a / b, a % b};
  }
  return {i / n, i % n};
}

/// Division by one number many times: two multiplications and a shift where the dividend is below
/// 2^31 (Granlund and Montgomery, 1994, figure 4.1).
class Divisor {
 public:
  Divisor() = default;
  /// n > 0.
  explicit Divisor(Index n) : n_(n) {
    if (n > (Index{1} << 31)) return;
    shift_ = static_cast<unsigned>(std::bit_width(static_cast<std::uint64_t>(n) - 1));
    const std::uint64_t beyond = (std::uint64_t{1} << shift_) - static_cast<std::uint64_t>(n);
    multiplier_ = static_cast<std::uint32_t>((beyond << 32) / static_cast<std::uint64_t>(n) + 1);
  }

  __host__ __device__ Index number() const { return n_; }

  __host__ __device__ Divided operator()(Index i) const {
    if (((i | (n_ - 1)) >> 31) != 0) return {i / n_, i % n_};
    const auto low = static_cast<std::uint32_t>(i);
    const auto high = static_cast<std::uint32_t>((std::uint64_t{low} * multiplier_) >> 32);
    const std::uint32_t quotient = (high + low) >> shift_;
    return {quotient, low - quotient * static_cast<std::uint32_t>(n_)};
  }

 private:
  Index n_ = 1;
  std::uint32_t multiplier_ = 1;
  unsigned shift_ = 0;
};

/// Places of N operands, in elements.
template <int N>
struct Places {
  Index at[N];
};

/// Goes by value into kernels. Numbers the elements so that neighbours in the memory of operand 0
/// are neighbours.
template <int N>
class Walk {
 public:
  explicit Walk(const StridedAxes<N>& axes)
      : axes_(static_cast<int>(axes.axes().size())), count_(axes.count()) {
    for (int i = 0; i < axes_; ++i) {
      const auto& axis = axes.axes()[static_cast<std::size_t>(i)];
      size_[i] = Divisor(std::max<Index>(axis.size, 1));  // 0: nothing will be asked
      for (int k = 0; k < N; ++k) step_[i][k] = axis.steps[static_cast<std::size_t>(k)];
    }
  }

  __host__ __device__ Index count() const { return count_; }

  __host__ __device__ Places<N> operator()(Index i) const {
    Places<N> result{};
    for (int axis = axes_ - 1; axis > 0; --axis) {
      const Divided d = size_[axis](i);
      for (int k = 0; k < N; ++k) result.at[k] += d.rest * step_[axis][k];
      i = d.quotient;
    }
    for (int k = 0; k < N; ++k) result.at[k] += i * step_[0][k];
    return result;
  }

 private:
  int axes_;
  Index count_;
  Divisor size_[kMaxAxes];
  Index step_[kMaxAxes][N];
};

/// Over the shape of the first operand, in its memory order.
template <typename... Operands>
Walk<1 + sizeof...(Operands)> walk(const Operand& first, const Operands&... others) {
  constexpr int kCount = 1 + sizeof...(Operands);
  return Walk<kCount>(StridedAxes<kCount>(
      first.shape,
      {std::span<const Index>(first.strides), std::span<const Index>(others.strides)...}));
}

}  // namespace voxgrad::ops::cuda
