// Products of matrices.
#include "bind.h"

#include <voxgrad/autograd/functions/linear.h>

namespace voxgrad::python {

void bind_linear(py::module_& m) {
  const auto product = [&m](const char* name, Tensor (*f)(const Tensor&, const Tensor&)) {
    m.def(name, f, ReleaseGil());
  };
  product("matmul", &matmul);
  product("mm", &mm);
  product("bmm", &bmm);
  product("mv", &mv);
  product("dot", &dot);
  product("outer", &outer);
  m.def("_addmm", &addmm, ReleaseGil());
  m.def("_baddbmm", &baddbmm, ReleaseGil());
  m.def(
      "_linear",
      [](const Tensor& x, const Tensor& w, const MaybeTensor& bias) {
        return linear(x, w, defined_or_not(bias));
      },
      ReleaseGil());
}

}  // namespace voxgrad::python
