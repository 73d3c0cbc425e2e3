// Gradients of normalisation: sums over rows in float64, and what follows from them element by
// element.
#include <cmath>

#include <voxgrad/ops/cpu/by_instruction_set.h>
#include <voxgrad/ops/cpu/norm_kernels.h>
#include <voxgrad/ops/cpu/norm_rows.h>
#include <voxgrad/ops/cpu/stream.h>

namespace voxgrad::ops::cpu {
namespace {

/// What the rectifier lets through of dy, in float64.
template <Rectifier rectifier, typename T>
[[gnu::always_inline]] inline double passed(T x, T dy, Index l, const Affine<T>& affine) {
  return static_cast<double>(gated<rectifier>(dy, affine(x, l), affine.slope));
}

template <Rectifier rectifier>
struct GradientSums {
  /// sums[l] = sum of g, products[l] = sum of g * (x - center[l]) over blocks, g being what the
  /// rectifier lets through of dy.
  template <typename T>
  [[gnu::always_inline]] static inline void run(const T* x, const T* dy, Index count, Index width,
                                                Affine<T> affine, const double* center,
                                                double* sums, double* products) {
    Index i = 0;
    for (; i + 4 * width <= count; i += 4 * width) {
      const T *xa = x + i, *xb = xa + width, *xc = xb + width, *xd = xc + width;
      const T *ga = dy + i, *gb = ga + width, *gc = gb + width, *gd = gc + width;
      fetch_ahead(xa, 4 * width);
      fetch_ahead(ga, 4 * width);
#pragma GCC ivdep
      for (Index l = 0; l < width; ++l) {
        const double a = passed<rectifier>(xa[l], ga[l], l, affine);
        const double b = passed<rectifier>(xb[l], gb[l], l, affine);
        const double c = passed<rectifier>(xc[l], gc[l], l, affine);
        const double d = passed<rectifier>(xd[l], gd[l], l, affine);
        sums[l] += (a + b) + (c + d);
        products[l] += (a * (static_cast<double>(xa[l]) - center[l]) +
                        b * (static_cast<double>(xb[l]) - center[l])) +
                       (c * (static_cast<double>(xc[l]) - center[l]) +
                        d * (static_cast<double>(xd[l]) - center[l]));
      }
    }
    for (; i < count; i += width) {
      const Index n = std::min(width, count - i);
#pragma GCC ivdep
      for (Index l = 0; l < n; ++l) {
        const double g = passed<rectifier>(x[i + l], dy[i + l], l, affine);
        sums[l] += g;
        products[l] += g * (static_cast<double>(x[i + l]) - center[l]);
      }
    }
  }
};

/// dx where the moments were constants: scale * g, g being what the rectifier lets through of dy.
/// Where nothing is rectified x is not read: its infinities must not spoil the gradient.
template <Rectifier rectifier, typename T>
struct ConstantMomentsGradient {
  Affine<T> affine;

  [[gnu::always_inline]] T operator()(T x, T dy, Index l) const {
    return affine.scale[l] * gated<rectifier>(dy, affine(x, l), affine.slope);
  }
};

/// dx = dy_factor * g + x_factor * (x - center) + shift, `width` of each.
template <Rectifier rectifier, typename T>
struct MomentsGradient {
  Affine<T> affine;
  const T* dy_factor;
  const T* x_factor;
  const T* shift;

  [[gnu::always_inline]] T operator()(T x, T dy, Index l) const {
    const T g = gated<rectifier>(dy, affine(x, l), affine.slope);
    return dy_factor[l] * g + (x_factor[l] * (x - affine.center[l]) + shift[l]);
  }
};

template <std::size_t vector_bytes>
struct InputGradient {
  /// Whole lines, past the caches.
  template <typename T, typename Gradient>
  [[gnu::always_inline]] static inline void stream(const T* x, const T* dy, Index n,
                                                   const Gradient& gradient, T* dx) {
    constexpr auto kLanes = static_cast<Index>(vector_bytes / sizeof(T));
    for (Index i = 0; i < n; i += kLanes) {
      alignas(vector_bytes) T values[kLanes];
#pragma GCC unroll 1
      for (Index l = i; l < i + kLanes; ++l) values[l - i] = gradient(x[l], dy[l], l);
      stream_vector<vector_bytes>(dx + i, values);
    }
  }

