// New tensors.
#include "bind.h"

#include <voxgrad/autograd/functions/creation.h>
#include <voxgrad/core/random.h>

namespace voxgrad::python {

void bind_creation(py::module_& m) {
  m.def("_empty", [](const Shape& shape, DType dtype, Device device) {
    return Tensor::empty(shape, dtype, device);
  });
  m.def("_empty_channels_last", [](const Shape& shape, DType dtype, Device device) {
    return Tensor::empty_channels_last(shape, dtype, device);
  });
  m.def("_empty_like", [](const Tensor& x, DType dtype) { return Tensor::empty_like(x, dtype); });
  m.def("_empty_strided", [](const Shape& shape, const Strides& strides, DType dtype, Device d) {
    return Tensor::empty_strided(shape, strides, dtype, d);
  });
  m.def("_full", &full, ReleaseGil());
  m.def("_arange",
        py::overload_cast<double, double, double, std::optional<DType>, Device>(&arange));
  m.def("_linspace", &linspace);
  m.def("_eye", &eye);
  m.def("_rand", &rand, ReleaseGil());
  m.def("_randn", &randn, ReleaseGil());
  m.def("_randint", &randint, ReleaseGil());
  m.def("_randperm", &randperm, ReleaseGil());
  m.def("_manual_seed", &manual_seed);
  m.def("_bernoulli", &bernoulli, ReleaseGil());
  const auto fill = [&m](const char* name, Tensor& (*f)(Tensor&, double, double, Generator&)) {
    m.def(
        name, [f](Tensor x, double a, double b, Generator& g) { return f(x, a, b, g); },
        ReleaseGil());
  };
  fill("_uniform_", &uniform_);
  fill("_normal_", &normal_);
  m.def(
      "_bernoulli_", [](Tensor x, double p, Generator& g) { return bernoulli_(x, p, g); },
      ReleaseGil());
}

}  // namespace voxgrad::python
