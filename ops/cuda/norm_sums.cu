// What normalisation sums over rows, by fold(), in float64.
#include <voxgrad/ops/cuda/fold.h>
#include <voxgrad/ops/cuda/norm_kernels.h>
#include <voxgrad/ops/norm_function.h>

namespace voxgrad::ops::cuda {
namespace {

FoldShape rows_of(const NormShape& shape) { return {shape.groups, shape.rows, shape.channels}; }
FoldShape groups_of(const NormShape& shape) { return {1, shape.groups, shape.channels}; }

/// x[outer][first + k * step][inner] of a FoldShape.
struct Rows {
  FoldShape shape;
  __device__ Index start(Index output) const {
    const Divided place = divide(output, shape.inner);
    return place.quotient * shape.length * shape.inner + place.rest;
  }
};

/// `squares`: sum of (x - mean)^2.
struct Statistics {
  double count, mean, squares;
};

struct MergeStatistics {
  using Total = Statistics;
  static constexpr Total identity() { return {0, 0, 0}; }
  static constexpr Total merge(Total a, Total b) {
    if (b.count == 0) return a;
    const double count = a.count + b.count;
    const double share = b.count / count, apart = b.mean - a.mean;
    return {count, a.mean + apart * share,
            a.squares + b.squares + apart * apart * (a.count * share)};
  }
};

/// A few elements at a time, each few about their own mean: nothing cancels, whatever the mean.
template <typename T>
struct Moving {
  using Merge = MergeStatistics;
  Rows rows;
  const T* x;

  __device__ Statistics operator()(Index output, Index first, Index step) const {
    const T* start = x + rows.start(output);
    Statistics total = Merge::identity();
    for (Index j = first; j < rows.shape.length; j += kAtOnce * step)
      total = Merge::merge(total, block(start, j, step));
    return total;
  }

 private:
  static constexpr int kAtOnce = 16;

