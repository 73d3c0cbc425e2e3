// Views, joins, padding, copies between layouts, dtypes and devices.
#include "bind.h"

#include <voxgrad/autograd/functions/creation.h>
#include <voxgrad/autograd/functions/shape.h>
#include <voxgrad/core/pad_mode.h>

namespace voxgrad::python {

namespace {

void bind_views(py::module_& m) {
  m.def(
      "_view", [](const Tensor& x, const Shape& shape) { return x.view(shape); }, ReleaseGil());
  m.def(
      "_reshape", [](const Tensor& x, const Shape& shape) { return x.reshape(shape); },
      ReleaseGil());
  m.def("_permute", [](const Tensor& x, const std::vector<Index>& axes) {
    return x.permute(std::span<const Index>(axes));
  });
  m.def("_transpose", [](const Tensor& x, Index a, Index b) { return x.transpose(a, b); });
  m.def("_narrow", [](const Tensor& x, Index axis, Index start, Index length) {
    return x.narrow(axis, start, length);
  });
  m.def("_select", [](const Tensor& x, Index axis, Index index) { return x.select(axis, index); });
  m.def("_slice", [](const Tensor& x, Index axis, Index start, Index length, Index step) {
    return x.slice(axis, start, length, step);
  });
  m.def("_diagonal", [](const Tensor& x, Index offset, Index axis1, Index axis2) {
    return x.diagonal(offset, axis1, axis2);
  });
  m.def("_unfold", [](const Tensor& x, Index axis, Index size, Index step) {
    return x.unfold(axis, size, step);
  });
  m.def("_expand", [](const Tensor& x, const Shape& shape) { return x.expand(shape); });
  m.def("_squeeze", [](const Tensor& x, Index axis) { return x.squeeze(axis); });
  m.def("_squeeze", [](const Tensor& x) { return x.squeeze(); });
  m.def("_unsqueeze", [](const Tensor& x, Index axis) { return x.unsqueeze(axis); });
  m.def(
      "_flatten", [](const Tensor& x, Index first, Index last) { return x.flatten(first, last); },
      ReleaseGil());
}

void bind_copies(py::module_& m) {
  m.def(
      "_contiguous", [](const Tensor& x) { return x.contiguous(); }, ReleaseGil());
  m.def(
      "_channels_last", [](const Tensor& x) { return x.channels_last(); }, ReleaseGil());
  m.def(
      "_clone", [](const Tensor& x) { return x.clone(); }, ReleaseGil());
  m.def(
      "_to_dtype", [](const Tensor& x, DType dtype) { return x.to(dtype); }, ReleaseGil());
  m.def(
      "_to_device", [](const Tensor& x, Device device) { return x.to(device); }, ReleaseGil());
}

void bind_arrangements(py::module_& m) {
  using Numbers = const std::vector<Index>&;
  m.def(
      "_flip", [](const Tensor& x, Numbers axes) { return flip(x, axes); }, ReleaseGil());
  m.def(
      "_repeat", [](const Tensor& x, Numbers counts) { return repeat(x, counts); }, ReleaseGil());
  m.def(
      "_tile", [](const Tensor& x, Numbers counts) { return tile(x, counts); }, ReleaseGil());
  m.def(
      "_roll", [](const Tensor& x, Numbers shifts, Numbers axes) { return roll(x, shifts, axes); },
      ReleaseGil());
  m.def("_tril", &tril, ReleaseGil());
  m.def("_triu", &triu, ReleaseGil());
}

}  // namespace

void bind_shape(py::module_& m) {
  bind_views(m);
  bind_copies(m);
  bind_arrangements(m);
  m.def(
      "_cat", [](const std::vector<Tensor>& tensors, Index axis) { return cat(tensors, axis); },
      ReleaseGil());
  m.def(
      "_stack", [](const std::vector<Tensor>& tensors, Index axis) { return stack(tensors, axis); },
      ReleaseGil());
  m.def("_split", [](const Tensor& x, Index size, Index axis) { return split(x, size, axis); });
  m.def("_split", [](const Tensor& x, const std::vector<Index>& sizes, Index axis) {
    return split(x, sizes, axis);
  });
  m.def("_chunk", &chunk);
  m.def("_unbind", &unbind);
  m.def("_movedim", [](const Tensor& x, const std::vector<Index>& from,
                       const std::vector<Index>& to) { return movedim(x, from, to); });
  m.def("_meshgrid", [](const std::vector<Tensor>& axes, bool xy) {
    return meshgrid(axes, xy ? Indexing::xy : Indexing::ij);
  });
  m.def(
      "_pad",
      [](const Tensor& x, const std::vector<Index>& amounts, PadMode mode, double value) {
        return pad(x, amounts, mode, value);
      },
      ReleaseGil());
}

}  // namespace voxgrad::python
