// Softmax and its gradient: sums over classes by fold(), then element by element.
#include <voxgrad/ops/cuda/score_statistics.h>

namespace voxgrad::ops::cuda {
namespace {

template <typename T, bool kLogarithm>
struct Softmax {
  ClassShape shape;
  const ScoreStatistics<T>* statistics;
  const T* x;
  T* y;
  __device__ void operator()(Index i) const {
    const auto [largest, sum] = statistics[place_of(shape, i).position];
    // In this order large scores lose nothing.
    if constexpr (kLogarithm) y[i] = (x[i] - largest) - std::log(sum);
    else y[i] = std::exp(x[i] - largest) * (T(1) / sum);
  }
};

template <typename T, bool kLogarithm>
struct GradientElement {
  const T *y, *dy;
  Index inner;
  __device__ double operator()(Index c) const {
    const double g = static_cast<double>(dy[c * inner]);
    if constexpr (kLogarithm) return g;
    else return g * static_cast<double>(y[c * inner]);
  }
};

/// sum(dy * y) of each position; for the logarithm sum(dy).
template <typename T, bool kLogarithm>
struct GradientSums {
  using Merge = AddDoubles;
  ClassShape shape;
  const T *y, *dy;
  __device__ double operator()(Index position, Index first, Index step) const {
    const Index start = start_of(shape, position);
    const GradientElement<T, kLogarithm> element{y + start, dy + start, shape.inner};
    return fold_elements<Merge>(element, first, step, shape.classes);
  }
};

template <typename T>
struct StoreSum {
  T* to;
  __device__ void operator()(Index position, double total) const {
    to[position] = static_cast<T>(total);
  }
};

template <typename T, bool kLogarithm>
struct Gradient {
  ClassShape shape;
  const T *sums, *y, *dy;
  T* dx;
  __device__ void operator()(Index i) const {
    const T sum = sums[place_of(shape, i).position];
    if constexpr (kLogarithm) dx[i] = dy[i] - std::exp(y[i]) * sum;
    else dx[i] = y[i] * (dy[i] - sum);
  }
};

/// Calls body.operator()<logarithm>().
template <typename Body>
void with_logarithm(bool logarithm, const Body& body) {
  if (logarithm) body.template operator()<true>();
  else body.template operator()<false>();
}

void softmax(const ClassShape& shape, bool logarithm, const Tensor& x, Tensor& y) {
  visit_floating(x.dtype(), [&]<typename T>() {
    DeviceArray<ScoreStatistics<T>> statistics = score_statistics("softmax", shape, x.data<T>());
    with_logarithm(logarithm, [&]<bool kLogarithm>() {
      launch("softmax", x.numel(),
             Softmax<T, kLogarithm>{shape, statistics.data(), x.data<T>(), y.mutable_data<T>()});
    });
  });
}

void softmax_gradient(const ClassShape& shape, bool logarithm, const Tensor& y, const Tensor& dy,
                      Tensor& dx) {
  visit_floating(y.dtype(), [&]<typename T>() {
    DeviceArray<T> memory(shape.positions());
    T* const sums = memory.data();
    with_logarithm(logarithm, [&]<bool kLogarithm>() {
      const GradientSums<T, kLogarithm> source{shape, y.data<T>(), dy.data<T>()};
      fold("softmax_backward", fold_shape(shape), source, StoreSum<T>{sums});
      launch("softmax_backward", y.numel(),
             Gradient<T, kLogarithm>{shape, sums, y.data<T>(), dy.data<T>(), dx.mutable_data<T>()});
    });
  });
}

}  // namespace

const SoftmaxKernels kSoftmax = {.softmax = softmax, .softmax_gradient = softmax_gradient};

}  // namespace voxgrad::ops::cuda
