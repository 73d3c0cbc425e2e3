#include <voxgrad/optim/clip_grad.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include <voxgrad/autograd/grad_mode.h>
#include <voxgrad/core/check.h>
#include <voxgrad/core/parallel.h>
#include <voxgrad/optim/optimizer.h>
#include <voxgrad/optim/pass.h>

namespace voxgrad::optim {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

void check_on_cpu(std::string_view op, const Tensor& tensor) {
  VG_CHECK(tensor.device().type == DeviceType::cpu, DeviceError,
           "{}: tensors must be on the cpu; got one on {}", op,
           voxgrad::to_string(tensor.device()));
}

std::vector<Tensor> grads_of(std::string_view op, std::span<const Tensor> parameters) {
  std::vector<Tensor> grads;
  for (const Tensor& parameter : parameters) {
    const Tensor grad = parameter.grad();
    if (!grad.defined()) continue;
    check_on_cpu(op, grad);
    grads.push_back(grad.detach());
  }
  return grads;
}

template <typename T>
double partial_norm(const T* values, Index count, double p) {
  double total = 0;
  if (p == kInfinity) {
    // NaN must win, as it does in the sums.
    for (Index i = 0; i < count; ++i) {
      const double size = std::abs(static_cast<double>(values[i]));
      if (!(size <= total)) total = size;
      if (std::isnan(total)) break;
    }
  } else if (p == 2) {
    for (Index i = 0; i < count; ++i) total += static_cast<double>(values[i]) * values[i];
  } else {
    for (Index i = 0; i < count; ++i)
      total += std::pow(std::abs(static_cast<double>(values[i])), p);
  }
  return total;
}

/// Adds the tensor's part to `total`: the sum of |g|^p, or the largest |g| for infinity.
void add_norm(const Tensor& grad, double p, double& total) {
  const Tensor dense = grad.is_dense() ? grad : grad.contiguous();
  std::vector<double> partial(static_cast<std::size_t>((dense.numel() + kGrain - 1) / kGrain));
  visit_floating(dense.dtype(), [&]<typename T>() {
    const T* const values = dense.data<T>();
    parallel_ranges(dense.numel(), kGrain, [&](Index begin, Index end) {
      partial[static_cast<std::size_t>(begin / kGrain)] =
          partial_norm(values + begin, end - begin, p);
    });
  });
  for (const double part : partial) {
    if (p != kInfinity) total += part;
    else if (!(part <= total)) total = part;
    if (std::isnan(total)) return;
  }
}

}  // namespace

double get_total_norm(std::span<const Tensor> tensors, double norm_type) {
  VG_CHECK(norm_type > 0, ShapeError, "get_total_norm: norm_type must be > 0; got {}", norm_type);
  for (const Tensor& tensor : tensors) {
    check_on_cpu("get_total_norm", tensor);
    VG_CHECK(is_floating(tensor.dtype()), DTypeError,
             "get_total_norm: tensors must be floating; got {}", name(tensor.dtype()));
  }
  const NoGrad no_grad;
  double norm = 0;
  for (const Tensor& tensor : tensors) {
    add_norm(tensor.detach(), norm_type, norm);
    if (std::isnan(norm)) break;
  }
  return norm_type == kInfinity ? norm : std::pow(norm, 1 / norm_type);
}

double clip_grad_norm_(std::span<const Tensor> parameters, double max_norm, double norm_type) {
  check_option("clip_grad_norm_", "max_norm", max_norm, 0, kInfinity);
  std::vector<Tensor> grads = grads_of("clip_grad_norm_", parameters);
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
  for (Tensor& grad : grads_of("clip_grad_value_", parameters)) {
    Tensor dense = grad.is_dense() ? grad : grad.contiguous();
    visit_floating(dense.dtype(), [&]<typename T>() {
      T* const values = dense.mutable_data<T>();
      const T bound = static_cast<T>(limit);
      parallel_ranges(dense.numel(), kGrain, [&](Index begin, Index end) {
        // Comparisons that are false for NaN keep it.
        for (Index i = begin; i < end; ++i)
          values[i] = values[i] > bound ? bound : values[i] < -bound ? -bound : values[i];
      });
    });
    if (!dense.is_same(grad)) grad.copy_(dense);
  }
}

}  // namespace voxgrad::optim
