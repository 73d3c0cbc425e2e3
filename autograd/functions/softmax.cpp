#include <voxgrad/autograd/functions/softmax.h>

#include <algorithm>

#include <voxgrad/autograd/functions/elementwise.h>
#include <voxgrad/autograd/functions/reduce.h>
#include <voxgrad/autograd/node.h>
#include <voxgrad/core/check.h>
#include <voxgrad/ops/softmax.h>

namespace voxgrad {
namespace {

Tensor recorded_softmax(std::string_view op, const Tensor& x, Index axis_argument, bool logarithm) {
  VG_CHECK(x.defined() && is_floating(x.dtype()), DTypeError,
           "{}: x must be float32 or float64; got {}", op,
           x.defined() ? name(x.dtype()) : "an undefined tensor");
  const int axis = normalize_axis(op, axis_argument, std::max(x.dim(), 1));
  if (x.dim() == 0) return recorded_softmax(op, x.unsqueeze(0), 0, logarithm).squeeze(0);
  Tensor y = ops::softmax(x, axis, logarithm);
  const Rule rule = [=](std::span<const Tensor> saved, std::span<const Tensor> grads, Needs) {
    const Tensor& result = saved[0];
    const Tensor& grad = grads[0];
    if (!grad_enabled())
      return std::vector<Tensor>{ops::softmax_gradient(result, grad, axis, logarithm)};
    if (logarithm) return std::vector<Tensor>{grad - exp(result) * sum(grad, {axis}, true)};
    return std::vector<Tensor>{result * (grad - sum(grad * result, {axis}, true))};
  };
  return record_one(op, {x}, y, rule, y);
}

}  // namespace

Tensor softmax(const Tensor& x, Index axis) { return recorded_softmax("softmax", x, axis, false); }

Tensor log_softmax(const Tensor& x, Index axis) {
  return recorded_softmax("log_softmax", x, axis, true);
}

}  // namespace voxgrad
