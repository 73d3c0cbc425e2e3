// Internal: an open file, closed with the object.
#pragma once

#include <unistd.h>

#include <cstdint>
#include <string>
#include <utility>

namespace voxgrad {

/// Owns what open() gave; -1 is none.
class Descriptor {
 public:
  explicit Descriptor(int value = -1) : value_(value) {}
  ~Descriptor() {
    if (value_ >= 0) ::close(value_);
  }
  Descriptor(Descriptor&& other) noexcept : value_(std::exchange(other.value_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(value_, other.value_);
    return *this;
  }

  int get() const { return value_; }
  explicit operator bool() const { return value_ >= 0; }

 private:
  int value_;
};

struct OpenFile {
  Descriptor descriptor;
  std::uint64_t size = 0;
};

/// Opens a regular file for reading. @throws FileError when it is missing or something else; never
/// waits, on a named pipe say.
OpenFile open_regular(const std::string& path);

}  // namespace voxgrad
