// The C++ layers as the source of checks and initial values: each function builds the layer and
// gives its tensors by name. And whole C++ networks, as modules.
#include "bind.h"

#include <algorithm>
#include <map>
#include <string>

#include <voxgrad/nn/conv.h>
#include <voxgrad/nn/init.h>
#include <voxgrad/nn/linear.h>
#include <voxgrad/nn/module.h>
#include <voxgrad/nn/unet.h>

namespace voxgrad::python {

namespace {

using Members = std::map<std::string, Tensor>;

Members members_of(nn::Module& layer) {
  Members members;
  for (auto& [name, tensor] : layer.named_parameters()) members.emplace(name, tensor);
  return members;
}

/// Checks the options and, unless that is all, draws the values. A lazy layer, of which only the
/// options can be checked, has as many input channels as groups until it knows better.
template <typename Layer>
Members build(typename Layer::Options options, const std::string& name, bool draw) {
  if (!draw) options.in_channels = std::max<Index>(options.groups, 1);
  Layer::check(options, name);
  if (!draw) return {};
  Layer layer(options);
  return members_of(layer);
}

template <template <int> class Layer, typename Options>
Members build(int rank, const Options& options, const std::string& name, bool draw) {
  if (rank == 1) return build<Layer<1>>(options, name, draw);
  if (rank == 2) return build<Layer<2>>(options, name, draw);
  return build<Layer<3>>(options, name, draw);
}

Members conv_layer(int rank, Index in, Index out, const Spatial& kernel, const Spatial& stride,
                   const ConvPadding& padding, const Spatial& dilation, Index groups, bool bias,
                   DType dtype, const std::string& name, bool draw) {
  nn::ConvOptions options{.in_channels = in, .out_channels = out, .kernel_size = kernel};
  options.stride = stride;
  options.padding = padding;
  options.dilation = dilation;
  options.groups = groups;
  options.bias = bias;
  options.dtype = dtype;
  return build<nn::Conv>(rank, options, name, draw);
}

Members conv_transpose_layer(int rank, Index in, Index out, const Spatial& kernel,
                             const Spatial& stride, const Spatial& padding,
                             const Spatial& output_padding, Index groups, bool bias,
                             const Spatial& dilation, DType dtype, const std::string& name,
                             bool draw) {
  nn::ConvTransposeOptions options{.in_channels = in, .out_channels = out, .kernel_size = kernel};
  options.stride = stride;
  options.padding = padding;
  options.output_padding = output_padding;
  options.groups = groups;
  options.bias = bias;
  options.dilation = dilation;
  options.dtype = dtype;
  return build<nn::ConvTranspose>(rank, options, name, draw);
}

}  // namespace

void bind_layers(py::module_& m) {
  m.def("_conv_layer", &conv_layer);
  m.def("_conv_transpose_layer", &conv_transpose_layer);
}

}  // namespace voxgrad::python
