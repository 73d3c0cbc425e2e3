// Internal: what the layers share: parameters with PyTorch's initial values, and text for repr().
#pragma once

#include <optional>
#include <string>

#include <voxgrad/core/conv_geometry.h>
#include <voxgrad/core/tensor.h>

namespace [[gnu::visibility("default")]] voxgrad {
namespace nn {

/// A parameter without values yet, on the CPU.
Tensor make_parameter(Shape shape, std::optional<DType> dtype);

/// Draws the weight and then the bias (which may be undefined) as the convolutions and Linear do:
/// both uniform in +-1 / sqrt(fan in).
void reset_weight_and_bias(const Tensor& weight, const Tensor& bias);

/// "True" or "False".
std::string python_bool(bool value);
/// "1.0", "0.01", "1e-05": repr() of a Python float.
std::string python_float(double value);
/// "(3, 3, 3)", or "(3,)" for one axis.
std::string python_tuple(const Spatial& values, int rank);
/// As the user wrote it: "2", or "(2, 1, 2)" for one per axis.
std::string python_number_or_tuple(const Spatial& values);

}  // namespace nn
}  // namespace voxgrad
