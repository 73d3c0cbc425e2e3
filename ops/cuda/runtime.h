// Internal: what the files of ops/cuda ask of the machine. Two folders answer: toolkit/ with CUDA,
// and emulated/ on the CPU, where every kernel's body runs under the sanitizers and on machines
// without a GPU. CMake compiles one of them.
//
// All work of a device goes into one stream, the legacy default one. So memory that was released
// may be handed out again at once, and other libraries that use the default stream see work in
// order.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace voxgrad::ops::cuda {

/// What this process can use.
struct Devices {
  int count = 0;
  std::string reason;  ///< why there are none
};
/// Asked once.
const Devices& devices();

/// Where this thread's calls below and its kernels go. @throws DeviceError.
void set_device(int index);
/// The last one set.
int current_device();

/// Null where there is none left.
void* take_memory(std::size_t bytes);
void give_memory(void* block) noexcept;

struct FreeMemory {
  std::size_t free = 0, total = 0;
};
FreeMemory free_memory() noexcept;

/// Between any two of the memories of devices and CPU, in the order of the work. Returns when the
/// memory of the CPU was read or written; a copy within the devices may run on.
void copy_memory(void* to, const void* from, std::size_t bytes);
/// From memory of the CPU, which may change as soon as this returns. For the arguments of kernels:
/// waits for nothing.
void upload(void* to, const void* from, std::size_t bytes);
void fill_memory(void* to, std::byte value, std::size_t bytes);
/// After work that was handed to the device by other means than those here: throws DeviceError
/// naming `op` where that failed, and waits for its end in synchronous mode.
void finish_launch(std::string_view op);
/// Waits for all work of the device. @throws DeviceError when some of it failed.
void synchronize(std::string_view op);

/// True where the CPU can touch the device's memory while its work runs: AddressSanitizer is then
/// told what is free.
extern const bool kMemoryIsHosts;

/// Name of the device and what a benchmark should say of it.
std::string device_name();

}  // namespace voxgrad::ops::cuda
