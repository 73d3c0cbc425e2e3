// Gradients of normalisation: sums over rows in float64, and what follows from them element by
// element.
#include <cmath>

#include <voxgrad/ops/cpu/by_instruction_set.h>
#include <voxgrad/ops/cpu/norm_kernels.h>
#include <voxgrad/ops/cpu/norm_rows.h>
#include <voxgrad/ops/cpu/stream.h>

namespace voxgrad::ops::cpu {
namespace {

struct GradientSumsBody {
  /// sums[l] = sum of dy, products[l] = sum of dy * (x - center[l]) over blocks.
  template <typename T>
  [[gnu::always_inline]] static inline void run(const T* x, const T* dy, Index count, Index width,
                                                const double* center, double* sums,
                                                double* products) {
    Index i = 0;
    for (; i + 2 * width <= count; i += 2 * width) {
      const T* xa = x + i;
      const T* xb = xa + width;
      const T* ga = dy + i;
      const T* gb = ga + width;
#pragma GCC ivdep
      for (Index l = 0; l < width; ++l) {
        const double g = static_cast<double>(ga[l]), h = static_cast<double>(gb[l]);
        sums[l] += g + h;
        products[l] += g * (static_cast<double>(xa[l]) - center[l]) +
                       h * (static_cast<double>(xb[l]) - center[l]);
      }
    }
    for (; i < count; i += width) {
      const Index n = std::min(width, count - i);
#pragma GCC ivdep
      for (Index l = 0; l < n; ++l) {
        const double g = static_cast<double>(dy[i + l]);
        sums[l] += g;
        products[l] += g * (static_cast<double>(x[i + l]) - center[l]);
      }
    }
  }
};

/// What the rectifier lets through of dy: written to `gates`, or dy itself where that is all of it.
/// Copied first: g++ would load what passes under a mask, which begins only when x has come from
/// memory.
template <Rectifier rectifier, typename T>
[[gnu::always_inline]] inline const T* gate(const T* x, const T* dy, Index n,
                                            const Affine<T>& affine, T* gates) {
  if constexpr (rectifier == Rectifier::none) return dy;
#pragma GCC ivdep
  for (Index l = 0; l < n; ++l) gates[l] = dy[l];
#pragma GCC ivdep
  for (Index l = 0; l < n; ++l) {
    gates[l] = gated<rectifier>(gates[l], affine(x[l], l), affine.slope);
  }
  return gates;
}

/// The same sums of what the rectifier lets through, two blocks at a time by way of `gates`.
template <Rectifier rectifier>
struct GatedSumsBody {
  template <typename T>
  [[gnu::always_inline]] static inline void run(const T* x, const T* dy, Index count, Index width,
                                                Affine<T> affine, T* gates, const double* center,
                                                double* sums, double* products) {
    for (Index i = 0; i < count; i += 2 * width) {
      const Index n = std::min(2 * width, count - i);
      for (Index start = 0; start < n; start += width) {
        gate<rectifier>(x + i + start, dy + i + start, std::min(width, n - start), affine,
                        gates + start);
      }
      GradientSumsBody::run(x + i, static_cast<const T*>(gates), n, width, center, sums, products);
    }
  }
};

/// dx = dy_factor * g + x_factor * (x - center) + shift, `width` of each.
template <typename T>
struct GradientFactors {
  const T* dy_factor;
  const T* x_factor;
  const T* shift;
};

template <Rectifier rectifier>
struct InputGradient {
  template <std::size_t vector_bytes>
  struct Body {
    template <typename T>
    [[gnu::always_inline]] static inline void block(const T* x, const T* g, Index n,
                                                    const Affine<T>& affine,
                                                    const GradientFactors<T>& factors, T* dx) {
      const auto [dy_factor, x_factor, shift] = factors;
#pragma GCC ivdep
      for (Index l = 0; l < n; ++l) {
        dx[l] = dy_factor[l] * g[l] + (x_factor[l] * (x[l] - affine.center[l]) + shift[l]);
      }
    }

