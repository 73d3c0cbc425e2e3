// The parts of Tensor that concern the graph.
#include <voxgrad/autograd/engine.h>

#include <mutex>
#include <utility>

#include <voxgrad/autograd/grad_mode.h>
#include <voxgrad/autograd/meta.h>
#include <voxgrad/core/check.h>

namespace voxgrad {
namespace {

void check_defined(std::string_view op, const Tensor& tensor) {
  VG_CHECK(tensor.defined(), AutogradError, "{}: the tensor must be defined; got no value", op);
}

}  // namespace

bool Tensor::requires_grad() const {
  if (!impl_ || !impl_->autograd) return false;
  const AutogradMeta& meta = *impl_->autograd;
  if (meta.requires_grad || meta.node) return true;
  return meta.base.defined() && !meta.cut && meta.base.requires_grad();
}

Tensor& Tensor::requires_grad_(bool on) {
  check_defined("requires_grad_", *this);
  if (on == requires_grad()) return *this;
  VG_CHECK(is_floating(dtype()), DTypeError,
           "requires_grad_: only floating tensors have gradients; got {}", name(dtype()));
  AutogradMeta& meta = meta_of(*this);
  VG_CHECK(on || meta.requires_grad, AutogradError,
           "requires_grad_: the result of recorded operations wants a gradient; got false (use "
           "detach())");
  meta.requires_grad = on;
  return *this;
}

bool Tensor::is_leaf() const {
  check_defined("is_leaf", *this);
  edge_of(*this);  // joins a view to what its base has become
  return !impl_->autograd || !impl_->autograd->node;
}

Tensor Tensor::grad() const {
  if (!defined() || !impl_->autograd) return {};
  const std::lock_guard lock(leaf_mutex());
  return impl_->autograd->grad;
}

void Tensor::set_grad(const Tensor& grad) {
  check_defined("set_grad", *this);
  if (grad.defined()) {
    VG_CHECK(grad.impl() != impl_, AutogradError,
             "set_grad: a tensor cannot be its own gradient; got one of shape {}",
             to_string(shape()));
    VG_CHECK(grad.shape() == shape(), ShapeError,
             "set_grad: the gradient must have shape {}; got {}", to_string(shape()),
             to_string(grad.shape()));
    VG_CHECK(grad.dtype() == dtype(), DTypeError, "set_grad: the gradient must be {}; got {}",
             name(dtype()), name(grad.dtype()));
    VG_CHECK(grad.device() == device(), DeviceError, "set_grad: the gradient must be on {}; got {}",
             to_string(device()), to_string(grad.device()));
  } else if (!impl_->autograd) {
    return;
  }
  AutogradMeta& meta = meta_of(*this);
  Tensor old = grad;  // dropped after the lock
  const std::lock_guard lock(leaf_mutex());
  std::swap(meta.grad, old);
}

Tensor Tensor::detach() const {
  check_defined("detach", *this);
  return detached_handle(*this);
}

void zero_grad(std::span<const Tensor> tensors, bool set_to_none) {
  const NoGrad no_grad;
  for (Tensor tensor : tensors) {
    Tensor grad = tensor.grad();
    if (!grad.defined()) continue;
    if (set_to_none) {
      tensor.set_grad({});
    } else {
      if (grad.requires_grad()) grad = grad.detach();
      tensor.set_grad(grad.zero_());
    }
  }
}

void Tensor::backward(const Tensor& gradient, bool retain_graph, bool create_graph) const {
  voxgrad::backward(std::span(this, 1), std::span(&gradient, 1),
                    {.retain_graph = retain_graph, .create_graph = create_graph});
}

}  // namespace voxgrad
