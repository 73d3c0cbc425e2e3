// Internal: labels of any dtype as kernels read them, and the check of them.
#pragma once

#include <voxgrad/ops/cuda/launch.h>
#include <voxgrad/ops/label_rule.h>

namespace voxgrad::ops::cuda {

/// The channel of label i, by LabelRule.
struct Labels {
  const void* data;
  DType dtype;
  LabelRule rule;

  Labels(const Tensor& labels, const LabelTerms& terms, Index classes)
      : data(labels.raw()), dtype(labels.dtype()), rule(terms, classes) {}

  __device__ Index operator()(Index i) const {
    switch (dtype) {
      case DType::int64: return rule.channel(static_cast<const std::int64_t*>(data)[i]);
      case DType::int32: return rule.channel(static_cast<const std::int32_t*>(data)[i]);
      default: return rule.channel(static_cast<const std::uint8_t*>(data)[i]);
    }
  }
};

/// Throws the IndexError that names the first label that stands for nothing. Waits for the device.
void check_labels(const Tensor& labels, const LabelTerms& terms, Index classes);

}  // namespace voxgrad::ops::cuda