  __device__ Statistics block(const T* start, Index first, Index step) const {
    double values[kAtOnce];
    int count = 0;
    double sum = 0, squares = 0;
    for (int k = 0; k < kAtOnce; ++k) {
      const Index row = first + k * step;
      const bool exists = row < rows.shape.length;
      values[k] = exists ? static_cast<double>(start[row * rows.shape.inner]) : 0;
      count += exists ? 1 : 0;
    }
    for (int k = 0; k < kAtOnce; ++k) sum += values[k];
    const double mean = sum / count;
    for (int k = 0; k < kAtOnce; ++k) {
      const double apart = k < count ? values[k] - mean : 0;
      squares += apart * apart;
    }
    return {static_cast<double>(count), mean, squares};
  }
};

struct StoreMoments {
  double *mean, *variance;
  double rows;
  __device__ void operator()(Index output, const Statistics& total) const {
    mean[output] = total.mean;
    variance[output] = total.squares / rows;
  }
};

struct Pair {
  double dy, product;
};

struct AddPairs {
  using Total = Pair;
  static constexpr Pair identity() { return {0, 0}; }
  static constexpr Pair merge(Pair a, Pair b) { return {a.dy + b.dy, a.product + b.product}; }
};

/// What the rectifier lets through of dy, and its product with x - mean.
template <typename T, Rectifier rectifier>
struct GradientElement {
  const T *x, *dy;
  Index inner;
  double mean;
  AffineNumbers<T> affine;
  T slope;
  __device__ Pair operator()(Index j) const {
    const T value = x[j * inner];
    const T normal = (value - affine.center) * affine.scale + affine.shift;
    const double g = static_cast<double>(gated<rectifier>(dy[j * inner], normal, slope));
    return {g, g * (static_cast<double>(value) - mean)};
  }
};

template <typename T, Rectifier rectifier>
struct GradientSums {
  using Merge = AddPairs;
  Rows rows;
  const T *x, *dy;
  Parameter mean, variance, weight, bias;
  double eps;
  T slope;
  __device__ Pair operator()(Index output, Index first, Index step) const {
    const Index start = rows.start(output), channel = divide(output, rows.shape.inner).rest;
    const AffineNumbers<T> affine(mean[output], variance[output], eps, weight[channel],
                                  bias[channel]);
    const GradientElement<T, rectifier> element{x + start,    dy + start, rows.shape.inner,
                                                mean[output], affine,     slope};
    return fold_elements<Merge>(element, first, step, rows.shape.length);
  }
};

struct StoreSums {
  double *dy, *dy_xhat;
  Parameter variance;
  double eps;
  __device__ void operator()(Index output, const Pair& total) const {
    dy[output] = total.dy;
    dy_xhat[output] = total.product / std::sqrt(variance[output] + eps);
  }
};

/// The sum over groups.
struct Groups {
  using Merge = AddDoubles;
  FoldShape shape;
  const double* x;
  __device__ double operator()(Index output, Index first, Index step) const {
    return fold_elements<Merge>(PartialElement<double>{x + output, shape.inner}, first, step,
                                shape.length);
  }
};

template <typename T>
struct StoreSum {
  T* out;
  __device__ void operator()(Index output, double total) const {
    out[output] = static_cast<T>(total);
  }
};

/// Moves towards the groups' mean times a factor.
template <typename T>
struct Move {
  T* running;
  Index step;
  double factor, momentum;
  __device__ void operator()(Index output, double total) const {
    T& place = running[output * step];
    place =
        static_cast<T>((1 - momentum) * static_cast<double>(place) + momentum * (total * factor));
  }
};

void move_towards(const NormShape& shape, const Tensor& from, double factor, double momentum,
                  Tensor& to) {
  const double share = factor / static_cast<double>(shape.groups);
  visit_floating(to.dtype(), [&]<typename T>() {
    fold("norm", groups_of(shape), Groups{groups_of(shape), from.data<double>()},
         Move<T>{to.mutable_data<T>(), to.stride(0), share, momentum});
  });
}

}  // namespace

void moments(const NormShape& shape, const Tensor& x, Moments& result) {
  const StoreMoments store{result.mean.mutable_data<double>(),
                           result.variance.mutable_data<double>(), static_cast<double>(shape.rows)};
  visit_floating(x.dtype(), [&]<typename T>() {
    fold("norm", rows_of(shape), Moving<T>{{rows_of(shape)}, x.data<T>()}, store);
  });
}

void norm_sums(const NormShape& shape, const Tensor& x, const Tensor& dy, const Moments& moments,
               const NormOutput& output, NormSums& result) {
  const Parameter mean(moments.mean), variance(moments.variance), weight(output.weight, 1),
      bias(output.bias, 0);
  const StoreSums store{result.dy.mutable_data<double>(), result.dy_xhat.mutable_data<double>(),
                        variance, output.eps};
  visit_floating(x.dtype(), [&]<typename T>() {
    with_rectifier(output.slope, [&]<Rectifier rectifier>() {
      const GradientSums<T, rectifier> sums{{rows_of(shape)},
                                            x.data<T>(),
                                            dy.data<T>(),
                                            mean,
                                            variance,
                                            weight,
                                            bias,
                                            output.eps,
                                            static_cast<T>(output.slope)};
      fold("norm_backward", rows_of(shape), sums, store);
    });
  });
}

void add_groups(const NormShape& shape, const Tensor& sums, Tensor& result) {
  visit_floating(result.dtype(), [&]<typename T>() {
    fold("norm_backward", groups_of(shape), Groups{groups_of(shape), sums.data<double>()},
         StoreSum<T>{result.mutable_data<T>()});
  });
}

void update_running(const NormShape& shape, const Moments& moments, double momentum,
                    Moments& running) {
  const double rows = static_cast<double>(shape.rows);
  if (running.mean.defined()) move_towards(shape, moments.mean, 1, momentum, running.mean);
  if (running.variance.defined())
    move_towards(shape, moments.variance, rows / (rows - 1), momentum, running.variance);
}

}  // namespace voxgrad::ops::cuda
