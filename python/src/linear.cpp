// Products of matrices.
#include "bind.h"

#include <string>

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
  m.def(
      "_einsum",
      [](const std::string& equation, const std::vector<Tensor>& operands) {
        return einsum(equation, operands);
      },
      ReleaseGil());
  m.def(
      "_tensordot",
      [](const Tensor& a, const Tensor& b, const std::vector<Index>& a_axes,
         const std::vector<Index>& b_axes) { return tensordot(a, b, a_axes, b_axes); },
      ReleaseGil());
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
