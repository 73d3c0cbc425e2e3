// Internal: launches on the GPU.
#pragma once

#include <cuda_runtime.h>

#include <algorithm>
#include <string_view>

#include <voxgrad/core/shape.h>
#include <voxgrad/ops/cuda/runtime.h>

namespace voxgrad::ops::cuda {

template <typename Body>
__global__ void __launch_bounds__(256)
    run_body(const __grid_constant__ Body body, const Index count) {
  const Index step = static_cast<Index>(gridDim.x) * blockDim.x;
  for (Index i = static_cast<Index>(blockIdx.x) * blockDim.x + threadIdx.x; i < count; i += step) {
    body(i);
  }
}

template <typename Body>
void start(std::string_view op, Index count, const Body& body) {
  constexpr Index kThreads = 256;
  constexpr Index kMostBlocks = Index{1} << 20;  // threads beyond them take several parts
  const Index blocks = std::min((count + kThreads - 1) / kThreads, kMostBlocks);
  run_body<<<static_cast<unsigned>(blocks), static_cast<unsigned>(kThreads)>>>(body, count);
  finish_launch(op);
}

}  // namespace voxgrad::ops::cuda
