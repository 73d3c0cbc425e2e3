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
struct NormalizeBody {
  template <typename T>
  [[gnu::always_inline]] static inline void run(const T* x, Index count, Index width,
                                                Affine<T> affine, bool streams, T* y) {
    constexpr Index kBlock = 2048 / sizeof(T);
    alignas(kLineBytes) T block[kBlock];
    for (Index i = 0; i < count; i += width) {
      const Index n = std::min(width, count - i);
      if (streams && n <= kBlock && is_whole_lines(y + i, unsign(n) * sizeof(T))) {
        for (Index l = 0; l < n; ++l)
          block[l] = rectified<rectifier>(affine(x[i + l], l), affine.slope);
        stream_lines(y + i, block, unsign(n) * sizeof(T));
        continue;
      }
#pragma GCC ivdep
      for (Index l = 0; l < n; ++l) {
        y[i + l] = rectified<rectifier>(affine(x[i + l], l), affine.slope);
      }
    }
  }
};

void normalize(const NormShape& shape, const Tensor& x, const Moments& moments,
               const NormOutput& output, Tensor& y) {
  const RowChunks chunks(shape);
  visit_floating(x.dtype(), [&]<typename T>() {
    const Factors<T, 3> factors = affine_factors<T>(shape, chunks, moments, output);
    const T* from = x.data<T>();
    T* to = y.mutable_data<T>();
    const bool streams = from != to && streams_results(y.numel(), sizeof(T));
    with_rectifier(output.slope, [&]<Rectifier rectifier>() {
      for_each_chunk(shape, chunks, [&](Index group, Index, Index first, Index count) {
        std::vector<T> block;
        const Affine<T> affine = affine_of(factors.repeated(group, block), output);
        run_widest<NormalizeBody<rectifier>>(from + first, count, chunks.width, affine, streams,
                                             to + first);
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
