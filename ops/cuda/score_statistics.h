// Internal: of each position of a ClassShape, the largest score and the sum of powers, for softmax
// and the losses.
#pragma once

#include <cmath>
#include <limits>

#include <voxgrad/ops/cuda/fold.h>
#include <voxgrad/ops/reduce_function.h>
#include <voxgrad/ops/softmax.h>

namespace voxgrad::ops::cuda {

/// Where element i of x belongs.
struct ClassPlace {
  Index position, channel;
};
__device__ inline ClassPlace place_of(const ClassShape& shape, Index i) {
  const Divided inner = divide(i, shape.inner), outer = divide(inner.quotient, shape.classes);
  return {outer.quotient * shape.inner + inner.rest, outer.rest};
}

/// The element of class 0 at a position.
__device__ inline Index start_of(const ClassShape& shape, Index position) {
  const Divided place = divide(position, shape.inner);
  return place.quotient * shape.classes * shape.inner + place.rest;
}

/// `sum` of exp(x - largest). NaN among the scores leaves a sum of NaN.
template <typename T>
struct ScoreStatistics {
  T largest, sum;
};

template <typename T>
__device__ constexpr T larger(T a, T b) {
  return Maximum<T>::add(a, b);
}

/// exp(x - largest) summed over what is there, -infinity being nothing: it adds 0 also where there
/// is nothing else yet.
template <typename T>
struct MergeScores {
  using Total = ScoreStatistics<T>;
  static constexpr Total identity() { return {-std::numeric_limits<T>::infinity(), T(0)}; }
  static constexpr Total merge(Total a, Total b) {
    const T largest = larger(a.largest, b.largest);
    return {largest, moved(a, largest) + moved(b, largest)};
  }
  /// The sum in terms of a larger largest.
  static constexpr T moved(Total a, T largest) {
    if (a.largest == -std::numeric_limits<T>::infinity()) return a.sum;
    return a.sum * std::exp(a.largest - largest);
  }
};

/// x[outer][class][inner] of `shape`; a few classes at a time, so that few powers are taken twice.
template <typename T>
struct Scores {
  using Merge = MergeScores<T>;
  ClassShape shape;
  const T* x;

  __device__ ScoreStatistics<T> operator()(Index position, Index first, Index step) const {
    const T* start = x + start_of(shape, position);
    ScoreStatistics<T> total = Merge::identity();
    for (Index c = first; c < shape.classes; c += kAtOnce * step)
      total = Merge::merge(total, block(start, c, step));
    return total;
  }

 private:
  static constexpr int kAtOnce = 16;

  __device__ ScoreStatistics<T> block(const T* start, Index first, Index step) const {
    T values[kAtOnce];
    ScoreStatistics<T> result = Merge::identity();
    for (int k = 0; k < kAtOnce; ++k) {
      const Index c = first + k * step;
      values[k] = c < shape.classes ? start[c * shape.inner] : Merge::identity().largest;
    }
    for (int k = 0; k < kAtOnce; ++k) result.largest = larger(result.largest, values[k]);
    if (result.largest == Merge::identity().largest) return result;
    for (int k = 0; k < kAtOnce; ++k) {
      if (first + k * step < shape.classes) result.sum += std::exp(values[k] - result.largest);
    }
    return result;
  }
};

template <typename T>
struct StoreScores {
  ScoreStatistics<T>* to;
  __device__ void operator()(Index position, const ScoreStatistics<T>& total) const {
    to[position] = total;
  }
};

inline FoldShape fold_shape(const ClassShape& shape) {
  return {shape.outer, shape.classes, shape.inner};
}

template <typename T>
DeviceArray<ScoreStatistics<T>> score_statistics(std::string_view op, const ClassShape& shape,
                                                 const T* x) {
  DeviceArray<ScoreStatistics<T>> result(shape.positions());
  fold(op, fold_shape(shape), Scores<T>{shape, x}, StoreScores<T>{result.data()});
  return result;
}

}  // namespace voxgrad::ops::cuda
