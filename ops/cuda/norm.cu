// Normalisation by given statistics and its gradient. The numbers of each group and channel are
// worked out by a launch of their own; then each part takes a few rows of one channel, so that it
// finds its place once. Channels run fastest: neighbouring parts read neighbouring memory.
#include <voxgrad/ops/norm.h>

#include <voxgrad/ops/cuda/fold.h>
#include <voxgrad/ops/cuda/norm_kernels.h>
#include <voxgrad/ops/norm_function.h>

namespace voxgrad::ops::cuda {
namespace {

/// Calls each.store(numbers of the channel, each.load(place), place) for all elements.
template <typename Each>
struct Rows {
  NormShape shape;
  Index parts;  // of a group's rows: part k takes the rows k, k + parts, ...
  const typename Each::Numbers* numbers;
  Each each;

  __device__ void operator()(Index i) const {
    const Divided row = divide(i, shape.channels), part = divide(row.quotient, parts);
    const Index group = part.quotient, channel = row.rest;
    const typename Each::Numbers mine = numbers[group * shape.channels + channel];
    const Index step = parts * shape.channels;
    const Index end = (group + 1) * shape.rows * shape.channels;
    Index at = (group * shape.rows + part.rest) * shape.channels + channel;
    for (; at + (kAtOnce - 1) * step < end; at += kAtOnce * step) {
      typename Each::Input input[kAtOnce];
      for (int k = 0; k < kAtOnce; ++k) input[k] = each.load(at + k * step);
      for (int k = 0; k < kAtOnce; ++k) each.store(mine, input[k], at + k * step);
    }
    for (; at < end; at += step) each.store(mine, each.load(at), at);
  }

 private:
  static constexpr int kAtOnce = 4;  // loads that do not wait for each other
};

template <typename Each>
void for_each_row(std::string_view op, const NormShape& shape,
                  const typename Each::Numbers* numbers, const Each& each) {
  constexpr Index kLeastThreads = Index{1} << 17, kMostRows = 16;
  const Index channels = shape.groups * shape.channels;
  const Index rows = std::clamp<Index>(channels * shape.rows / kLeastThreads, 1, kMostRows);
  const Index parts = (shape.rows + rows - 1) / rows;
  launch(op, channels * parts, Rows<Each>{shape, parts, numbers, each});
}

/// What the numbers of a channel are worked out of.
struct Channel {
  Index channels;
  Parameter mean, variance, weight, bias;
  double eps;

  Channel(const NormShape& shape, const Moments& moments, const NormOutput& output)
      : channels(shape.channels),
        mean(moments.mean),
        variance(moments.variance),
        weight(output.weight, 1),
        bias(output.bias, 0),
        eps(output.eps) {}

