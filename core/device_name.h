// What devices call themselves.
#pragma once

#include <string>

#include <voxgrad/core/device.h>

namespace [[gnu::visibility("default")]] voxgrad {

/// "cpu", or the GPU's product name. @throws DeviceError where there is no such device.
std::string device_name(Device device);

/// Makes device_name ask `name` for devices of a type other than the CPU's.
void register_device_names(DeviceType type, std::string (*name)(int index));

}  // namespace voxgrad
