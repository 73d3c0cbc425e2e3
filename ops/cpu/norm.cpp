// Normalisation over rows of channels. A chunk of rows is one flat run of memory, read as blocks of
// `width` elements: width is a multiple of the channels and of 16, so element l of every block
// belongs to channel l % channels. Loops over l vectorise whatever the number of channels;
// per-channel factors are repeated to `width` beforehand.
//
// Chunks are cut by shape; each sums in float64 on its own and the results are merged in order.
#include <voxgrad/ops/norm.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include <voxgrad/core/parallel.h>
#include <voxgrad/ops/cpu/by_instruction_set.h>

namespace voxgrad::ops::cpu {
namespace {

struct SumBody {
  /// sums[l] = sum of x over blocks.
  template <typename T>
  [[gnu::always_inline]] static inline void run(const T* x, Index count, Index width,
                                                double* sums) {
    std::fill(sums, sums + width, 0.0);
    Index i = 0;
    for (; i + 4 * width <= count; i += 4 * width) {
      const T* a = x + i;
      const T* b = a + width;
      const T* c = b + width;
      const T* d = c + width;
#pragma GCC ivdep
      for (Index l = 0; l < width; ++l) {
        sums[l] += (static_cast<double>(a[l]) + static_cast<double>(b[l])) +
                   (static_cast<double>(c[l]) + static_cast<double>(d[l]));
      }
    }
    for (; i < count; i += width) {
      const Index n = std::min(width, count - i);
#pragma GCC ivdep
      for (Index l = 0; l < n; ++l) sums[l] += static_cast<double>(x[i + l]);
    }
  }
};

struct SquaresBody {
  /// sums[l] = sum of (x - center[l])^2 over blocks.
  template <typename T>
  [[gnu::always_inline]] static inline void run(const T* x, Index count, Index width,
                                                const double* center, double* sums) {
    std::fill(sums, sums + width, 0.0);
    Index i = 0;
    for (; i + 2 * width <= count; i += 2 * width) {
      const T* a = x + i;
      const T* b = a + width;
#pragma GCC ivdep
      for (Index l = 0; l < width; ++l) {
        const double p = static_cast<double>(a[l]) - center[l];
        const double q = static_cast<double>(b[l]) - center[l];
        sums[l] += p * p + q * q;
      }
    }
    for (; i < count; i += width) {
      const Index n = std::min(width, count - i);
#pragma GCC ivdep
      for (Index l = 0; l < n; ++l) {
        const double p = static_cast<double>(x[i + l]) - center[l];
        sums[l] += p * p;
      }
    }
  }
};

struct NormalizeBody {
  template <typename T>
  [[gnu::always_inline]] static inline void run(const T* x, Index count, Index width,
                                                const T* center, const T* scale, const T* shift,
                                                T* y) {
    for (Index i = 0; i < count; i += width) {
      const Index n = std::min(width, count - i);
#pragma GCC ivdep
      for (Index l = 0; l < n; ++l) y[i + l] = (x[i + l] - center[l]) * scale[l] + shift[l];
    }
  }
};

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

/// How the rows of each group are cut, and how wide a block is.
struct Chunks {
  Index width;  // elements of a block
  Index rows;   // of a chunk; the last one of a group may have fewer
  Index count;  // per group

  explicit Chunks(const NormShape& shape) {
    const Index c = std::max<Index>(shape.channels, 1);
    const Index aligned = c * (16 / std::gcd<Index>(c, 16));
    width = aligned * ((64 + aligned - 1) / aligned);
    // 64 rows at least: what a chunk leaves behind must be small beside it.
    rows = std::max<Index>(64, 32768 / c);
    count = (shape.rows + rows - 1) / rows;
  }
};

/// Calls body(group, chunk, first element, elements) for all chunks of all groups, from several
/// threads.
template <typename Body>
void for_each_chunk(const NormShape& shape, const Chunks& chunks, const Body& body) {
  // Small groups are handed out several at a time.
  const Index elements = std::max<Index>(1, std::min(chunks.rows, shape.rows) * shape.channels);
  const Index grain = std::max<Index>(1, 32768 / elements);
  parallel_ranges(shape.groups * chunks.count, grain, [&](Index begin, Index end) {
    for (Index tile = begin; tile < end; ++tile) {
      const Index group = tile / chunks.count, chunk = tile % chunks.count;
      const Index row = chunk * chunks.rows;
      const Index rows = std::min(chunks.rows, shape.rows - row);
      body(group, chunk, (group * shape.rows + row) * shape.channels, rows * shape.channels);
    }
  });
}

/// to[channel] = sum of block sums of that channel, in order.
void fold(const double* block, Index width, Index channels, double* to) {
  std::copy(block, block + channels, to);
  for (Index l = channels; l < width; l += channels) {
    for (Index c = 0; c < channels; ++c) to[c] += block[l + c];
  }
}

template <typename T>
void repeat(T* block, Index width, Index channels) {
  for (Index l = channels; l < width; ++l) block[l] = block[l - channels];
}

/// Floating values of either type, read as double; `fallback` where the tensor is undefined.
class Values {
 public:
  explicit Values(const Tensor& x, double fallback = 0) : fallback_(fallback) {
    if (!x.defined()) return;
    if (x.dtype() == DType::float64) doubles_ = x.data<double>();
    else floats_ = x.data<float>();
  }
  double operator[](Index i) const {
    return doubles_ ? doubles_[i] : floats_ ? static_cast<double>(floats_[i]) : fallback_;
  }

