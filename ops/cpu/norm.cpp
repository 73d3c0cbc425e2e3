// Normalisation by given statistics (norm_rows.h says how it walks), and the table of all its
// kernels.
#include <voxgrad/ops/norm.h>

#include <voxgrad/ops/cpu/by_instruction_set.h>
#include <voxgrad/ops/cpu/norm_kernels.h>
#include <voxgrad/ops/cpu/norm_rows.h>
#include <voxgrad/ops/cpu/stream.h>

namespace voxgrad::ops::cpu {
namespace {

template <Rectifier rectifier>
struct Normalize {
  template <std::size_t vector_bytes>
  struct Body {
    /// Whole lines, past the caches.
    template <typename T>
    [[gnu::always_inline]] static inline void stream(const T* x, Index n, const Affine<T>& affine,
                                                     T* y) {
      constexpr auto kLanes = static_cast<Index>(vector_bytes / sizeof(T));
      for (Index i = 0; i < n; i += kLanes) {
        alignas(vector_bytes) T values[kLanes];
#pragma GCC unroll 1
        for (Index l = i; l < i + kLanes; ++l)
          values[l - i] = rectified<rectifier>(affine(x[l], l), affine.slope);
        stream_vector<vector_bytes>(y + i, values);
      }
    }

    template <typename T>
    [[gnu::always_inline]] static inline void run(const T* x, Index count, Index width,
                                                  const Affine<T>& affine, bool streams, T* y) {
      for (Index i = 0; i < count; i += width) {
        const Index n = std::min(width, count - i);
        if (streams && is_whole_lines(y + i, unsign(n) * sizeof(T))) {
          stream(x + i, n, affine, y + i);
          continue;
        }
#pragma GCC ivdep
        for (Index l = 0; l < n; ++l) {
          y[i + l] = rectified<rectifier>(affine(x[i + l], l), affine.slope);
        }
      }
    }
  };
};

void normalize(const NormShape& shape, const Tensor& x, const Moments& moments,
               const NormOutput& output, Tensor& y) {
  const RowChunks chunks(shape);
  visit_floating(x.dtype(), [&]<typename T>() {
    const Factors<T, 3> factors = affine_factors<T>(shape, chunks, moments, output);
    const T* from = x.data<T>();
    T* to = y.mutable_data<T>();
    const bool streams = streams_results(y.numel(), sizeof(T));
    with_rectifier(output.slope, [&]<Rectifier rectifier>() {
      for_each_chunk(shape, chunks, [&](Index group, Index, Index first, Index count) {
        Lines<T> block;
        const Affine<T> affine = affine_of(factors.repeated(group, block), output);
        run_widest<Normalize<rectifier>::template Body>(from + first, count, chunks.width, affine,
                                                        streams, to + first);
        if (streams) finish_streaming();
      });
    });
  });
}

}  // namespace

const NormKernels kNorm = {.moments = moments,
                           .normalize = normalize,
                           .sums = norm_sums,
                           .input_gradient = norm_input_gradient,
                           .add_groups = add_groups,
                           .update_running = update_running};

}  // namespace voxgrad::ops::cpu
