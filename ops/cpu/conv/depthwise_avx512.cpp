// The depthwise algorithm's kernels, for AVX-512: 32 registers.
#include <voxgrad/ops/cpu/conv/depthwise_kernels.inl>

namespace voxgrad::ops::cpu {

template <typename T>
const DepthwiseTable<T>& avx512_depthwise() {
  static constexpr DepthwiseTable<T> kTable = depthwise_table<T, 64, 16, 7>();
  return kTable;
}

template const DepthwiseTable<float>& avx512_depthwise<float>();
template const DepthwiseTable<double>& avx512_depthwise<double>();

}  // namespace voxgrad::ops::cpu
