// The optimizers' steps; their options and state live in Python.
#include "bind.h"

#include <voxgrad/autograd/grad_mode.h>
#include <voxgrad/core/error.h>
#include <voxgrad/core/parallel.h>
#include <voxgrad/optim/adam.h>
#include <voxgrad/optim/clip_grad.h>
#include <voxgrad/optim/sgd.h>

namespace voxgrad::python {

namespace {

/// `step` with its tensors checked, through `update`; gives the buffers, which may lie anew.
std::vector<Tensor> take_step(optim::ParameterStep step,
                              const std::function<void(optim::ParameterStep&)>& update) {
  const auto check = [&](const Tensor& t, const char* what) {
    if (t.shape() != step.parameter.shape() || t.dtype() != step.parameter.dtype() ||
        t.device() != step.parameter.device()) {
      throw ShapeError(std::string("optimizer: the ") + what +
                       " must have the parameter's shape, dtype and device; got shape " +
                       to_string(t.shape()) + " and " + to_string(step.parameter.shape()));
    }
  };
  if (!is_floating(step.parameter.dtype())) {
    throw DTypeError("optimizer: parameters must be float32 or float64; got " +
                     std::string(name(step.parameter.dtype())));
  }
  check(step.grad, "gradient");
  for (const Tensor& buffer : step.buffers) check(buffer, "state");
  const NoGrad no_grad;
  const NoCancel whole;
  optim::apply_step(step, update);
  return step.buffers;
}

}  // namespace

void bind_optim(py::module_& m) {
  m.def(
      "_sgd_step",
      [](const Tensor& parameter, const Tensor& grad, const MaybeTensor& momentum_buffer,
         bool first, double lr, double momentum, double dampening, double weight_decay,
         bool nesterov) {
        optim::ParameterStep step{parameter, grad, {}, first ? 1 : 2};
        if (momentum_buffer) step.buffers.push_back(*momentum_buffer);
        return take_step(std::move(step), [&](optim::ParameterStep& dense) {
          optim::sgd_update(dense, {lr, momentum, dampening, weight_decay, nesterov});
        });
      },
      ReleaseGil());
  m.def(
      "_adam_step",
      [](const Tensor& parameter, const Tensor& grad, const std::vector<Tensor>& buffers,
         std::int64_t number, double lr, double beta1, double beta2, double eps,
         double weight_decay, bool amsgrad, bool decoupled) {
        if (buffers.size() != (amsgrad ? 3U : 2U))
          throw ShapeError("Adam: the state must hold two means, and with amsgrad their maximum");
        return take_step({parameter, grad, buffers, number}, [&](optim::ParameterStep& dense) {
          optim::adam_update(dense, {lr, beta1, beta2, eps, weight_decay, amsgrad}, decoupled);
        });
      },
      ReleaseGil());
  m.def(
      "_get_total_norm",
      [](const std::vector<Tensor>& tensors, double norm_type) {
        return optim::get_total_norm(tensors, norm_type);
      },
      ReleaseGil());
  m.def(
      "_clip_grad_value",
      [](const std::vector<Tensor>& parameters, double limit) {
        optim::clip_grad_value_(parameters, limit);
      },
      ReleaseGil());
}

}  // namespace voxgrad::python
