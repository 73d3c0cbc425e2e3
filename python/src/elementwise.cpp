// Arithmetic, functions and comparison of elements. Numbers come as double; Python has settled
// what dtype they give.
#include "bind.h"

#include <voxgrad/autograd/functions/elementwise.h>

namespace voxgrad::python {

namespace {

using Unary = Tensor (*)(const Tensor&);
using Binary = Tensor (*)(const Tensor&, const Tensor&);
using WithNumber = Tensor (*)(const Tensor&, double);
using NumberFirst = Tensor (*)(double, const Tensor&);

void bind_arithmetic(py::module_& m) {
  const auto both = [&m](const char* name, Binary tensors, WithNumber number) {
    m.def(name, tensors, ReleaseGil());
    m.def(name, number, ReleaseGil());
  };
  both("_add", &add, &add);
  both("_sub", &sub, &sub);
  both("_mul", &mul, &mul);
  both("_div", &div, &div);
  both("_pow", &pow, &pow);
  both("eq", &eq, &eq);
  both("ne", &ne, &ne);
  both("lt", &lt, &lt);
  both("le", &le, &le);
  both("gt", &gt, &gt);
  both("ge", &ge, &ge);
  m.def("_sub", static_cast<NumberFirst>(&sub), ReleaseGil());
  m.def("_div", static_cast<NumberFirst>(&div), ReleaseGil());
  m.def("_pow", static_cast<NumberFirst>(&pow), ReleaseGil());
  py::enum_<Rounding>(m, "_Rounding")
      .value("floor", Rounding::floor)
      .value("trunc", Rounding::trunc);
  m.def("_div_rounded", py::overload_cast<const Tensor&, const Tensor&, Rounding>(&div),
        ReleaseGil());
}

void bind_pairs(py::module_& m) {
  const auto binary = [&m](const char* name, Binary f) { m.def(name, f, ReleaseGil()); };
  binary("remainder", &remainder);
  binary("fmod", &fmod);
  binary("atan2", &atan2);
  binary("maximum", &maximum);
  binary("minimum", &minimum);
  binary("logical_and", &logical_and);
  binary("logical_or", &logical_or);
  binary("logical_xor", &logical_xor);
  binary("bitwise_and", &bitwise_and);
  binary("bitwise_or", &bitwise_or);
  binary("bitwise_xor", &bitwise_xor);
  m.def("_clamp", py::overload_cast<const Tensor&, double, double>(&clamp), ReleaseGil());
  m.def(
      "_clamp_tensors",
      [](const Tensor& x, const MaybeTensor& low, const MaybeTensor& high) {
        return clamp(x, defined_or_not(low), defined_or_not(high));
      },
      ReleaseGil());
  m.def("_where", py::overload_cast<const Tensor&, const Tensor&, const Tensor&>(&where),
        ReleaseGil());
  m.def("_lerp", py::overload_cast<const Tensor&, const Tensor&, const Tensor&>(&lerp),
        ReleaseGil());
  m.def("_lerp", py::overload_cast<const Tensor&, const Tensor&, double>(&lerp), ReleaseGil());
  m.def("_addcmul", &addcmul, ReleaseGil());
  m.def("_addcdiv", &addcdiv, ReleaseGil());
  m.def("_nan_to_num", &nan_to_num, ReleaseGil());
  m.def("_isclose", &isclose, ReleaseGil());
  m.def("_allclose", &allclose, ReleaseGil());
  m.def("equal", &equal, ReleaseGil());
}

void bind_functions(py::module_& m) {
  const auto unary = [&m](const char* name, Unary f) { m.def(name, f, ReleaseGil()); };
  unary("neg", &neg);
  unary("abs", &abs);
  unary("sign", &sign);
  unary("square", &square);
  unary("exp", &exp);
  unary("exp2", &exp2);
  unary("expm1", &expm1);
  unary("log", &log);
  unary("log2", &log2);
  unary("log10", &log10);
  unary("log1p", &log1p);
  unary("sqrt", &sqrt);
  unary("rsqrt", &rsqrt);
  unary("reciprocal", &reciprocal);
  unary("sin", &sin);
  unary("cos", &cos);
  unary("tan", &tan);
  unary("asin", &asin);
  unary("acos", &acos);
  unary("atan", &atan);
  unary("sinh", &sinh);
  unary("cosh", &cosh);
  unary("tanh", &tanh);
  unary("erf", &erf);
  unary("erfc", &erfc);
  unary("floor", &floor);
  unary("ceil", &ceil);
  unary("round", &round);
  unary("trunc", &trunc);
  unary("sigmoid", &sigmoid);
  unary("relu", &relu);
  unary("logical_not", &logical_not);
  unary("bitwise_not", &bitwise_not);
  unary("isnan", &isnan);
  unary("isinf", &isinf);
  unary("isfinite", &isfinite);
}

}  // namespace

void bind_elementwise(py::module_& m) {
  bind_arithmetic(m);
  bind_pairs(m);
  bind_functions(m);
}

}  // namespace voxgrad::python
