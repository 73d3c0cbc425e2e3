// Means and variances over rows of channels, each chunk about its own mean in float64.
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

struct SquaresBody {
  /// sums[l] = sum of (x - center[l])^2 over blocks. Meanwhile as much of what follows x, which
  /// most often is the next chunk, is fetched into the second cache: x itself is there, and memory
  /// idle.
  template <typename T>
  [[gnu::always_inline]] static inline void run(const T* x, Index count, Index width,
                                                const double* center, double* sums) {
    constexpr auto kLine = static_cast<Index>(kLineBytes / sizeof(T));
    std::fill(sums, sums + width, 0.0);
    Index i = 0;
    for (; i + 2 * width <= count; i += 2 * width) {
      const T* a = x + i;
      const T* b = a + width;
      for (Index l = 0; l < 2 * width; l += kLine) __builtin_prefetch(a + count + l, 0, 2);
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
      Lines<double> block(unsign(2 * chunks.width));
      double* sums = block.data();
      double* center = sums + chunks.width;
      const Index at = (group * chunks.count + chunk) * channels;
      run_widest<SumBody>(from + first, count, chunks.width, sums);
      fold_block(sums, chunks.width, channels, center);
      const Index rows = count / channels;
      for (Index c = 0; c < channels; ++c) {
        means[unsign(at + c)] = center[c] /= static_cast<double>(rows);
      }
      repeat_block(center, chunks.width, channels);
      // The chunk lies in the cache now: squares about its own mean do not cancel.
      run_widest<SquaresBody>(from + first, count, chunks.width, static_cast<const double*>(center),
                              sums);
      fold_block(sums, chunks.width, channels, squares.data() + at);
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
