// Reads and writes through index tensors and masks.
#include "bind.h"

#include <voxgrad/autograd/functions/indexing.h>

namespace voxgrad::python {

namespace {

std::vector<Tensor> defined_list(const std::vector<MaybeTensor>& indices) {
  std::vector<Tensor> result;
  for (const MaybeTensor& t : indices) result.push_back(defined_or_not(t));
  return result;
}

}  // namespace

void bind_indexing(py::module_& m) {
  m.def(
      "_index",
      [](const Tensor& x, const std::vector<MaybeTensor>& indices) {
        return index(x, defined_list(indices));
      },
      ReleaseGil());
  m.def(
      "_index_put_",
      [](Tensor x, const std::vector<MaybeTensor>& indices, const Tensor& values, bool accumulate) {
        return index_put_(x, defined_list(indices), values, accumulate);
      },
      ReleaseGil());
  m.def("_index_select", &index_select, ReleaseGil());
  m.def("_gather", &gather, ReleaseGil());
  m.def("_take_along_dim", &take_along_dim, ReleaseGil());
  m.def("_scatter", py::overload_cast<const Tensor&, Index, const Tensor&, const Tensor&>(&scatter),
        ReleaseGil());
  m.def("_scatter", py::overload_cast<const Tensor&, Index, const Tensor&, double>(&scatter),
        ReleaseGil());
  m.def("_scatter_add", &scatter_add, ReleaseGil());
  m.def("_masked_fill",
        py::overload_cast<const Tensor&, const Tensor&, const Tensor&>(&masked_fill), ReleaseGil());
  m.def("_masked_fill", py::overload_cast<const Tensor&, const Tensor&, double>(&masked_fill),
        ReleaseGil());
  m.def("_masked_select", &masked_select, ReleaseGil());
  m.def("_nonzero", &nonzero, ReleaseGil());
}

}  // namespace voxgrad::python