  template <typename T, typename Gradient>
  [[gnu::always_inline]] static inline void run(const T* x, const T* dy, Index count, Index width,
                                                Gradient gradient, bool streams, T* dx) {
    for (Index i = 0; i < count; i += width) {
      const Index n = std::min(width, count - i);
      fetch_ahead(dy + i, n);
      if (streams && is_whole_lines(dx + i, unsign(n) * sizeof(T))) {
        stream(x + i, dy + i, n, gradient, dx + i);
        continue;
      }
#pragma GCC ivdep
      for (Index l = 0; l < n; ++l) dx[i + l] = gradient(x[i + l], dy[i + l], l);
    }
  }
};

/// dx = gradient(x, dy, l) for each element of a group; make_gradient(group, a, b) gives it, whose
/// factors may lie in a and b.
template <typename T, typename MakeGradient>
void input_gradient(const NormShape& shape, const Tensor& x, const Tensor& dy,
                    const MakeGradient& make_gradient, Tensor& dx) {
  const RowChunks chunks(shape);
  const T* from = x.data<T>();
  const T* gradient = dy.data<T>();
  T* to = dx.mutable_data<T>();
  const bool streams = streams_results(dx.numel(), sizeof(T));
  for_each_chunk(shape, chunks, [&](Index group, Index, Index first, Index count) {
    Lines<T> a, b;
    run_widest<InputGradient>(from + first, gradient + first, count, chunks.width,
                              make_gradient(group, a, b), streams, to + first);
    if (streams) finish_streaming();
  });
}

/// Those of MomentsGradient for each group and channel.
template <typename T>
Factors<T, 3> gradient_factors(const NormShape& shape, const RowChunks& chunks,
                               const Moments& moments, const NormOutput& output,
                               const NormSums& sums) {
  const Parameter mean(moments.mean), variance(moments.variance), scales(output.weight, 1);
  const Parameter sum_dy(sums.dy), sum_dy_xhat(sums.dy_xhat);
  const double rows = static_cast<double>(shape.rows);
  Factors<T, 3> factors(shape, chunks);
  for (Index g = 0; g < shape.groups; ++g) {
    const auto [dy_factor, x_factor, shift] = factors.of(g);
    for (Index c = 0; c < shape.channels; ++c) {
      const Index i = g * shape.channels + c;
      const GradientNumbers<T> numbers(mean[i], variance[i], output.eps, scales[c],
                                       sum_dy[i] / rows, sum_dy_xhat[i] / rows);
      dy_factor[c] = numbers.dy_factor;
      x_factor[c] = numbers.x_factor;
      shift[c] = numbers.shift;
    }
  }
  return factors;
}

/// result = sums over a group's chunks, in order.
void add_chunks(const NormShape& shape, const RowChunks& chunks, const Doubles& partial,
                double* result) {
  const Index channels = shape.channels;
  for (Index i = 0; i < shape.groups * channels; ++i) {
    const Index at = i / channels * chunks.count * channels + i % channels;
    result[i] = 0;
    for (Index k = 0; k < chunks.count; ++k) result[i] += partial[unsign(at + k * channels)];
  }
}

}  // namespace

void norm_sums(const NormShape& shape, const Tensor& x, const Tensor& dy, const Moments& moments,
               const NormOutput& output, NormSums& result) {
  const RowChunks chunks(shape);
  const Index channels = shape.channels;
  const Parameter mean(moments.mean), variance(moments.variance);
  Doubles plain(unsign(shape.groups * chunks.count * channels)), products(plain.size());
  visit_floating(x.dtype(), [&]<typename T>() {
    const Factors<T, 3> factors = affine_factors<T>(shape, chunks, moments, output);
    const T* from = x.data<T>();
    const T* gradient = dy.data<T>();
    with_rectifier(output.slope, [&]<Rectifier rectifier>() {
      for_each_chunk(shape, chunks, [&](Index group, Index chunk, Index first, Index count) {
        Lines<T> repeated;
        const Affine<T> affine = affine_of(factors.repeated(group, repeated), output);
        Lines<double> block(unsign(3 * chunks.width));
        double* center = block.data();
        double* a = center + chunks.width;
        double* b = a + chunks.width;
        for (Index c = 0; c < channels; ++c) center[c] = mean[group * channels + c];
        repeat_block(center, chunks.width, channels);
        const double* means = center;
        run_widest<GradientSums<rectifier>>(from + first, gradient + first, count, chunks.width,
                                            affine, means, a, b);
        const Index at = (group * chunks.count + chunk) * channels;
        fold_block(a, chunks.width, channels, plain.data() + at);
        fold_block(b, chunks.width, channels, products.data() + at);
      });
    });
  });
  add_chunks(shape, chunks, plain, result.dy.mutable_data<double>());
  double* sum_dy_xhat = result.dy_xhat.mutable_data<double>();
  add_chunks(shape, chunks, products, sum_dy_xhat);
  for (Index i = 0; i < shape.groups * channels; ++i) {
    sum_dy_xhat[i] /= std::sqrt(variance[i] + output.eps);
  }
}

void norm_input_gradient(const NormShape& shape, const Tensor& x, const Tensor& dy,
                         const Moments& moments, const NormOutput& output, const NormSums& sums,
                         Tensor& dx) {
  const RowChunks chunks(shape);
  visit_floating(x.dtype(), [&]<typename T>() {
    const Factors<T, 3> forward = affine_factors<T>(shape, chunks, moments, output);
    with_rectifier(output.slope, [&]<Rectifier rectifier>() {
      if (!sums.dy.defined()) {
        const auto gradient = [&](Index group, Lines<T>& block, Lines<T>&) {
          return ConstantMomentsGradient<rectifier, T>{
              affine_of(forward.repeated(group, block), output)};
        };
        return input_gradient<T>(shape, x, dy, gradient, dx);
      }
      const Factors<T, 3> backward = gradient_factors<T>(shape, chunks, moments, output, sums);
      const auto gradient = [&](Index group, Lines<T>& a, Lines<T>& b) {
        const Affine<T> affine = affine_of(forward.repeated(group, a), output);
        const auto [dy_factor, x_factor, shift] = backward.repeated(group, b);
        return MomentsGradient<rectifier, T>{affine, dy_factor, x_factor, shift};
      };
      input_gradient<T>(shape, x, dy, gradient, dx);
    });
  });
}

void add_groups(const NormShape& shape, const Tensor& sums, Tensor& result) {
  const double* from = sums.data<double>();
  visit_floating(result.dtype(), [&]<typename T>() {
    T* to = result.mutable_data<T>();
    for (Index c = 0; c < shape.channels; ++c) {
      double total = 0;
      for (Index g = 0; g < shape.groups; ++g) total += from[g * shape.channels + c];
      to[c] = static_cast<T>(total);
    }
  });
}

}  // namespace voxgrad::ops::cpu
