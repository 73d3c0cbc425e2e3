// NumPy: memory shared in both directions.
#include "bind.h"

#include <cstdint>
#include <string>

#include <pybind11/numpy.h>

#include <voxgrad/autograd/functions/creation.h>
#include <voxgrad/autograd/functions/shape.h>
#include <voxgrad/autograd/grad_mode.h>
#include <voxgrad/core/error.h>

namespace voxgrad::python {

namespace {

py::dtype numpy_dtype(DType dtype) {
  return visit_dtype(dtype, []<typename T>() { return py::dtype::of<T>(); });
}

DType dtype_from_numpy(std::string_view op, const py::dtype& dtype) {
  for (int i = 0; i < kDTypeCount; ++i) {
    if (numpy_dtype(static_cast<DType>(i)).equal(dtype)) return static_cast<DType>(i);
  }
  throw DTypeError(std::string(op) +
                   ": arrays must be float32, float64, int64, int32, uint8 or bool in native byte "
                   "order; got " +
                   py::str(dtype).cast<std::string>() + "; use array.astype(...)");
}

/// Keeps the array, and its memory in place: NumPy resizes no array that has a weak reference, not
/// even with refcheck=False.
SharedObject keep(const py::array& array) {
  py::array owner = array;  // of the memory
  for (py::object base = owner.base(); base && py::isinstance<py::array>(base);
       base = owner.base()) {
    owner = std::move(base);
  }
  return SharedObject(py::make_tuple(array, py::weakref(owner)));
}

/// The array's elements as a tensor over the same memory.
Tensor borrow_array(const py::array& array, DType dtype) {
  const auto width = static_cast<Index>(size_of(dtype));
  Shape shape(array.shape(), array.shape() + array.ndim());
  Strides strides;
  for (py::ssize_t i = 0; i < array.ndim(); ++i) {
    Index stride = array.strides(i);
    const bool fits = stride >= 0 && stride % width == 0;
    // NumPy gives axes that never move any stride.
    if (!fits && shape[static_cast<std::size_t>(i)] <= 1) stride = width;
    if (!fits && shape[static_cast<std::size_t>(i)] > 1) {
      throw ShapeError(
          "from_numpy: strides must be non-negative multiples of the element's size; use "
          "array.copy()");
    }
    strides.push_back(stride / width);
  }
  if (reinterpret_cast<std::uintptr_t>(array.data()) % static_cast<std::uintptr_t>(width) != 0) {
    throw ShapeError("from_numpy: the array's memory is not aligned; use array.copy()");
  }
  auto* memory = const_cast<void*>(array.data());
  const SharedObject owner = keep(array);
  return Tensor::borrow(memory, std::move(shape), std::move(strides), dtype, Device{},
                        [owner] { (void)owner; });
}

Tensor from_numpy(const py::array& array) {
  const DType dtype = dtype_from_numpy("from_numpy", array.dtype());
  if (!array.writeable()) {
    throw ShapeError(
        "from_numpy: the array is read-only and a tensor over it could be written; use "
        "voxgrad.tensor(array), which copies");
  }
  return borrow_array(array, dtype);
}

/// A copy of an array of any strides, in plain layout.
Tensor copy_array(const py::array& array) {
  const DType dtype = dtype_from_numpy("tensor", array.dtype());
  const py::array plain = py::array::ensure(array, py::array::c_style);
  if (!plain) throw py::error_already_set();
  const Tensor shared = borrow_array(plain, dtype);
  const WithoutGil released;
  Tensor result = Tensor::empty(shared.shape(), dtype);
  result.copy_(shared);
  return result;
}

py::array to_numpy(const Tensor& x) {
  if (x.requires_grad() && grad_enabled()) {
    throw AutogradError("numpy: the tensor wants a gradient; use x.detach().numpy()");
  }
  if (x.device().type != DeviceType::cpu) {
    throw DTypeError("numpy: an array cannot lie on " + to_string(x.device()) +
                     "; use .cpu() to copy the tensor to the CPU first");
  }
  // The array keeps a tensor of its own alive; view() sees that the memory is shared.
  x.impl()->storage()->mark_shown();
  auto* held = new Tensor(x.detach());
  const py::capsule owner(held, [](void* p) { delete static_cast<Tensor*>(p); });
  const auto width = static_cast<py::ssize_t>(size_of(x.dtype()));
  std::vector<py::ssize_t> strides;
  for (const Index stride : x.strides()) strides.push_back(stride * width);
  return py::array(numpy_dtype(x.dtype()), x.shape(), strides, held->raw(), owner);
}

}  // namespace

void bind_interop(py::module_& m) {
  m.def("_from_numpy", &from_numpy);
  m.def("_copy_array", &copy_array);
  m.def("_to_numpy", &to_numpy);
}

}  // namespace voxgrad::python
