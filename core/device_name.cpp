#include <voxgrad/core/device_name.h>

#include <atomic>

#include <voxgrad/core/backend.h>

namespace voxgrad {

namespace {

using Namer = std::string (*)(int index);

// A function's, for it is registered before main(), in no certain order.
std::atomic<Namer>& cuda_namer() {
  static std::atomic<Namer> namer{nullptr};
  return namer;
}

}  // namespace

std::string device_name(Device device) {
  backend(device);  // throws where there is none
  const Namer namer = device.type == DeviceType::cuda ? cuda_namer().load() : nullptr;
  return namer == nullptr ? to_string(device) : namer(device.index);
}

void register_device_names(DeviceType type, Namer name) {
  if (type == DeviceType::cuda) cuda_namer().store(name);
}

}  // namespace voxgrad
