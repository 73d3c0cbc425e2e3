#include <voxgrad/core/device.h>

namespace voxgrad {

std::string to_string(Device device) {
  if (device.type == DeviceType::cpu) return "cpu";
  return "cuda:" + std::to_string(device.index);
}

}  // namespace voxgrad
