// Exceptions: ours as classes that users catch by PyTorch's habits too.
#include "bind.h"

#include <initializer_list>
#include <string>

#include <voxgrad/core/error.h>

namespace voxgrad::python {

namespace {

/// voxgrad.<name>, derived from all of `bases`; never freed.
PyObject* make_class(py::module_& m, const char* name, std::initializer_list<PyObject*> bases,
                     const char* doc) {
  py::tuple parents(bases.size());
  std::size_t i = 0;
  for (PyObject* base : bases) parents[i++] = py::reinterpret_borrow<py::object>(base);
  const std::string full = std::string("voxgrad.") + name;
  py::dict members;
  // KeyError's own would put the text in quotes.
  members["__str__"] = py::handle(PyExc_BaseException).attr("__str__");
  PyObject* made = PyErr_NewExceptionWithDoc(full.c_str(), doc, parents.ptr(), members.ptr());
  if (made == nullptr) throw py::error_already_set();
  m.attr(name) = py::reinterpret_borrow<py::object>(made);
  return made;
}

/// Written once, at import.
struct Classes {
  PyObject* error;
  PyObject* shape;
  PyObject* dtype;
  PyObject* device;
  PyObject* memory;
  PyObject* index;
  PyObject* key;
  PyObject* autograd;
  PyObject* file;
} classes;

void set_error(PyObject* type, const std::exception& e) { PyErr_SetString(type, e.what()); }

/// Most derived first. False when the exception is none of ours.
void translate(std::exception_ptr pointer) {
  try {
    if (pointer) std::rethrow_exception(pointer);
  } catch (const ShapeError& e) {
    set_error(classes.shape, e);
  } catch (const DTypeError& e) {
    set_error(classes.dtype, e);
  } catch (const DeviceError& e) {
    set_error(classes.device, e);
  } catch (const OutOfMemoryError& e) {
    set_error(classes.memory, e);
  } catch (const IndexError& e) {
    set_error(classes.index, e);
  } catch (const KeyError& e) {
    set_error(classes.key, e);
  } catch (const AutogradError& e) {
    set_error(classes.autograd, e);
  } catch (const FileError& e) {
    set_error(classes.file, e);
  } catch (const Cancelled& e) {
    // The signal's own handler has raised, KeyboardInterrupt mostly.
    if (PyErr_Occurred() == nullptr) set_error(PyExc_KeyboardInterrupt, e);
  } catch (const Error& e) {
    set_error(classes.error, e);
  }
}

}  // namespace

void bind_errors(py::module_& m) {
  classes.error = make_class(m, "Error", {PyExc_RuntimeError}, "Base of voxgrad's exceptions.");
  classes.shape = make_class(m, "ShapeError", {classes.error, PyExc_ValueError},
                             "Sizes, ranks, strides or option values that do not fit together.");
  classes.dtype = make_class(m, "DTypeError", {classes.error, PyExc_TypeError},
                             "An element type that an operation does not take.");
  classes.device = make_class(m, "DeviceError", {classes.error},
                              "A device that does not exist, or operands on different devices.");
  classes.memory =
      make_class(m, "OutOfMemoryError", {classes.error}, "Memory that the device does not have.");
  classes.index = make_class(m, "OutOfRangeError", {classes.error, PyExc_IndexError},
                             "An index outside its axis, or an axis outside its tensor.");
  classes.key = make_class(m, "MissingKeyError", {classes.error, PyExc_KeyError},
                           "A name that a state dict or a file does not hold.");
  classes.autograd =
      make_class(m, "AutogradError", {classes.error}, "A wrong use of the graph of derivatives.");
  classes.file = make_class(m, "FileError", {classes.error, PyExc_OSError},
                            "A file that is missing, truncated, malformed or cannot be written.");
  py::register_exception_translator(&translate);
}

}  // namespace voxgrad::python
