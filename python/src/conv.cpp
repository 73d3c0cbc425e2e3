// Convolution and its transpose, of the rank that the weight has.
#include "any_device.h"

#include <voxgrad/autograd/functions/conv.h>

namespace voxgrad::python {

namespace {

Tensor conv_of(const Tensor& x, const Tensor& w, const MaybeTensor& bias, const Spatial& stride,
               const ConvPadding& padding, const Spatial& dilation, Index groups,
               PadMode padding_mode) {
  return conv(x, w, defined_or_not(bias),
              {.stride = stride,
               .padding = padding,
               .dilation = dilation,
               .groups = groups,
               .padding_mode = padding_mode});
}

Tensor conv_transpose_of(const Tensor& x, const Tensor& w, const MaybeTensor& bias,
                         const Spatial& stride, const Spatial& padding,
                         const Spatial& output_padding, Index groups, const Spatial& dilation,
                         const std::optional<Shape>& output_size, const MaybeTensor& like) {
  const Tensor fit = defined_or_not(like);
  return conv_transpose(x, w, defined_or_not(bias),
                        {.stride = stride,
                         .padding = padding,
                         .output_padding = output_padding,
                         .groups = groups,
                         .dilation = dilation,
                         .output_size = output_size,
                         .like = fit.defined() ? &fit : nullptr});
}

}  // namespace

void bind_conv(py::module_& m) {
  m.def("_conv", &conv_of, ReleaseGil());
  m.def("_conv_transpose", &conv_transpose_of, ReleaseGil());
  m.def(
      "conv_algorithms", [](const AnyDevice& where) { return conv_algorithms(where.device); },
      py::arg("device") = py::none(),
      "Names of a device's convolution algorithms, in order of preference; None is the CPU. Which "
      "one runs follows\n"
      "from the sizes, the dtype and the processor.");
  m.def("force_conv_algorithm", &force_conv_algorithm, py::arg("name"),
        "Uses the algorithm of that name wherever it supports the sizes; '' leaves the choice to "
        "the library again.\n"
        "Where it does not, or where the tensors' device has none of that name, the library "
        "chooses; last_conv() tells\n"
        "what ran. Raises KeyError for a name that no device has.");
  py::class_<ConvRun>(m, "ConvRun", "What one convolution ran.")
      .def_property_readonly("produced", [](const ConvRun& run) { return name(run.produced); })
      .def_readonly("dtype", &ConvRun::dtype)
      .def_readonly("algorithm", &ConvRun::algorithm)
      .def_readonly("workspace", &ConvRun::workspace)
      .def("__repr__", [](const ConvRun& run) { return run.text; });
  m.def("last_conv", &last_conv,
        "What the last convolution of this thread ran: produced ('y' forward, 'x' transposed or "
        "the input's gradient,\n"
        "'w' the weight's gradient), algorithm, dtype, and workspace in bytes; None before the "
        "first.");
}

}  // namespace voxgrad::python
