// class Tensor: what it is and how it stands in the graph. Its arithmetic is attached in Python.
#include "bind.h"

#include <cstring>
#include <string>

#include <voxgrad/autograd/engine.h>
#include <voxgrad/autograd/functions/creation.h>
#include <voxgrad/autograd/functions/shape.h>
#include <voxgrad/autograd/node.h>
#include <voxgrad/core/error.h>

namespace voxgrad::python {

namespace {

using ImplClass = py::class_<TensorImpl, std::shared_ptr<TensorImpl>>;

/// voxgrad.Size, which Python defines and registers.
PyObject* size_class = nullptr;

py::object as_size(const Shape& shape) {
  py::tuple sizes(shape.size());
  for (std::size_t i = 0; i < shape.size(); ++i) sizes[i] = shape[i];
  if (size_class == nullptr) return sizes;
  return py::handle(size_class)(sizes);
}

Tensor self_of(const std::shared_ptr<TensorImpl>& impl) { return Tensor(impl); }

py::object item_of(const Tensor& x) {
  if (x.numel() != 1) {
    throw ShapeError("item: needs a tensor of one element; got shape " + to_string(x.shape()));
  }
  const Tensor host = x.to(Device{});
  return visit_dtype(x.dtype(),
                     [&]<typename T>() -> py::object { return py::cast(*host.data<T>()); });
}

template <typename T>
py::object nested_list(const T* data, const Shape& shape, const Strides& strides,
                       std::size_t axis) {
  if (axis == shape.size()) return py::cast(*data);
  py::list result(static_cast<std::size_t>(shape[axis]));
  for (Index i = 0; i < shape[axis]; ++i) {
    result[static_cast<std::size_t>(i)] =
        nested_list(data + i * strides[axis], shape, strides, axis + 1);
  }
  return result;
}

py::object list_of(const Tensor& x) {
  const Tensor host = x.to(Device{});
  return visit_dtype(x.dtype(), [&]<typename T>() {
    return nested_list(host.data<T>(), host.shape(), host.strides(), 0);
  });
}

/// x.data = other: x takes over the other's memory, as PyTorch does; shape and dtype may change
/// only where no graph has seen them.
void set_data(const Tensor& x, const Tensor& other) {
  if (!x.is_leaf()) throw AutogradError("data: only leaves take other data; this was computed");
  if (x.requires_grad() && !is_floating(other.dtype())) {
    throw DTypeError("data: a tensor that wants a gradient needs float32 or float64; got " +
                     std::string(name(other.dtype())));
  }
  TensorImpl& impl = *x.impl();
  const auto& from = other.impl();
  impl.replace(from->storage(), from->strides, from->offset);
  impl.shape = from->shape;
  impl.numel = from->numel;
  impl.dtype = from->dtype;
}

void bind_layout(ImplClass& tensor) {
  tensor.def_property_readonly("shape", [](const TensorImpl& x) { return as_size(x.shape); })
      .def_property_readonly("dtype", [](const TensorImpl& x) { return x.dtype; })
      .def_property_readonly(
          "device", [](const std::shared_ptr<TensorImpl>& x) { return self_of(x).device(); })
      .def_property_readonly("ndim", [](const TensorImpl& x) { return x.shape.size(); })
      .def("numel", [](const TensorImpl& x) { return x.numel; })
      .def("_stride", [](const TensorImpl& x) { return py::tuple(py::cast(x.strides)); })
      .def("storage_offset", [](const TensorImpl& x) { return x.offset; })
      .def("element_size", [](const TensorImpl& x) { return size_of(x.dtype); })
      .def("data_ptr",
           [](const TensorImpl& x) {
             x.storage()->mark_shown();
             return reinterpret_cast<std::uintptr_t>(x.address());
           })
      .def(
          "_storage_ptr",
          [](const TensorImpl& x) { return reinterpret_cast<std::uintptr_t>(x.storage()->data()); })
      .def("_is_contiguous",
           [](const std::shared_ptr<TensorImpl>& x) { return self_of(x).is_contiguous(); })
      .def("_is_channels_last",
           [](const std::shared_ptr<TensorImpl>& x) { return self_of(x).is_channels_last(); })
      .def_property_readonly(
          "_version", [](const std::shared_ptr<TensorImpl>& x) { return self_of(x).version(); })
      .def("item", [](const std::shared_ptr<TensorImpl>& x) { return item_of(self_of(x)); })
      .def("tolist", [](const std::shared_ptr<TensorImpl>& x) { return list_of(self_of(x)); })
      .def("__hash__", [](const TensorImpl& x) {
        return static_cast<py::ssize_t>(reinterpret_cast<std::uintptr_t>(&x) >> 4);
      });
}

void bind_graph(ImplClass& tensor) {
  using Impl = std::shared_ptr<TensorImpl>;
  // Setters with names, which error texts use.
  tensor
      .def_property(
          "requires_grad", [](const Impl& x) { return self_of(x).requires_grad(); },
          py::cpp_function([](const Impl& x, bool on) { self_of(x).requires_grad_(on); },
                           py::name("requires_grad"), py::is_setter()))
      .def_property(
          "grad", [](const Impl& x) { return self_of(x).grad(); },
          py::cpp_function(
              [](const Impl& x, const MaybeTensor& grad) {
                self_of(x).set_grad(defined_or_not(grad));
              },
              py::name("grad"), py::is_setter()))
      .def_property(
          "data", [](const Impl& x) { return self_of(x).detach(); },
          py::cpp_function([](const Impl& x, const Tensor& other) { set_data(self_of(x), other); },
                           py::name("data"), py::is_setter()))
      .def_property_readonly("is_leaf", [](const Impl& x) { return self_of(x).is_leaf(); })
      .def_property_readonly("_op",
                             [](const Impl& x) -> std::optional<std::string> {
                               const Tensor t = self_of(x);
                               if (t.is_leaf()) return std::nullopt;
                               return std::string(edge_of(t).node->op);
                             })
      .def("detach", [](const Impl& x) { return self_of(x).detach(); })
      .def(
          "_backward",
          [](const Impl& x, const MaybeTensor& gradient, bool retain_graph, bool create_graph) {
            self_of(x).backward(defined_or_not(gradient), retain_graph, create_graph);
          },
          ReleaseGil())
      .def("_register_hook",
           [](const Impl& x, py::function hook) {
             return register_hook(
                 self_of(x), [held = SharedObject(std::move(hook))](const Tensor& grad) -> Tensor {
                   return with_gil(
                       [&] { return defined_or_not(held.get()(grad).cast<MaybeTensor>()); });
                 });
           })
      .def("_remove_hook", [](const Impl& x, std::uint64_t id) { remove_hook(self_of(x), id); });
}

void bind_in_place(ImplClass& tensor) {
  using Impl = std::shared_ptr<TensorImpl>;
  tensor
      .def(
          "_copy_", [](const Impl& x, const Tensor& from) { self_of(x).copy_(from); }, ReleaseGil())
      .def(
          "_fill_", [](const Impl& x, double value) { self_of(x).fill_(value); }, ReleaseGil())
      .def(
          "_add_",
          [](const Impl& x, const Tensor& other, double alpha) { self_of(x).add_(other, alpha); },
          ReleaseGil())
      .def(
          "_mul_", [](const Impl& x, const Tensor& other) { self_of(x).mul_(other); }, ReleaseGil())
      .def(
          "_mul_", [](const Impl& x, double factor) { self_of(x).mul_(factor); }, ReleaseGil());
}

}  // namespace

void bind_tensor(py::module_& m) {
  ImplClass tensor(m, "Tensor");
  // A tensor of its own with the same values: what Parameter(data) starts from.
  tensor.def(py::init([](const Tensor& data) { return data.detach().impl(); }), py::arg("data"));
  bind_layout(tensor);
  bind_graph(tensor);
  bind_in_place(tensor);
  tensor.attr("__module__") = "voxgrad";
  m.def("_set_size_class", [](py::object type) { size_class = type.release().ptr(); });
}

}  // namespace voxgrad::python
