// The C++ layers as the source of checks and initial values: each function builds the layer and
// gives its tensors by name. And whole C++ networks, as modules.
#include "bind.h"

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

template <template <int> class Layer, typename Options>
Members build(int rank, const Options& options) {
  if (rank == 1) {
    Layer<1> layer(options);
    return members_of(layer);
  }
  if (rank == 2) {
    Layer<2> layer(options);
    return members_of(layer);
  }
  Layer<3> layer(options);
  return members_of(layer);
}

Members conv_layer(int rank, Index in, Index out, const Spatial& kernel, const Spatial& stride,
                   const ConvPadding& padding, const Spatial& dilation, Index groups, bool bias,
                   DType dtype) {
  nn::ConvOptions options{.in_channels = in, .out_channels = out, .kernel_size = kernel};
  options.stride = stride;
  options.padding = padding;
  options.dilation = dilation;
  options.groups = groups;
  options.bias = bias;
  options.dtype = dtype;
  return build<nn::Conv>(rank, options);
}

Members conv_transpose_layer(int rank, Index in, Index out, const Spatial& kernel,
                             const Spatial& stride, const Spatial& padding,
                             const Spatial& output_padding, Index groups, bool bias,
                             const Spatial& dilation, DType dtype) {
  nn::ConvTransposeOptions options{.in_channels = in, .out_channels = out, .kernel_size = kernel};
  options.stride = stride;
  options.padding = padding;
  options.output_padding = output_padding;
  options.groups = groups;
  options.bias = bias;
  options.dilation = dilation;
  options.dtype = dtype;
  return build<nn::ConvTranspose>(rank, options);
}

}  // namespace

void bind_layers(py::module_& m) {
  m.def("_conv_layer", &conv_layer);
  m.def("_conv_transpose_layer", &conv_transpose_layer);
}

}  // namespace voxgrad::python
