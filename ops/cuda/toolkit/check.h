// Internal: every status of CUDA and cuBLAS goes through here.
#pragma once

#include <cuda_runtime_api.h>

#include <string_view>

namespace voxgrad::ops::cuda {

/// Throws DeviceError naming `op`, what is wrong, and what can be done.
[[noreturn]] void fail(std::string_view op, cudaError_t status);

/// VG_CUDA_CHECK(op, cudaMemcpy(...)).
#define VG_CUDA_CHECK(op, call)                                                \
  do {                                                                         \
    if (const cudaError_t status = (call); status != cudaSuccess) [[unlikely]] \
      ::voxgrad::ops::cuda::fail(op, status);                                  \
  } while (false)

}  // namespace voxgrad::ops::cuda
