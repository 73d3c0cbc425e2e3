// The depthwise algorithm's kernels, for any processor.
#include <voxgrad/ops/cpu/conv/depthwise_kernels.inl>

namespace voxgrad::ops::cpu {

template <typename T>
const DepthwiseTable<T>& portable_depthwise() {
  static constexpr DepthwiseTable<T> kTable = depthwise_table<T, 16, 8, 3>();
  return kTable;
}

template const DepthwiseTable<float>& portable_depthwise<float>();
template const DepthwiseTable<double>& portable_depthwise<double>();

}  // namespace voxgrad::ops::cpu
