// The depthwise algorithm's kernels, for AVX2: 16 registers.
#include <voxgrad/ops/cpu/conv/depthwise_kernels.inl>

namespace voxgrad::ops::cpu {

template <typename T>
const DepthwiseTable<T>& avx2_depthwise() {
  static constexpr DepthwiseTable<T> kTable = depthwise_table<T, 32, 12, 3>();
  return kTable;
}

template const DepthwiseTable<float>& avx2_depthwise<float>();
template const DepthwiseTable<double>& avx2_depthwise<double>();

}  // namespace voxgrad::ops::cpu