 private:
  const double* doubles_ = nullptr;
  const float* floats_ = nullptr;
  double fallback_;
};

using Doubles = std::vector<double>;

std::size_t unsign(Index i) { return static_cast<std::size_t>(i); }

void moments(const NormShape& shape, const Tensor& x, Moments& result) {
  const Chunks chunks(shape);
  const Index channels = shape.channels;
  Doubles means(unsign(shape.groups * chunks.count * channels)), squares(means.size());
  visit_floating(x.dtype(), [&]<typename T>() {
    const T* from = x.data<T>();
    for_each_chunk(shape, chunks, [&](Index group, Index chunk, Index first, Index count) {
      Doubles block(unsign(2 * chunks.width));
      double* sums = block.data();
      double* center = sums + chunks.width;
      const Index at = (group * chunks.count + chunk) * channels;
      run_widest<SumBody>(from + first, count, chunks.width, sums);
      fold(sums, chunks.width, channels, center);
      const double rows = static_cast<double>(count / channels);
      for (Index c = 0; c < channels; ++c) means[unsign(at + c)] = center[c] /= rows;
      repeat(center, chunks.width, channels);
      // The chunk lies in the cache now: squares about its own mean do not cancel.
      run_widest<SquaresBody>(from + first, count, chunks.width, static_cast<const double*>(center),
                              sums);
      fold(sums, chunks.width, channels, squares.data() + at);
    });
  });
  double* mean = result.mean.mutable_data<double>();
  double* variance = result.variance.mutable_data<double>();
  const double rows = static_cast<double>(shape.rows);
  const auto rows_of = [&](Index chunk) {
    return static_cast<double>(std::min(chunks.rows, shape.rows - chunk * chunks.rows));
  };
  for (Index i = 0; i < shape.groups * channels; ++i) {
    const double* m = means.data() + i / channels * chunks.count * channels + i % channels;
    const double* s = squares.data() + (m - means.data());
    double offset = 0;  // of the mean from the first chunk's
    for (Index k = 1; k < chunks.count; ++k) offset += rows_of(k) * (m[k * channels] - m[0]);
    mean[i] = m[0] + offset / rows;
    double total = 0;
    for (Index k = 0; k < chunks.count; ++k) {
      const double apart = m[k * channels] - mean[i];
      total += s[k * channels] + rows_of(k) * apart * apart;
    }
    variance[i] = total / rows;
  }
}

/// (x - mean) * factor with the mean in two parts: what T holds of it, and the rest, which goes
/// into the shift.
template <typename T>
struct SplitMean {
  T center;
  double rest;
  explicit SplitMean(double mean)
      : center(static_cast<T>(mean)), rest(mean - static_cast<double>(center)) {}
};

void normalize(const NormShape& shape, const Tensor& x, const Moments& moments, double eps,
               const Tensor& weight, const Tensor& bias, Tensor& y) {
  const Chunks chunks(shape);
  const Values mean(moments.mean), variance(moments.variance), scales(weight, 1), shifts(bias, 0);
  visit_floating(x.dtype(), [&]<typename T>() {
    std::vector<T> factors(unsign(3 * chunks.width * shape.groups));
    for (Index g = 0; g < shape.groups; ++g) {
      T* center = factors.data() + 3 * chunks.width * g;
      T* scale = center + chunks.width;
      T* shift = scale + chunks.width;
      for (Index c = 0; c < shape.channels; ++c) {
        const Index i = g * shape.channels + c;
        const SplitMean<T> split(mean[i]);
        const double factor = scales[c] / std::sqrt(variance[i] + eps);
        center[c] = split.center;
        scale[c] = static_cast<T>(factor);
        shift[c] = static_cast<T>(shifts[c] - split.rest * factor);
      }
      for (T* block : {center, scale, shift}) repeat(block, chunks.width, shape.channels);
    }
    const T* from = x.data<T>();
    T* to = y.mutable_data<T>();
    for_each_chunk(shape, chunks, [&](Index group, Index, Index first, Index count) {
      const T* center = factors.data() + 3 * chunks.width * group;
      run_widest<NormalizeBody>(from + first, count, chunks.width, center, center + chunks.width,
                                center + 2 * chunks.width, to + first);
    });
  });
}

void sums(const NormShape& shape, const Tensor& x, const Tensor& dy, const Moments& moments,
          double eps, NormSums& result) {
  const Chunks chunks(shape);
  const Index channels = shape.channels;
  const Values mean(moments.mean), variance(moments.variance);
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
      repeat(center, chunks.width, channels);
      run_widest<GradientSumsBody>(from + first, gradient + first, count, chunks.width,
                                   static_cast<const double*>(center), a, b);
      const Index at = (group * chunks.count + chunk) * channels;
      fold(a, chunks.width, channels, plain.data() + at);
      fold(b, chunks.width, channels, products.data() + at);
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
//   dx = weight * r * (dy - S.dy / m - xhat * S.dy_xhat / m),  xhat = (x - mean) * r
// and for constant moments dx = weight * r * dy.
void input_gradient(const NormShape& shape, const Tensor& x, const Tensor& dy,
                    const Moments& moments, double eps, const Tensor& weight, const NormSums& sums,
                    Tensor& dx) {
  const Chunks chunks(shape);
  const Values mean(moments.mean), variance(moments.variance), scales(weight, 1);
  const Values sum_dy(sums.dy), sum_dy_xhat(sums.dy_xhat);
  const double rows = static_cast<double>(shape.rows);
  visit_floating(x.dtype(), [&]<typename T>() {
    std::vector<T> factors(unsign(4 * chunks.width * shape.groups));
    for (Index g = 0; g < shape.groups; ++g) {
      T* center = factors.data() + 4 * chunks.width * g;
      T* dy_factor = center + chunks.width;
      T* x_factor = dy_factor + chunks.width;
      T* shift = x_factor + chunks.width;
      for (Index c = 0; c < shape.channels; ++c) {
        const Index i = g * shape.channels + c;
        const SplitMean<T> split(mean[i]);
        const double r = 1 / std::sqrt(variance[i] + eps);
        const double slope = -scales[c] * r * r * sum_dy_xhat[i] / rows;
        center[c] = split.center;
        dy_factor[c] = static_cast<T>(scales[c] * r);
        x_factor[c] = static_cast<T>(slope);
        shift[c] = static_cast<T>(-scales[c] * r * sum_dy[i] / rows - slope * split.rest);
      }
      for (T* block : {center, dy_factor, x_factor, shift})
        repeat(block, chunks.width, shape.channels);
    }
    const T* from = x.data<T>();
    const T* gradient = dy.data<T>();
    T* to = dx.mutable_data<T>();
    for_each_chunk(shape, chunks, [&](Index group, Index, Index first, Index count) {
      const T* center = factors.data() + 4 * chunks.width * group;
      const T* dy_factor = center + chunks.width;
      const T* x_factor = dy_factor + chunks.width;
      run_widest<InputGradientBody>(from + first, gradient + first, count, chunks.width, center,
                                    dy_factor, x_factor, x_factor + chunks.width, to + first);
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

/// to[channel] moves towards the groups' mean of `from` times `factor`.
void move_towards(const NormShape& shape, const Tensor& from, double factor, double momentum,
                  Tensor& to) {
  const double* values = from.data<double>();
  visit_floating(to.dtype(), [&]<typename T>() {
    T* running = to.mutable_data<T>();
    const Index step = to.stride(0);
    for (Index c = 0; c < shape.channels; ++c) {
      double total = 0;
      for (Index g = 0; g < shape.groups; ++g) total += values[g * shape.channels + c];
      const double wanted = total * factor / static_cast<double>(shape.groups);
      const double now = static_cast<double>(running[c * step]);
      running[c * step] = static_cast<T>((1 - momentum) * now + momentum * wanted);
    }
  });
}

void update_running(const NormShape& shape, const Moments& moments, double momentum,
                    Moments& running) {
  const double rows = static_cast<double>(shape.rows);
  if (running.mean.defined()) move_towards(shape, moments.mean, 1, momentum, running.mean);
  if (running.variance.defined())
    move_towards(shape, moments.variance, rows / (rows - 1), momentum, running.variance);
}

}  // namespace

const NormKernels kNorm = {.moments = moments,
                           .normalize = normalize,
                           .sums = sums,
                           .input_gradient = input_gradient,
                           .add_groups = add_groups,
                           .update_running = update_running};

}  // namespace voxgrad::ops::cpu
