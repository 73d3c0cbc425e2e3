// Normalisation by given statistics (norm_rows.h says how it walks), and the table of all its
// kernels.
#include <voxgrad/ops/norm.h>

#include <cmath>

#include <voxgrad/ops/cpu/by_instruction_set.h>
#include <voxgrad/ops/cpu/norm_kernels.h>
#include <voxgrad/ops/cpu/norm_rows.h>

namespace voxgrad::ops::cpu {
namespace {

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

void normalize(const NormShape& shape, const Tensor& x, const Moments& moments, double eps,
               const Tensor& weight, const Tensor& bias, Tensor& y) {
  const RowChunks chunks(shape);
  const Parameter mean(moments.mean), variance(moments.variance), scales(weight, 1),
      shifts(bias, 0);
  visit_floating(x.dtype(), [&]<typename T>() {
    Factors<T, 3> factors(shape, chunks);
    for (Index g = 0; g < shape.groups; ++g) {
      const auto [center, scale, shift] = factors.of(g);
      for (Index c = 0; c < shape.channels; ++c) {
        const Index i = g * shape.channels + c;
        const SplitMean<T> split(mean[i]);
        const double factor = scales[c] / std::sqrt(variance[i] + eps);
        center[c] = split.center;
        scale[c] = static_cast<T>(factor);
        shift[c] = static_cast<T>(shifts[c] - split.rest * factor);
      }
    }
    const T* from = x.data<T>();
    T* to = y.mutable_data<T>();
    for_each_chunk(shape, chunks, [&](Index group, Index, Index first, Index count) {
      std::vector<T> block;
      const auto [center, scale, shift] = factors.repeated(group, block);
      run_widest<NormalizeBody>(from + first, count, chunks.width, center, scale, shift,
                                to + first);
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
