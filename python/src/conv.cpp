// Convolution and its transpose, of the rank that the weight has.
#include "bind.h"

#include <voxgrad/autograd/functions/conv.h>

namespace voxgrad::python {

namespace {

Tensor conv_of(const Tensor& x, const Tensor& w, const MaybeTensor& bias, const Spatial& stride,
               const ConvPadding& padding, const Spatial& dilation, Index groups) {
  return conv(x, w, defined_or_not(bias), {stride, padding, dilation, groups});
}

Tensor conv_transpose_of(const Tensor& x, const Tensor& w, const MaybeTensor& bias,
                         const Spatial& stride, const Spatial& padding,
                         const Spatial& output_padding, Index groups, const Spatial& dilation,
                         const std::optional<Shape>& output_size) {
  return conv_transpose(x, w, defined_or_not(bias),
                        {.stride = stride,
                         .padding = padding,
                         .output_padding = output_padding,
                         .groups = groups,
                         .dilation = dilation,
                         .output_size = output_size});
}

}  // namespace

void bind_conv(py::module_& m) {
  m.def("_conv", &conv_of, ReleaseGil());
  m.def("_conv_transpose", &conv_transpose_of, ReleaseGil());
  m.def("conv_algorithms", &conv_algorithms);
  m.def("force_conv_algorithm", &force_conv_algorithm);
  m.def("last_conv_report", &last_conv_report);
}

}  // namespace voxgrad::python
