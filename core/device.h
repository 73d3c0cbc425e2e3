// Where a tensor's memory lies.
#pragma once

#include <cstdint>
#include <string>

namespace [[gnu::visibility("default")]] voxgrad {

enum class DeviceType : std::uint8_t { cpu, cuda };

struct Device {
  DeviceType type = DeviceType::cpu;
  int index = 0;
  bool operator==(const Device&) const = default;

  /// A GPU. @throws DeviceError where there is none of that index, saying how to get it.
  static Device cuda(int index = 0);
};

/// How many devices of a type this process can use: 1 of the CPU's; of CUDA's 0 where there is no
/// GPU, no driver that is new enough, or no CUDA in this build. Throws nothing.
int device_count(DeviceType type);

/// "cpu", "cuda:0".
std::string to_string(Device device);

}  // namespace voxgrad
