// The GPU through the CUDA runtime.
#include <voxgrad/ops/cuda/runtime.h>

#include <cstdlib>

#include <voxgrad/core/check.h>
#include <voxgrad/ops/cuda/toolkit/check.h>

namespace voxgrad::ops::cuda {

namespace {

bool synchronous() {
  static const bool on = [] {
    const char* value = std::getenv("VOXGRAD_CUDA_SYNC");
    return value != nullptr && std::string_view(value) != "0" && *value != '\0';
  }();
  return on;
}

/// Errors that leave the process without a working device.
bool is_fatal(cudaError_t status) {
  switch (status) {
    case cudaErrorIllegalAddress:
    case cudaErrorLaunchTimeout:
    case cudaErrorAssert:
    case cudaErrorHardwareStackError:
    case cudaErrorIllegalInstruction:
    case cudaErrorMisalignedAddress:
    case cudaErrorInvalidAddressSpace:
    case cudaErrorInvalidPc:
    case cudaErrorLaunchFailure:
    case cudaErrorECCUncorrectable: return true;
    default: return false;
  }
}

Devices find_devices() {
  Devices found;
  const cudaError_t status = cudaGetDeviceCount(&found.count);
  if (status == cudaSuccess && found.count > 0) return found;
  cudaGetLastError();
  found.count = 0;
  if (status == cudaErrorInsufficientDriver) {
    int driver = 0, runtime = 0;
    if (cudaDriverGetVersion(&driver) != cudaSuccess) driver = 0;
    if (cudaRuntimeGetVersion(&runtime) != cudaSuccess) runtime = 0;
    found.reason =
        driver == 0 ? "there is no NVIDIA driver; install one"
                    : fmt::format(
                          "the driver is for CUDA {}.{} and this build needs {}.{}; "
                          "install a newer driver",
                          driver / 1000, driver % 1000 / 10, runtime / 1000, runtime % 1000 / 10);
  } else if (status == cudaSuccess || status == cudaErrorNoDevice) {
    found.reason = "there is no NVIDIA GPU that this process can see; move to the CPU";
  } else {
    found.reason =
        fmt::format("the driver does not start ({}); move to the CPU", cudaGetErrorString(status));
  }
  return found;
}

}  // namespace

const bool kMemoryIsHosts = false;

void fail(std::string_view op, cudaError_t status) {
  cudaGetLastError();  // forgets those that can be forgotten
  const std::string_view advice =
      !is_fatal(status) ? ""
      : synchronous()
          ? ". This process cannot use the device any more; start it again"
          : ". The fault may be of an earlier operation, and this process cannot use the device "
            "any more; start it again with VOXGRAD_CUDA_SYNC=1 to see which it was";
  throw DeviceError(fmt::format("{}: CUDA reports {}: {}{}", op, cudaGetErrorName(status),
                                cudaGetErrorString(status), advice));
}

void finish_launch(std::string_view op) {
  VG_CUDA_CHECK(op, cudaGetLastError());
  if (synchronous()) VG_CUDA_CHECK(op, cudaDeviceSynchronize());
}

const Devices& devices() {
  static const Devices found = find_devices();
  return found;
}

void set_device(int index) {
  if (current_device() != index) VG_CUDA_CHECK("cuda", cudaSetDevice(index));
}

// Asked each time, which is cheap: other libraries of the process set it too.
int current_device() {
  int index = 0;
  VG_CUDA_CHECK("cuda", cudaGetDevice(&index));
  return index;
}

void* take_memory(std::size_t bytes) {
  void* block = nullptr;
  const cudaError_t status = cudaMalloc(&block, bytes);
  if (status == cudaSuccess) return block;
  if (status != cudaErrorMemoryAllocation) fail("allocate", status);
  cudaGetLastError();
  return nullptr;
}

// Fails only where the device does already, which the next operation reports.
void give_memory(void* block) noexcept { cudaFree(block); }

FreeMemory free_memory() noexcept {
  FreeMemory result;
  return cudaMemGetInfo(&result.free, &result.total) == cudaSuccess ? result : FreeMemory{};
}

void copy_memory(void* to, const void* from, std::size_t bytes) {
  VG_CUDA_CHECK("copy", cudaMemcpy(to, from, bytes, cudaMemcpyDefault));
}

void upload(void* to, const void* from, std::size_t bytes) {
  // Memory that is not pinned is staged before the call returns.
  VG_CUDA_CHECK("copy", cudaMemcpyAsync(to, from, bytes, cudaMemcpyHostToDevice));
}

void fill_memory(void* to, std::byte value, std::size_t bytes) {
  VG_CUDA_CHECK("fill", cudaMemsetAsync(to, std::to_integer<int>(value), bytes));
}

void synchronize(std::string_view op) { VG_CUDA_CHECK(op, cudaDeviceSynchronize()); }

std::string device_name() {
  int index = 0;
  cudaDeviceProp properties{};
  if (cudaGetDevice(&index) != cudaSuccess ||
      cudaGetDeviceProperties(&properties, index) != cudaSuccess)
    return "unknown";
  return properties.name;
}

}  // namespace voxgrad::ops::cuda
