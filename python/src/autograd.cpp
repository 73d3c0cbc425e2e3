// The graph from Python: grad, custom functions, gradcheck.
#include "bind.h"

#include <string>

#include <voxgrad/autograd/adjoint.h>
#include <voxgrad/autograd/checkpoint.h>
#include <voxgrad/autograd/engine.h>
#include <voxgrad/autograd/grad_mode.h>
#include <voxgrad/autograd/gradcheck.h>
#include <voxgrad/autograd/node.h>
#include <voxgrad/core/error.h>

namespace voxgrad::python {

namespace {

using Tensors = std::vector<Tensor>;

Tensors defined_list(const std::vector<MaybeTensor>& tensors) {
  Tensors result;
  for (const MaybeTensor& t : tensors) result.push_back(defined_or_not(t));
  return result;
}

Tensors grad_of(const Tensors& outputs, const Tensors& inputs,
                const std::vector<MaybeTensor>& gradients, bool retain_graph, bool create_graph,
                bool allow_unused) {
  return grad(outputs, inputs, defined_list(gradients),
              {.retain_graph = retain_graph || create_graph,
               .create_graph = create_graph,
               .allow_unused = allow_unused});
}

void backward_of(const Tensors& tensors, const std::vector<MaybeTensor>& gradients,
                 bool retain_graph, bool create_graph) {
  backward(tensors, defined_list(gradients),
           {.retain_graph = retain_graph || create_graph, .create_graph = create_graph});
}

/// Joins what a Python Function computed to the graph. `rule(saved, grads, needs)` is called under
/// the GIL and gives one gradient or None for each input.
void record_function(const std::string& op, const Tensors& inputs, Tensors results,
                     const std::vector<MaybeTensor>& saved, py::function rule) {
  std::vector<SavedTensor> kept;
  for (const MaybeTensor& t : saved) kept.emplace_back(defined_or_not(t));
  Rule call = [held = SharedObject(std::move(rule))](std::span<const Tensor> values,
                                                     std::span<const Tensor> grads, Needs needs) {
    return with_gil([&] {
      py::list wanted;
      for (const bool need : needs) wanted.append(need);
      const py::object result = held.get()(Tensors(values.begin(), values.end()),
                                           Tensors(grads.begin(), grads.end()), wanted);
      return defined_list(result.cast<std::vector<MaybeTensor>>());
    });
  };
  record(interned(op), inputs, results, std::move(kept), std::move(call));
}

TensorFunction callable(py::function f) {
  return [held = SharedObject(std::move(f))](std::span<const Tensor> inputs) {
    return with_gil([&] {
      py::tuple arguments(inputs.size());
      for (std::size_t i = 0; i < inputs.size(); ++i) arguments[i] = py::cast(inputs[i]);
      return held.get()(*arguments).cast<Tensors>();
    });
  };
}

GradcheckOptions tolerances(double eps, double atol, double rtol) {
  GradcheckOptions options;
  options.eps = eps;
  options.atol = atol;
  options.rtol = rtol;
  return options;
}

py::tuple adjoint_forms(py::function f, const Tensors& inputs, std::uint64_t seed) {
  const TensorFunction function = callable(std::move(f));
  const AdjointCheck check = [&] {
    const WithoutGil released;
    return check_adjoint(function, inputs, seed);
  }();
  return py::make_tuple(check.forward, py::tuple(py::cast(check.backward)), check.gap(),
                        check.scale);
}

}  // namespace

void bind_autograd(py::module_& m) {
  m.def("is_grad_enabled", &grad_enabled);
  m.def("_set_grad_enabled", &set_grad_enabled);
  m.def("_grad", &grad_of, ReleaseGil());
  m.def("_backward", &backward_of, ReleaseGil());
  m.def("_record", &record_function);
  m.def("_checkpoint", [](py::function f, const Tensors& inputs, bool preserve_rng_state) {
    const TensorFunction function = callable(std::move(f));
    const WithoutGil released;
    return checkpoint(function, inputs, {.preserve_rng_state = preserve_rng_state});
  });
  m.def("_check_adjoint", &adjoint_forms);
  m.def("_gradcheck",
        [](py::function f, const Tensors& inputs, double eps, double atol, double rtol) {
          const TensorFunction function = callable(std::move(f));
          const WithoutGil released;
          gradcheck(function, inputs, tolerances(eps, atol, rtol));
        });
  m.def("_gradgradcheck",
        [](py::function f, const Tensors& inputs, double eps, double atol, double rtol) {
          const TensorFunction function = callable(std::move(f));
          const WithoutGil released;
          gradgradcheck(function, inputs, tolerances(eps, atol, rtol));
        });
}

}  // namespace voxgrad::python