  template <typename T>
  __device__ AffineNumbers<T> affine(Index i) const {
    const Index channel = divide(i, channels).rest;
    return {mean[i], variance[i], eps, weight[channel], bias[channel]};
  }
  template <typename T>
  __device__ GradientNumbers<T> gradient(Index i, double mean_dy, double mean_dy_xhat) const {
    return {mean[i], variance[i], eps, weight[divide(i, channels).rest], mean_dy, mean_dy_xhat};
  }
};

template <typename T>
struct AffineOfChannels {
  Channel channel;
  AffineNumbers<T>* to;
  __device__ void operator()(Index i) const { to[i] = channel.affine<T>(i); }
};

template <typename T>
DeviceArray<AffineNumbers<T>> affine_numbers(const NormShape& shape, const Moments& moments,
                                             const NormOutput& output) {
  const Index count = shape.groups * shape.channels;
  DeviceArray<AffineNumbers<T>> result(count);
  launch("norm", count, AffineOfChannels<T>{Channel(shape, moments, output), result.data()});
  return result;
}

template <typename T>
__device__ T normalized(const AffineNumbers<T>& numbers, T x) {
  return (x - numbers.center) * numbers.scale + numbers.shift;
}

template <typename T, Rectifier rectifier>
struct Normalize {
  using Numbers = AffineNumbers<T>;
  using Input = T;
  const T* x;
  T* y;
  T slope;
  __device__ T load(Index at) const { return x[at]; }
  __device__ void store(const Numbers& numbers, T value, Index at) const {
    y[at] = rectified<rectifier>(normalized(numbers, value), slope);
  }
};

void normalize(const NormShape& shape, const Tensor& x, const Moments& moments,
               const NormOutput& output, Tensor& y) {
  visit_floating(x.dtype(), [&]<typename T>() {
    DeviceArray<AffineNumbers<T>> memory = affine_numbers<T>(shape, moments, output);
    const auto* const numbers = memory.data();
    with_rectifier(output.slope, [&]<Rectifier rectifier>() {
      for_each_row(
          "norm", shape, numbers,
          Normalize<T, rectifier>{x.data<T>(), y.mutable_data<T>(), static_cast<T>(output.slope)});
    });
  });
}

template <typename T>
struct GradientInput {
  T x, dy;
};

/// dx = scale * g. Where nothing is rectified x is not read: its infinities must not spoil the
/// gradient.
template <typename T, Rectifier rectifier>
struct ConstantMomentsGradient {
  using Numbers = AffineNumbers<T>;
  using Input = GradientInput<T>;
  const T *x, *dy;
  T* dx;
  T slope;
  __device__ Input load(Index at) const {
    return {rectifier == Rectifier::none ? T(0) : x[at], dy[at]};
  }
  __device__ void store(const Numbers& numbers, const Input& in, Index at) const {
    dx[at] = numbers.scale * gated<rectifier>(in.dy, normalized(numbers, in.x), slope);
  }
};

template <typename T>
struct BothNumbers {
  AffineNumbers<T> affine;
  GradientNumbers<T> gradient;
};

template <typename T>
struct BothOfChannels {
  Channel channel;
  Parameter dy, dy_xhat;
  double rows;
  BothNumbers<T>* to;
  __device__ void operator()(Index i) const {
    to[i] = {channel.affine<T>(i), channel.gradient<T>(i, dy[i] / rows, dy_xhat[i] / rows)};
  }
};

template <typename T, Rectifier rectifier>
struct InputGradient {
  using Numbers = BothNumbers<T>;
  using Input = GradientInput<T>;
  const T *x, *dy;
  T* dx;
  T slope;
  __device__ Input load(Index at) const { return {x[at], dy[at]}; }
  __device__ void store(const Numbers& numbers, const Input& in, Index at) const {
    const auto& [dy_factor, x_factor, shift] = numbers.gradient;
    const T g = gated<rectifier>(in.dy, normalized(numbers.affine, in.x), slope);
    dx[at] = dy_factor * g + (x_factor * (in.x - numbers.affine.center) + shift);
  }
};

template <typename T>
void constant_moments_gradient(const NormShape& shape, const Tensor& x, const Tensor& dy,
                               const Moments& moments, const NormOutput& output, Tensor& dx) {
  DeviceArray<AffineNumbers<T>> memory = affine_numbers<T>(shape, moments, output);
  const auto* const numbers = memory.data();
  with_rectifier(output.slope, [&]<Rectifier rectifier>() {
    for_each_row(
        "norm_backward", shape, numbers,
        ConstantMomentsGradient<T, rectifier>{x.data<T>(), dy.data<T>(), dx.mutable_data<T>(),
                                              static_cast<T>(output.slope)});
  });
}

template <typename T>
void moments_gradient(const NormShape& shape, const Tensor& x, const Tensor& dy,
                      const Moments& moments, const NormOutput& output, const NormSums& sums,
                      Tensor& dx) {
  const Index count = shape.groups * shape.channels;
  DeviceArray<BothNumbers<T>> memory(count);
  auto* const numbers = memory.data();
  launch("norm_backward", count,
         BothOfChannels<T>{Channel(shape, moments, output), Parameter(sums.dy),
                           Parameter(sums.dy_xhat), static_cast<double>(shape.rows), numbers});
  with_rectifier(output.slope, [&]<Rectifier rectifier>() {
    for_each_row<InputGradient<T, rectifier>>(
        "norm_backward", shape, numbers,
        {x.data<T>(), dy.data<T>(), dx.mutable_data<T>(), static_cast<T>(output.slope)});
  });
}

void norm_input_gradient(const NormShape& shape, const Tensor& x, const Tensor& dy,
                         const Moments& moments, const NormOutput& output, const NormSums& sums,
                         Tensor& dx) {
  visit_floating(x.dtype(), [&]<typename T>() {
    if (sums.dy.defined()) moments_gradient<T>(shape, x, dy, moments, output, sums, dx);
    else constant_moments_gradient<T>(shape, x, dy, moments, output, dx);
  });
}

}  // namespace

const NormKernels kNorm = {.moments = moments,
                           .normalize = normalize,
                           .sums = norm_sums,
                           .input_gradient = norm_input_gradient,
                           .add_groups = add_groups,
                           .update_running = update_running};

}  // namespace voxgrad::ops::cuda
