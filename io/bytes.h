// Internal: a tensor's elements as the bytes that files hold.
#pragma once

#include <cstddef>
#include <vector>

#include <voxgrad/core/tensor.h>

namespace voxgrad {

/// The elements in logical (row-major) order, whatever the tensor's strides and device.
std::vector<std::byte> logical_bytes(const Tensor& tensor);

}  // namespace voxgrad
