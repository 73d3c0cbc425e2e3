// Gradients of normalisation: sums over rows in float64, and what follows from them element by
// element.
#include <cmath>

#include <voxgrad/ops/cpu/by_instruction_set.h>
#include <voxgrad/ops/cpu/norm_kernels.h>
#include <voxgrad/ops/cpu/norm_rows.h>

namespace voxgrad::ops::cpu {
namespace {

struct GradientSumsBody {
  /// sums[l] = sum of dy, products[l] = sum of dy * (x - center[l]) over blocks.
  template <typename T>
  [[gnu::always_inline]] static inline void run(const T* x, const T* dy, Index count, Index width,
                                                const double* center, double* sums,
                                                double* products) {
    std::fill(sums, sums + width, 0.0);
    std::fill(products, products + width, 0.0);
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

struct InputGradientBody {
  /// dx = dy_factor * dy + x_factor * (x - center) + shift
  template <typename T>
  [[gnu::always_inline]] static inline void run(const T* x, const T* dy, Index count, Index width,
                                                const T* center, const T* dy_factor,
                                                const T* x_factor, const T* shift, T* dx) {
    for (Index i = 0; i < count; i += width) {
      const Index n = std::min(width, count - i);
#pragma GCC ivdep
      for (Index l = 0; l < n; ++l) {
        dx[i + l] = dy_factor[l] * dy[i + l] + (x_factor[l] * (x[i + l] - center[l]) + shift[l]);
      }
    }
  }
};

struct ConstantMomentsBody {
  /// dx = dy_factor * dy
  template <typename T>
  [[gnu::always_inline]] static inline void run(const T* dy, Index count, Index width,
                                                const T* dy_factor, T* dx) {
    for (Index i = 0; i < count; i += width) {
      const Index n = std::min(width, count - i);
#pragma GCC ivdep
      for (Index l = 0; l < n; ++l) dx[i + l] = dy_factor[l] * dy[i + l];
    }
  }
};

/// Does not read x, whose infinities must not spoil the gradient.
void constant_moments_gradient(const NormShape& shape, const Tensor& dy, const Moments& moments,
                               double eps, const Tensor& weight, Tensor& dx) {
  const RowChunks chunks(shape);
  const Parameter variance(moments.variance), scales(weight, 1);
  visit_floating(dy.dtype(), [&]<typename T>() {
    std::vector<T> factors(unsign(chunks.width * shape.groups));
    for (Index g = 0; g < shape.groups; ++g) {
      T* factor = factors.data() + chunks.width * g;
      for (Index c = 0; c < shape.channels; ++c) {
        const double deviation = std::sqrt(variance[g * shape.channels + c] + eps);
        factor[c] = static_cast<T>(scales[c] / deviation);
      }
      repeat_block(factor, chunks.width, shape.channels);
    }
    const T* gradient = dy.data<T>();
    T* to = dx.mutable_data<T>();
    for_each_chunk(shape, chunks, [&](Index group, Index, Index first, Index count) {
      const T* factor = factors.data() + chunks.width * group;
      run_widest<ConstantMomentsBody>(gradient + first, count, chunks.width, factor, to + first);
    });
  });
}

}  // namespace

void norm_sums(const NormShape& shape, const Tensor& x, const Tensor& dy, const Moments& moments,
               double eps, NormSums& result) {
  const RowChunks chunks(shape);
  const Index channels = shape.channels;
  const Parameter mean(moments.mean), variance(moments.variance);
  Doubles plain(unsign(shape.groups * chunks.count * channels)), products(plain.size());
  visit_floating(x.dtype(), [&]<typename T>() {
    const T* from = x.data<T>();
    const T* gradient = dy.data<T>();
    for_each_chunk(shape, chunks, [&](Index group, Index chunk, Index first, Index count) {
      Doubles block(unsign(3 * chunks.width));
      double* center = block.data();
      double* a = center + chunks.width;
      double* b = a + chunks.width;
      for (Index c = 0; c < channels; ++c) center[c] = mean[group * channels + c];
      repeat_block(center, chunks.width, channels);
      run_widest<GradientSumsBody>(from + first, gradient + first, count, chunks.width,
                                   static_cast<const double*>(center), a, b);
      const Index at = (group * chunks.count + chunk) * channels;
      fold_block(a, chunks.width, channels, plain.data() + at);
      fold_block(b, chunks.width, channels, products.data() + at);
    });
  });
  double* sum_dy = result.dy.mutable_data<double>();
  double* sum_dy_xhat = result.dy_xhat.mutable_data<double>();
  for (Index i = 0; i < shape.groups * channels; ++i) {
    const Index at = i / channels * chunks.count * channels + i % channels;
    double a = 0, b = 0;
    for (Index k = 0; k < chunks.count; ++k) {
      a += plain[unsign(at + k * channels)];
      b += products[unsign(at + k * channels)];
    }
    sum_dy[i] = a;
    sum_dy_xhat[i] = b / std::sqrt(variance[i] + eps);
  }
}

// With r = 1 / sqrt(variance + eps), m rows and S = sums:
//   dx = r * (weight * dy - S.dy / m - xhat * S.dy_xhat / m),  xhat = (x - mean) * r
// and for constant moments dx = weight * r * dy.
void norm_input_gradient(const NormShape& shape, const Tensor& x, const Tensor& dy,
                         const Moments& moments, double eps, const Tensor& weight,
                         const NormSums& sums, Tensor& dx) {
  if (!sums.dy.defined()) return constant_moments_gradient(shape, dy, moments, eps, weight, dx);
  const RowChunks chunks(shape);
  const Parameter mean(moments.mean), variance(moments.variance), scales(weight, 1);
  const Parameter sum_dy(sums.dy), sum_dy_xhat(sums.dy_xhat);
  const double rows = static_cast<double>(shape.rows);
  visit_floating(x.dtype(), [&]<typename T>() {
    Factors<T, 4> factors(shape, chunks);
    for (Index g = 0; g < shape.groups; ++g) {
      const auto [center, dy_factor, x_factor, shift] = factors.of(g);
      for (Index c = 0; c < shape.channels; ++c) {
        const Index i = g * shape.channels + c;
        const SplitMean<T> split(mean[i]);
        const double r = 1 / std::sqrt(variance[i] + eps);
        const double slope = -r * r * sum_dy_xhat[i] / rows;
        center[c] = split.center;
        dy_factor[c] = static_cast<T>(scales[c] * r);
        x_factor[c] = static_cast<T>(slope);
        shift[c] = static_cast<T>(-r * sum_dy[i] / rows - slope * split.rest);
      }
    }
    const T* from = x.data<T>();
    const T* gradient = dy.data<T>();
    T* to = dx.mutable_data<T>();
    for_each_chunk(shape, chunks, [&](Index group, Index, Index first, Index count) {
      std::vector<T> block;
      const auto [center, dy_factor, x_factor, shift] = factors.repeated(group, block);
      run_widest<InputGradientBody>(from + first, gradient + first, count, chunks.width, center,
                                    dy_factor, x_factor, shift, to + first);
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
