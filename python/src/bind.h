// Internal to the Python extension: how values cross the border.
//
// The functions here are thin: Python names, argument order, scalars and overloads are settled in
// python/voxgrad/*.py, which call these with tensors, numbers and lists.
#pragma once

#include <cxxabi.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <pybind11/functional.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <voxgrad/core/conv_geometry.h>
#include <voxgrad/core/device.h>
#include <voxgrad/core/dtype.h>
#include <voxgrad/core/random.h>
#include <voxgrad/core/tensor.h>

namespace voxgrad::python {

/// What Python's `dtype` objects hold.
struct DTypeObject {
  DType dtype;
};
/// The object of a type; borrowed, lives as long as the module.
pybind11::handle dtype_object(DType dtype);

}  // namespace voxgrad::python

namespace pybind11::detail {

/// Python can make an object and leave out its __init__; pybind11 would lend memory that nobody has
/// written as its value.
template <typename Caster>
struct initialised : Caster {
  bool load(handle source, bool convert) {
    return type_caster_generic::load_impl<initialised>(source, convert);
  }
  void load_value(value_and_holder&& held) {
    if (held.value_ptr() == nullptr) {
      throw type_error(std::string(Py_TYPE(held.inst)->tp_name) +
                       ": __init__ must be called before the object is used");
    }
    Caster::load_value(std::move(held));
  }
};

template <>
struct type_caster<voxgrad::python::DTypeObject>
    : initialised<type_caster_base<voxgrad::python::DTypeObject>> {};
template <>
struct type_caster<voxgrad::Device> : initialised<type_caster_base<voxgrad::Device>> {};
template <>
struct type_caster<voxgrad::Generator> : initialised<type_caster_base<voxgrad::Generator>> {};
template <>
struct type_caster<voxgrad::TensorImpl> : initialised<type_caster_base<voxgrad::TensorImpl>> {};
template <>
struct type_caster<std::shared_ptr<voxgrad::TensorImpl>>
    : initialised<
          copyable_holder_caster<voxgrad::TensorImpl, std::shared_ptr<voxgrad::TensorImpl>>> {};

/// A Tensor crosses as the one Python object of its TensorImpl: while that object lives, every
/// handle on the same tensor comes back as it. Undefined tensors become None; None becomes a tensor
/// only through std::optional.
template <>
struct type_caster<voxgrad::Tensor> {
  PYBIND11_TYPE_CASTER(voxgrad::Tensor, const_name("Tensor"));

  using Impl = make_caster<std::shared_ptr<voxgrad::TensorImpl>>;

  bool load(handle source, bool convert) {
    Impl impl;
    if (source.is_none() || !impl.load(source, convert)) return false;
    value = voxgrad::Tensor(cast_op<std::shared_ptr<voxgrad::TensorImpl>>(impl));
    return true;
  }

  static handle cast(const voxgrad::Tensor& tensor, return_value_policy, handle) {
    if (!tensor.defined()) return none().release();
    return Impl::cast(tensor.impl(), return_value_policy::take_ownership, {});
  }
};

/// A DType is one Python object for each type, so that `x.dtype is voxgrad.float32` holds.
template <>
struct type_caster<voxgrad::DType> {
  PYBIND11_TYPE_CASTER(voxgrad::DType, const_name("dtype"));

  bool load(handle source, bool convert) {
    make_caster<voxgrad::python::DTypeObject> object;
    if (source.is_none() || !object.load(source, convert)) return false;
    value = cast_op<voxgrad::python::DTypeObject&>(object).dtype;
    return true;
  }

  static handle cast(voxgrad::DType dtype, return_value_policy, handle) {
    return voxgrad::python::dtype_object(dtype).inc_ref();
  }
};

/// What operator.index gives, in 64 bits: fractions and text are no index.
inline std::optional<voxgrad::Index> index_of(handle source) {
  if (PyIndex_Check(source.ptr()) == 0) return std::nullopt;
  const object whole = reinterpret_steal<object>(PyNumber_Index(source.ptr()));
  const long long number = whole ? PyLong_AsLongLong(whole.ptr()) : -1;
  if (PyErr_Occurred() == nullptr) return number;
  PyErr_Clear();
  return std::nullopt;
}

/// One number for all axes, or a sequence with one per axis.
template <>
struct type_caster<voxgrad::Spatial> {
 public:
  static constexpr auto name = const_name("int | Sequence[int]");
  template <typename T>
  using cast_op_type = movable_cast_op_type<T>;

