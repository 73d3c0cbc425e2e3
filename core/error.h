// The exceptions that voxgrad throws. Texts read `op: rule; got values`, with the fix where there
// is one.
#pragma once

#include <stdexcept>
#include <string>

namespace [[gnu::visibility("default")]] voxgrad {

/// Base of every exception of this library.
class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Sizes, ranks, strides or option values that do not fit together.
class ShapeError : public Error {
 public:
  using Error::Error;
};

/// An element type that an operation does not take, or two that differ.
class DTypeError : public Error {
 public:
  using Error::Error;
};

/// A device that does not exist, or operands on different devices.
class DeviceError : public Error {
 public:
  using Error::Error;
};

/// Memory that the device does not have.
class OutOfMemoryError : public Error {
 public:
  using Error::Error;
};

/// An index outside its axis, or an axis outside its tensor.
class IndexError : public Error {
 public:
  using Error::Error;
};

/// A name that a state dict, a file or a registry does not hold.
class KeyError : public Error {
 public:
  using Error::Error;
};

/// A wrong use of the graph: values changed in place, a graph that was freed, a gradient that
/// cannot exist.
class AutogradError : public Error {
 public:
  using Error::Error;
};

/// A file that is missing, truncated, malformed or cannot be written.
class FileError : public Error {
 public:
  using Error::Error;
};

/// The call was interrupted through the cancel hook (core/parallel.h). Nothing was left
/// half-written in place.
class Cancelled : public Error {
 public:
  using Error::Error;
};

}  // namespace voxgrad
