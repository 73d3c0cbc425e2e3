// What ops/cuda/toolkit/runtime.cpp needs of the CUDA runtime's header, for machines without CUDA
// and faults on demand. Names are CUDA's; values are our own.
#pragma once

#include <cstddef>

enum cudaError_t {
  cudaSuccess,
  cudaErrorInvalidValue,
  cudaErrorMemoryAllocation,
  cudaErrorInitializationError,
  cudaErrorInsufficientDriver,
  cudaErrorNoDevice,
  cudaErrorIllegalAddress,
  cudaErrorLaunchTimeout,
  cudaErrorAssert,
  cudaErrorHardwareStackError,
  cudaErrorIllegalInstruction,
  cudaErrorMisalignedAddress,
  cudaErrorInvalidAddressSpace,
  cudaErrorInvalidPc,
  cudaErrorLaunchFailure,
  cudaErrorECCUncorrectable,
};
enum cudaMemcpyKind { cudaMemcpyHostToDevice, cudaMemcpyDefault };
struct cudaDeviceProp {
  char name[16];
};

/// How the machine behaves that the functions below pretend to be.
struct FakeCuda {
  cudaError_t start = cudaSuccess;  ///< what asking for the devices gives
  int devices = 1;
  int driver = 13000, runtime = 13000;  ///< versions, as 1000 * major + 10 * minor
  cudaError_t launch = cudaSuccess;     ///< the last error of a launch
  cudaError_t kernel = cudaSuccess;     ///< what waiting for the work gives
  cudaError_t memory = cudaSuccess;     ///< what asking for memory gives
  int waits = 0;                        ///< calls of cudaDeviceSynchronize so far
};
extern FakeCuda fake_cuda;

cudaError_t cudaGetDeviceCount(int* count);
cudaError_t cudaDriverGetVersion(int* version);
cudaError_t cudaRuntimeGetVersion(int* version);
cudaError_t cudaGetLastError();
const char* cudaGetErrorName(cudaError_t status);
const char* cudaGetErrorString(cudaError_t status);
cudaError_t cudaDeviceSynchronize();
cudaError_t cudaSetDevice(int index);
cudaError_t cudaGetDevice(int* index);
cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int index);
cudaError_t cudaMalloc(void** block, std::size_t bytes);
cudaError_t cudaFree(void* block);
cudaError_t cudaMemGetInfo(std::size_t* free, std::size_t* total);
cudaError_t cudaMemcpy(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind);
cudaError_t cudaMemcpyAsync(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind);
cudaError_t cudaMemsetAsync(void* to, int value, std::size_t bytes);