  bool load(handle source, bool) {
    if (const auto all = index_of(source)) {
      value = voxgrad::Spatial(*all);
      return true;
    }
    if (!PyList_Check(source.ptr()) && !PyTuple_Check(source.ptr())) return false;
    voxgrad::Shape each;
    for (const handle item : reinterpret_borrow<sequence>(source)) {
      const auto one = index_of(item);
      if (!one) return false;
      each.push_back(*one);
    }
    value = voxgrad::Spatial(each);
    return true;
  }

  operator voxgrad::Spatial*() { return &value; }
  operator voxgrad::Spatial&() { return value; }
  operator voxgrad::Spatial&&() && { return std::move(value); }

 private:
  voxgrad::Spatial value = 0;
};

/// "same", "valid", or a Spatial.
template <>
struct type_caster<voxgrad::ConvPadding> {
 public:
  static constexpr auto name = const_name("int | Sequence[int] | str");
  template <typename T>
  using cast_op_type = movable_cast_op_type<T>;

  bool load(handle source, bool convert) {
    if (PyUnicode_Check(source.ptr())) {
      value = voxgrad::ConvPadding(source.cast<std::string>());
      return true;
    }
    make_caster<voxgrad::Spatial> amount;
    if (!amount.load(source, convert)) return false;
    value = voxgrad::ConvPadding(cast_op<voxgrad::Spatial&>(amount));
    return true;
  }

  operator voxgrad::ConvPadding*() { return &value; }
  operator voxgrad::ConvPadding&() { return value; }
  operator voxgrad::ConvPadding&&() && { return std::move(value); }

 private:
  voxgrad::ConvPadding value = 0;
};

}  // namespace pybind11::detail

namespace voxgrad::python {

namespace py = pybind11;

/// A thread that wants the GIL while the interpreter ends gets a forced unwinding (Python < 3.14),
/// which no destructor survives. It waits for the process to end instead, as later Pythons let it.
[[noreturn]] void wait_for_the_end();

/// While one lives the thread is without the GIL.
class WithoutGil {
 public:
  WithoutGil() : state_(PyEval_SaveThread()) {}
  ~WithoutGil() {
    try {
      PyEval_RestoreThread(state_);
    } catch (const abi::__forced_unwind&) {
      wait_for_the_end();
    }
  }
  WithoutGil(const WithoutGil&) = delete;
  WithoutGil& operator=(const WithoutGil&) = delete;

 private:
  PyThreadState* state_;
};

/// f() under the GIL, for calls into Python from wherever C++ is.
template <typename F>
auto with_gil(const F& f) {
  try {
    const py::gil_scoped_acquire gil;
    try {
      return f();
    } catch (const abi::__forced_unwind&) {
      wait_for_the_end();
    }
  } catch (const abi::__forced_unwind&) {
    wait_for_the_end();
  }
}

/// Compute runs without the GIL.
using ReleaseGil = py::call_guard<WithoutGil>;

using MaybeTensor = std::optional<Tensor>;

/// The tensor, or an undefined one for None.
inline Tensor defined_or_not(const MaybeTensor& tensor) { return tensor.value_or(Tensor()); }

/// A Python object that may be copied and dropped by any thread, with the GIL or without.
class SharedObject {
 public:
  explicit SharedObject(py::object object);
  /// The object; the caller holds the GIL.
  const py::object& get() const { return *object_; }

 private:
  std::shared_ptr<py::object> object_;
};

/// The GPU that "cuda" without a number means, of the calling thread: 0 at first.
Device current_cuda_device();
void set_current_cuda_device(int index);

/// Text that lives as long as the program: names of operations that Python makes up.
std::string_view interned(const std::string& text);

// One function per topic, each in the file of its name.
void bind_errors(py::module_& m);
void bind_types(py::module_& m);
void bind_tensor(py::module_& m);
void bind_interop(py::module_& m);
void bind_dlpack(py::module_& m);
void bind_autograd(py::module_& m);
void bind_creation(py::module_& m);
void bind_elementwise(py::module_& m);
void bind_reduce(py::module_& m);
void bind_shape(py::module_& m);
void bind_indexing(py::module_& m);
void bind_linear(py::module_& m);
void bind_conv(py::module_& m);
void bind_pool(py::module_& m);
void bind_norm(py::module_& m);
void bind_activation(py::module_& m);
void bind_dropout(py::module_& m);
void bind_image(py::module_& m);
void bind_loss(py::module_& m);
void bind_layers(py::module_& m);
void bind_modules(py::module_& m);
void bind_optim(py::module_& m);
void bind_io(py::module_& m);
void bind_memory(py::module_& m);
void bind_cuda(py::module_& m);
void bind_threads(py::module_& m);
// The last: it looks at what the others have bound.
void bind_arguments(py::module_& m);

}  // namespace voxgrad::python
