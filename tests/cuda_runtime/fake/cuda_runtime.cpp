#include <cuda_runtime_api.h>

#include <cstdlib>
#include <cstring>
#include <utility>

FakeCuda fake_cuda;

cudaError_t cudaGetDeviceCount(int* count) {
  *count = fake_cuda.devices;
  return fake_cuda.start;
}

cudaError_t cudaDriverGetVersion(int* version) {
  *version = fake_cuda.driver;
  return cudaSuccess;
}

cudaError_t cudaRuntimeGetVersion(int* version) {
  *version = fake_cuda.runtime;
  return cudaSuccess;
}

// A fault of a kernel stays; an error of a launch is forgotten when it was told.
cudaError_t cudaGetLastError() { return std::exchange(fake_cuda.launch, cudaSuccess); }

const char* cudaGetErrorName(cudaError_t status) {
  return status == cudaErrorIllegalAddress ? "cudaErrorIllegalAddress" : "cudaErrorOfSomeKind";
}

const char* cudaGetErrorString(cudaError_t) { return "what it means"; }

cudaError_t cudaDeviceSynchronize() {
  ++fake_cuda.waits;
  return fake_cuda.kernel;
}

cudaError_t cudaSetDevice(int) { return cudaSuccess; }

cudaError_t cudaGetDevice(int* index) {
  *index = 0;
  return cudaSuccess;
}

cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int) {
  std::strcpy(properties->name, "fake");
  return cudaSuccess;
}

cudaError_t cudaMalloc(void** block, std::size_t bytes) {
  if (fake_cuda.memory == cudaSuccess) *block = std::malloc(bytes);
  return fake_cuda.memory;
}

cudaError_t cudaFree(void* block) {
  std::free(block);
  return cudaSuccess;
}

cudaError_t cudaMemGetInfo(std::size_t* free, std::size_t* total) {
  *free = *total = 0;
  return cudaSuccess;
}

// As CUDA does, these report the fault of work that came before.
cudaError_t cudaMemcpy(void* to, const void* from, std::size_t bytes, cudaMemcpyKind) {
  if (fake_cuda.kernel == cudaSuccess) std::memcpy(to, from, bytes);
  return fake_cuda.kernel;
}

cudaError_t cudaMemcpyAsync(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind) {
  return cudaMemcpy(to, from, bytes, kind);
}

cudaError_t cudaMemsetAsync(void* to, int value, std::size_t bytes) {
  if (fake_cuda.kernel == cudaSuccess) std::memset(to, value, bytes);
  return fake_cuda.kernel;
}
