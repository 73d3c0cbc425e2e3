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
};

/// "cpu", "cuda:0".
std::string to_string(Device device);

}  // namespace voxgrad
