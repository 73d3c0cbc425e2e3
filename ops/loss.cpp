#include <voxgrad/ops/loss.h>

#include <voxgrad/core/check.h>
#include <voxgrad/ops/label_rule.h>
#include <voxgrad/ops/layout.h>

namespace voxgrad::ops {
namespace {

Tensor plain(const Tensor& x) { return x.defined() ? to_contiguous(x) : x; }

Shape with_classes(const Tensor& labels, Index classes) {
  Shape shape = labels.shape();
  shape.insert(shape.begin() + 1, classes);
  return shape;
}

const LossKernels& kernels_of(const Tensor& x) { return loss_kernels(x.device()); }

}  // namespace

const LossKernels& loss_kernels(Device device) {
  return select_kernels(device, cpu::kLoss, cuda::kLoss);
}

void refuse_label(const LabelTerms& terms, Index classes, Index label) {
  throw IndexError(
      fmt::format("{}: labels must be in [0, {}){}; got {}", terms.op, classes + terms.first_class,
                  terms.ignore_index ? fmt::format(" or {}", *terms.ignore_index) : "", label));
}

Tensor scores_layout(const Tensor& x) { return x.is_contiguous() ? x : to_channels_last(x); }

CrossEntropy cross_entropy(const LabelTerms& terms, const Tensor& scores, const Tensor& labels,
                           const Tensor& weight, bool each) {
  const Tensor x = scores_layout(scores);
  CrossEntropy result;
  if (each) result.losses = Tensor::empty(labels.shape(), x.dtype(), x.device());
  result.totals = Tensor::empty({2}, DType::float64, x.device());
  kernels_of(x).cross_entropy(class_shape(x, 1), terms, x, plain(labels), plain(weight),
                              result.losses, result.totals);
  return result;
}

Tensor cross_entropy_gradient(const LabelTerms& terms, const Tensor& scores, const Tensor& labels,
                              const Tensor& weight, const Tensor& totals, const Tensor& grad) {
  const Tensor x = scores_layout(scores);
  Tensor result = Tensor::empty_like(x);
  kernels_of(x).cross_entropy_gradient(class_shape(x, 1), terms, x, plain(labels), plain(weight),
                                       totals, plain(grad), result);
  return result;
}

Tensor target(const LabelTerms& terms, const Tensor& labels, Index classes, const Tensor& weight,
              DType dtype) {
  Tensor result =
      Tensor::empty_channels_last(with_classes(labels, classes), dtype, labels.device());
  kernels_of(labels).target(class_shape(result, 1), terms, plain(labels), plain(weight), result);
  return result;
}

Tensor one_hot(const Tensor& labels, Index classes) {
  Shape shape = labels.shape();
  shape.push_back(classes);
  Tensor result = Tensor::empty(std::move(shape), DType::int64, labels.device());
  kernels_of(labels).one_hot(classes, plain(labels), result);
  return result;
}

Overlap overlap(const LabelTerms& terms, const Tensor& scores, const Tensor& labels) {
  const Tensor x = scores_layout(scores);
  const Shape shape{x.size(0), x.size(1)};
  Overlap result{Tensor::empty(shape, x.dtype(), x.device()),
                 Tensor::empty(shape, x.dtype(), x.device()),
                 Tensor::empty(shape, x.dtype(), x.device())};
  kernels_of(x).overlap(class_shape(x, 1), terms, x.size(0), x, plain(labels), result);
  return result;
}

Tensor overlap_adjoint(const LabelTerms& terms, const Shape& shape, const Tensor& labels,
                       const Tensor& shared, const Tensor& scores) {
  Tensor result = Tensor::empty_channels_last(shape, shared.dtype(), shared.device());
  kernels_of(result).overlap_adjoint(class_shape(result, 1), terms, shape[0], plain(labels),
                                     plain(shared), plain(scores), result);
  return result;
}

}  // namespace voxgrad::ops
