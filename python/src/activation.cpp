// Activations beyond relu, sigmoid and tanh.
#include "bind.h"

#include <voxgrad/autograd/functions/activation.h>
#include <voxgrad/autograd/functions/elementwise.h>

namespace voxgrad::python {

namespace {

void bind_plain(py::module_& m) {
  const auto unary = [&m](const char* name, Tensor (*f)(const Tensor&)) {
    m.def(name, f, ReleaseGil());
  };
  unary("_selu", &selu);
  unary("_gelu", &gelu);
  unary("_gelu_tanh", &gelu_tanh);
  unary("_silu", &silu);
  unary("_mish", &mish);
  unary("_logsigmoid", &logsigmoid);
  unary("_softsign", &softsign);
  unary("_tanhshrink", &tanhshrink);
  unary("_relu6", &relu6);
  unary("_hardsigmoid", &hardsigmoid);
  unary("_hardswish", &hardswish);
}

void bind_with_numbers(py::module_& m) {
  const auto one = [&m](const char* name, Tensor (*f)(const Tensor&, double)) {
    m.def(name, f, ReleaseGil());
  };
  const auto two = [&m](const char* name, Tensor (*f)(const Tensor&, double, double)) {
    m.def(name, f, ReleaseGil());
  };
  one("_leaky_relu", &leaky_relu);
  one("_elu", &elu);
  one("_celu", &celu);
  one("_hardshrink", &hardshrink);
  one("_softshrink", &softshrink);
  two("_softplus", &softplus);
  two("_hardtanh", &hardtanh);
  two("_threshold", &threshold);
  m.def("_prelu", &prelu, ReleaseGil());
  m.def("_glu", &glu, ReleaseGil());
}

}  // namespace

void bind_activation(py::module_& m) {
  bind_plain(m);
  bind_with_numbers(m);
  m.def(
      "_relu_", [](Tensor x) { return relu_(x); }, ReleaseGil());
  m.def(
      "_leaky_relu_", [](Tensor x, double slope) { return leaky_relu_(x, slope); }, ReleaseGil());
}

}  // namespace voxgrad::python
