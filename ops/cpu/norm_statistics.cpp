// Means and variances over rows of channels, in float64.
#include <cmath>

#include <voxgrad/ops/cpu/by_instruction_set.h>
#include <voxgrad/ops/cpu/norm_kernels.h>
#include <voxgrad/ops/cpu/norm_rows.h>

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

struct DeviationsBody {
  /// sums[l] = sum of x - center[l], squares[l] = sum of its square, over blocks.
  template <typename T>
  [[gnu::always_inline]] static inline void run(const T* x, Index count, Index width,
                                                const double* center, double* sums,
                                                double* squares) {
    std::fill(sums, sums + width, 0.0);
    std::fill(squares, squares + width, 0.0);
    Index i = 0;
    for (; i + 4 * width <= count; i += 4 * width) {
      const T *a = x + i, *b = a + width, *c = b + width, *d = c + width;
      fetch_ahead(a, 4 * width);
#pragma GCC ivdep
      for (Index l = 0; l < width; ++l) {
        const double p = static_cast<double>(a[l]) - center[l];
        const double q = static_cast<double>(b[l]) - center[l];
        const double r = static_cast<double>(c[l]) - center[l];
        const double s = static_cast<double>(d[l]) - center[l];
        sums[l] += (p + q) + (r + s);
        squares[l] += (p * p + q * q) + (r * r + s * s);
      }
    }
    for (; i < count; i += width) {
      const Index n = std::min(width, count - i);
#pragma GCC ivdep
      for (Index l = 0; l < n; ++l) {
        const double p = static_cast<double>(x[i + l]) - center[l];
        sums[l] += p;
        squares[l] += p * p;
      }
    }
  }
};

/// A chunk's means, and its sums of squares about them, in one pass: about the means of its first
/// rows, a 16th or more of it. These are at most sqrt(15) deviations from the chunk's (k of n
/// values have a mean within sqrt((n - k) / k) deviations of all values' mean), so that no more
/// than four bits cancel, whatever the values.
template <typename T>
void chunk_moments(const T* x, Index count, Index width, Index channels, double* means,
                   double* squares) {
  Lines<double> block(unsign(3 * width));
  double* center = block.data();
  double* sums = center + width;
  double* deviations = sums + width;
  const Index start = std::min(count, (count / (16 * width) + 1) * width);
  run_widest<SumBody>(x, start, width, sums);
  fold_block(sums, width, channels, center);
  for (Index c = 0; c < channels; ++c) {
    center[c] /= static_cast<double>(start / channels);
    if (!std::isfinite(center[c])) center[c] = 0;  // so that the mean of infinities is one
  }
  repeat_block(center, width, channels);
  run_widest<DeviationsBody>(x, count, width, static_cast<const double*>(center), sums, deviations);
  fold_block(sums, width, channels, means);
  fold_block(deviations, width, channels, squares);
  const auto rows = static_cast<double>(count / channels);
  for (Index c = 0; c < channels; ++c) {
    const double apart = means[c] / rows;
    means[c] = center[c] + apart;
    // Squares that overflow stay infinite, about a finite mean.
    if (!std::isinf(squares[c]) || !std::isfinite(apart))
      squares[c] = std::max(squares[c] - apart * apart * rows, 0.0);
  }
}

/// Moments of whole groups from those of their chunks: means, and sums of squares about them.
void merge_chunks(const NormShape& shape, const RowChunks& chunks, const Doubles& means,
                  const Doubles& squares, Moments& result) {
  const Index channels = shape.channels;
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

}  // namespace

void moments(const NormShape& shape, const Tensor& x, Moments& result) {
  const RowChunks chunks(shape);
  const Index channels = shape.channels;
  Doubles means(unsign(shape.groups * chunks.count * channels)), squares(means.size());
  visit_floating(x.dtype(), [&]<typename T>() {
    const T* from = x.data<T>();
    for_each_chunk(shape, chunks, [&](Index group, Index chunk, Index first, Index count) {
      const Index at = (group * chunks.count + chunk) * channels;
      chunk_moments(from + first, count, chunks.width, channels, means.data() + at,
                    squares.data() + at);
    });
  });
  merge_chunks(shape, chunks, means, squares, result);
}

void update_running(const NormShape& shape, const Moments& moments, double momentum,
                    Moments& running) {
  const double rows = static_cast<double>(shape.rows);
  if (running.mean.defined()) move_towards(shape, moments.mean, 1, momentum, running.mean);
  if (running.variance.defined())
    move_towards(shape, moments.variance, rows / (rows - 1), momentum, running.variance);
}

}  // namespace voxgrad::ops::cpu
