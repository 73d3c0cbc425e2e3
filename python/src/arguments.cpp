// Arguments of a wrong type. pybind11 answers them with the signatures of its functions; here every
// function of the module gets an entry that lets voxgrad/_arguments.py write the text instead. A
// call that succeeds passes one more function and nothing else.
#include "bind.h"

namespace voxgrad::python {

namespace {

using Call = PyObject* (*)(PyObject*, PyObject* const*, std::size_t, PyObject*);

Call dispatch = nullptr;      // pybind11's entry, one for all functions
PyObject* text_of = nullptr;  // Python's explain(text, arguments, named)
PyObject* error_class = nullptr;

/// The arguments behind the positional ones by their names.
py::dict named_arguments(PyObject* const* values, PyObject* names) {
  py::dict result;
  const Py_ssize_t count = names == nullptr ? 0 : PyTuple_GET_SIZE(names);
  for (Py_ssize_t i = 0; i < count; ++i) {
    result[py::handle(PyTuple_GET_ITEM(names, i))] = py::handle(values[i]);
  }
  return result;
}

/// Gives the TypeError that is set our text where it is pybind11's about types.
void explain(PyObject* const* values, Py_ssize_t count, PyObject* names) {
  py::error_already_set error;
  try {
    const py::str text(error.value());
    if (!text.contains(": incompatible ")) return error.restore();
    py::tuple positional(count);
    for (Py_ssize_t i = 0; i < count; ++i) positional[i] = py::handle(values[i]);
    const py::object better =
        py::handle(text_of)(text, positional, named_arguments(values + count, names));
    PyErr_SetObject(error_class, better.ptr());
  } catch (py::error_already_set&) {
    error.restore();
  }
}

PyObject* call(PyObject* self, PyObject* const* values, std::size_t flags, PyObject* names) {
  PyObject* result = dispatch(self, values, flags, names);
  if (result == nullptr && text_of != nullptr && PyErr_Occurred() == PyExc_TypeError) {
    explain(values, PyVectorcall_NARGS(flags), names);
  }
  return result;
}

template <typename To, typename From>
To function_cast(From from) {
  return reinterpret_cast<To>(reinterpret_cast<void (*)()>(from));
}

void reroute(py::handle f) {
  if (f && PyInstanceMethod_Check(f.ptr())) f = PyInstanceMethod_GET_FUNCTION(f.ptr());
  if (!f || !PyCFunction_Check(f.ptr())) return;
  PyMethodDef* method = reinterpret_cast<PyCFunctionObject*>(f.ptr())->m_ml;
  if (method->ml_flags != (METH_FASTCALL | METH_KEYWORDS)) return;
  const Call present = function_cast<Call>(method->ml_meth);
  if (present == &call) return;
  dispatch = present;
  method->ml_meth = function_cast<PyCFunction>(&call);
}

}  // namespace

void bind_arguments(py::module_& m) {
  for (const auto& [name, member] : m.attr("__dict__").cast<py::dict>()) {
    reroute(member);
    if (!PyType_Check(member.ptr())) continue;
    for (const auto& [inner_name, inner] : py::dict(member.attr("__dict__"))) {
      reroute(inner);
      if (!Py_IS_TYPE(inner.ptr(), &PyProperty_Type)) continue;
      reroute(inner.attr("fget"));
      reroute(inner.attr("fset"));
    }
  }
  error_class = m.attr("DTypeError").ptr();
  m.def("_set_explanation", [](py::object f) { text_of = f.release().ptr(); });
}

}  // namespace voxgrad::python