    /// `gates` has room for a block, which goes past the caches from there where that is wanted.
    template <typename T>
    [[gnu::always_inline]] static inline void run(const T* x, const T* dy, Index count, Index width,
                                                  Affine<T> affine, GradientFactors<T> factors,
                                                  bool streams, T* gates, T* dx) {
      for (Index i = 0; i < count; i += width) {
        const Index n = std::min(width, count - i);
        const T* g = gate<rectifier>(x + i, dy + i, n, affine, gates);
        const std::size_t bytes = unsign(n) * sizeof(T);
        if (streams && is_whole_lines(dx + i, bytes)) {
          block(x + i, g, n, affine, factors, gates);
          stream_lines<vector_bytes>(dx + i, gates, bytes);
        } else {
          block(x + i, g, n, affine, factors, dx + i);
        }
      }
    }
  };
};

template <Rectifier rectifier>
struct ConstantMomentsBody {
  /// dx = scale * g. Where nothing is rectified x is not read: its infinities must not spoil the
  /// gradient.
  template <typename T>
  [[gnu::always_inline]] static inline void run(const T* x, const T* dy, Index count, Index width,
                                                Affine<T> affine, T* gates, T* dx) {
    for (Index i = 0; i < count; i += width) {
      const Index n = std::min(width, count - i);
      const T* g = gate<rectifier>(x + i, dy + i, n, affine, gates);
#pragma GCC ivdep
      for (Index l = 0; l < n; ++l) dx[i + l] = affine.scale[l] * g[l];
    }
  }
};

void constant_moments_gradient(const NormShape& shape, const Tensor& x, const Tensor& dy,
                               const Moments& moments, const NormOutput& output, Tensor& dx) {
  const RowChunks chunks(shape);
  visit_floating(dy.dtype(), [&]<typename T>() {
    const Factors<T, 3> factors = affine_factors<T>(shape, chunks, moments, output);
    const T* from = x.data<T>();
    const T* gradient = dy.data<T>();
    T* to = dx.mutable_data<T>();
    with_rectifier(output.slope, [&]<Rectifier rectifier>() {
      for_each_chunk(shape, chunks, [&](Index group, Index, Index first, Index count) {
        Lines<T> block, gates(unsign(chunks.width));
        const Affine<T> affine = affine_of(factors.repeated(group, block), output);
        run_widest<ConstantMomentsBody<rectifier>>(from + first, gradient + first, count,
                                                   chunks.width, affine, gates.data(), to + first);
      });
    });
  });
}

/// Those of GradientFactors for each group and channel.
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
        Lines<T> repeated, gates;
        const Affine<T> affine = affine_of(factors.repeated(group, repeated), output);
        Lines<double> block(unsign(3 * chunks.width));
        double* center = block.data();
        double* a = center + chunks.width;
        double* b = a + chunks.width;
        for (Index c = 0; c < channels; ++c) center[c] = mean[group * channels + c];
        repeat_block(center, chunks.width, channels);
        const double* means = center;
        if constexpr (rectifier == Rectifier::none) {
          run_widest<GradientSumsBody>(from + first, gradient + first, count, chunks.width, means,
                                       a, b);
        } else {
          gates.resize(unsign(2 * chunks.width));
          run_widest<GatedSumsBody<rectifier>>(from + first, gradient + first, count, chunks.width,
                                               affine, gates.data(), means, a, b);
        }
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
  if (!sums.dy.defined()) {
    return constant_moments_gradient(shape, x, dy, moments, output, dx);
  }
  const RowChunks chunks(shape);
  visit_floating(x.dtype(), [&]<typename T>() {
    const Factors<T, 3> forward = affine_factors<T>(shape, chunks, moments, output);
    const Factors<T, 3> backward = gradient_factors<T>(shape, chunks, moments, output, sums);
    const T* from = x.data<T>();
    const T* gradient = dy.data<T>();
    T* to = dx.mutable_data<T>();
    const bool streams = streams_results(dx.numel(), sizeof(T));
    with_rectifier(output.slope, [&]<Rectifier rectifier>() {
      for_each_chunk(shape, chunks, [&](Index group, Index, Index first, Index count) {
        Lines<T> a, b, gates(unsign(chunks.width));
        const Affine<T> affine = affine_of(forward.repeated(group, a), output);
        const auto [dy_factor, x_factor, shift] = backward.repeated(group, b);
        run_widest<InputGradient<rectifier>::template Body>(
            from + first, gradient + first, count, chunks.width, affine,
            GradientFactors<T>{dy_factor, x_factor, shift}, streams, gates.data(), to + first);
        if (streams) finish_streaming();
      });
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
