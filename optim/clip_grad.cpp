#include <voxgrad/optim/clip_grad.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include <voxgrad/autograd/grad_mode.h>
#include <voxgrad/core/check.h>
#include <voxgrad/core/parallel.h>
#include <voxgrad/ops/update.h>
#include <voxgrad/optim/optimizer.h>

namespace voxgrad::optim {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

std::vector<Tensor> grads_of(std::span<const Tensor> parameters) {
  std::vector<Tensor> grads;
  for (const Tensor& parameter : parameters) {
    const Tensor grad = parameter.grad();
    if (grad.defined()) grads.push_back(grad.detach());
  }
  return grads;
}

Index chunk_count(const Tensor& x) {
  return (x.numel() + ops::kPowerSumChunk - 1) / ops::kPowerSumChunk;
}

/// Of tensors on one device, in their order: the sums of |x|^p of each one's chunks, on the CPU.
/// They come in one copy, so that a GPU is waited for once.
std::vector<double> sums_of(std::span<const Tensor> tensors, double p) {
  Index count = 0;
  for (const Tensor& x : tensors) count += chunk_count(x);
  const Tensor sums = Tensor::empty({count}, DType::float64, tensors[0].device());
  Index at = 0;
  for (const Tensor& x : tensors) {
    const Tensor dense = x.is_dense() ? x : x.contiguous();
    Tensor part = sums.alias({chunk_count(x)}, {1}, at);
    if (part.numel() > 0) ops::power_sums(dense, p, part);
    at += part.numel();
  }
  return sums.to(Device{}).to_vector<double>();
}

}  // namespace

double get_total_norm(std::span<const Tensor> tensors, double norm_type) {
  VG_CHECK(norm_type > 0, ShapeError, "get_total_norm: norm_type must be > 0; got {}", norm_type);
  for (const Tensor& tensor : tensors) {
    VG_CHECK(is_floating(tensor.dtype()), DTypeError,
             "get_total_norm: tensors must be floating; got {}", name(tensor.dtype()));
  }
  const NoGrad no_grad;
  std::vector<Tensor> values;
  for (const Tensor& tensor : tensors) values.push_back(tensor.detach());
  double norm = 0;
  for (auto first = values.begin(); first != values.end();) {
    const auto last = std::find_if(first, values.end(),
                                   [&](const Tensor& x) { return x.device() != first->device(); });
    for (const double part : sums_of({first, last}, norm_type)) {
      if (norm_type != kInfinity) norm += part;
      else if (!std::isnan(norm) && !(part <= norm)) norm = part;
    }
    first = last;
  }
  return norm_type == kInfinity ? norm : std::pow(norm, 1 / norm_type);
}

double clip_grad_norm_(std::span<const Tensor> parameters, double max_norm, double norm_type) {
  check_option("clip_grad_norm_", "max_norm", max_norm, 0, kInfinity);
  std::vector<Tensor> grads = grads_of(parameters);
  const double norm = get_total_norm(grads, norm_type);
  const NoGrad no_grad;
  const double factor = max_norm / (norm + 1e-6);
  const NoCancel whole;
  // A norm that is NaN makes every gradient NaN, as in PyTorch: it must be seen.
  if (!(factor >= 1))
    for (Tensor& grad : grads) grad.mul_(factor);
  return norm;
}

void clip_grad_value_(std::span<const Tensor> parameters, double limit) {
  check_option("clip_grad_value_", "limit", limit, 0, kInfinity);
  const NoGrad no_grad;
  const NoCancel whole;
  for (Tensor& grad : grads_of(parameters)) {
    Tensor dense = grad.is_dense() ? grad : grad.contiguous();
    ops::clip(dense, limit);
    if (!dense.is_same(grad)) grad.copy_(dense);
  }
}

}  // namespace voxgrad::optim
