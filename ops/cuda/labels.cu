#include <voxgrad/ops/cuda/labels.h>

#include <limits>

#include <voxgrad/ops/cuda/fold.h>

namespace voxgrad::ops::cuda {
namespace {

constexpr Index kNone = std::numeric_limits<Index>::max();

struct First {
  using Total = Index;
  static constexpr Index identity() { return kNone; }
  static constexpr Index merge(Index a, Index b) { return a < b ? a : b; }
};

struct Refused {
  const Labels& labels;
  __device__ Index operator()(Index i) const { return labels(i) == kNoLabel ? i : kNone; }
};

struct AllRefused {
  using Merge = First;
  Labels labels;
  Index count;
  __device__ Index operator()(Index, Index first, Index step) const {
    return fold_elements<First>(Refused{labels}, first, step, count);
  }
};

struct StoreFirst {
  Index* to;
  __device__ void operator()(Index, Index first) const { *to = first; }
};

template <typename T>
Index label_at(const Tensor& labels, Index i) {
  T label{};
  copy_memory(&label, labels.data<T>() + i, sizeof(T));
  return static_cast<Index>(label);
}

}  // namespace

void check_labels(const Tensor& labels, const LabelTerms& terms, Index classes) {
  const Index count = labels.numel();
  DeviceArray<Index> place(1);
  fold(terms.op, {1, count, 1}, AllRefused{Labels(labels, terms, classes), count},
       StoreFirst{place.data()});
  Index first = kNone;
  copy_memory(&first, place.data(), sizeof(first));
  if (first == kNone) return;
  switch (labels.dtype()) {
    case DType::int64: refuse_label(terms, classes, label_at<std::int64_t>(labels, first));
    case DType::int32: refuse_label(terms, classes, label_at<std::int32_t>(labels, first));
    default: refuse_label(terms, classes, label_at<std::uint8_t>(labels, first));
  }
}

}  // namespace voxgrad::ops::cuda
