#include <voxgrad/core/storage.h>

#include <utility>

#include <voxgrad/core/backend.h>

namespace voxgrad {

Storage::Storage(std::size_t bytes, Device device)
    : data_(static_cast<std::byte*>(backend(device).allocate(bytes))),
      bytes_(bytes),
      device_(device) {}

Storage::Storage(void* data, std::size_t bytes, Device device, std::function<void()> release)
    : data_(static_cast<std::byte*>(data)),
      bytes_(bytes),
      device_(device),
      release_(std::move(release)) {
  if (!release_) release_ = [] {};
}

Storage::~Storage() {
  if (release_) {
    release_();
  } else {
    backend(device_).release(data_, bytes_);
  }
}

}  // namespace voxgrad
