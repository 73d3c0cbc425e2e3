// Normalisation.
#include "bind.h"

#include <voxgrad/autograd/functions/norm.h>

namespace voxgrad::python {

void bind_norm(py::module_& m) {
  m.def(
      "_batch_norm",
      [](const Tensor& x, const MaybeTensor& mean, const MaybeTensor& variance,
         const MaybeTensor& weight, const MaybeTensor& bias, bool training, double momentum,
         double eps, double negative_slope) {
        return batch_norm(x,
                          {defined_or_not(mean), defined_or_not(variance), defined_or_not(weight),
                           defined_or_not(bias), training, momentum, eps, negative_slope});
      },
      ReleaseGil());
  m.def(
      "_instance_norm",
      [](const Tensor& x, const MaybeTensor& mean, const MaybeTensor& variance,
         const MaybeTensor& weight, const MaybeTensor& bias, bool use_input_stats, double momentum,
         double eps, double negative_slope) {
        return instance_norm(
            x, {defined_or_not(mean), defined_or_not(variance), defined_or_not(weight),
                defined_or_not(bias), use_input_stats, momentum, eps, negative_slope});
      },
      ReleaseGil());
  m.def(
      "_group_norm",
      [](const Tensor& x, Index groups, const MaybeTensor& weight, const MaybeTensor& bias,
         double eps) {
        return group_norm(x, groups, {defined_or_not(weight), defined_or_not(bias), eps});
      },
      ReleaseGil());
  m.def(
      "_layer_norm",
      [](const Tensor& x, const Shape& shape, const MaybeTensor& weight, const MaybeTensor& bias,
         double eps) {
        return layer_norm(x, shape, {defined_or_not(weight), defined_or_not(bias), eps});
      },
      ReleaseGil());
}

}  // namespace voxgrad::python
