// The parts of Tensor that concern the graph.
#include <voxgrad/autograd/engine.h>
#include <voxgrad/autograd/meta.h>
#include <voxgrad/core/check.h>

namespace voxgrad {

bool Tensor::requires_grad() const {
  if (!impl_ || !impl_->autograd) return false;
  const AutogradMeta& meta = *impl_->autograd;
  if (meta.requires_grad || meta.node) return true;
  return meta.base.defined() && !meta.cut && meta.base.requires_grad();
}

Tensor& Tensor::requires_grad_(bool on) {
  if (!on && !requires_grad()) return *this;
  VG_CHECK(is_floating(dtype()), DTypeError,
           "requires_grad_: only floating tensors have gradients; got {}", name(dtype()));
  AutogradMeta& meta = meta_of(*this);
  VG_CHECK(on || !meta.node, AutogradError,
           "requires_grad_: the result of recorded operations wants a gradient; got false (use "
           "detach())");
  if (!meta.node) meta.requires_grad = on;
  return *this;
}

bool Tensor::is_leaf() const { return !impl_->autograd || !edge_of(*this).node || !impl_->autograd->node; }

Tensor Tensor::grad() const {
  return defined() && impl_->autograd ? impl_->autograd->grad : Tensor();
}

void Tensor::set_grad(const Tensor& grad) {
  if (grad.defined()) {
    VG_CHECK(grad.shape() == shape(), ShapeError, "set_grad: the gradient must have shape {}; got {}",
             to_string(shape()), to_string(grad.shape()));
    VG_CHECK(grad.dtype() == dtype(), DTypeError, "set_grad: the gradient must be {}; got {}",
             name(dtype()), name(grad.dtype()));
    VG_CHECK(grad.device() == device(), DeviceError, "set_grad: the gradient must be on {}; got {}",
             to_string(device()), to_string(grad.device()));
  } else if (!impl_->autograd) {
    return;
  }
  meta_of(*this).grad = grad;
}

Tensor Tensor::detach() const { return detached_handle(*this); }

void Tensor::backward(const Tensor& gradient, bool retain_graph, bool create_graph) const {
  voxgrad::backward(std::span(this, 1), std::span(&gradient, 1),
                    {.retain_graph = retain_graph, .create_graph = create_graph});
}

}  // namespace voxgrad
