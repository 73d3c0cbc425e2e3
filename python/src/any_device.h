// Internal to the Python extension: arguments that name a device.
#pragma once

#include "bind.h"

namespace voxgrad::python {

/// A device, its name, a GPU's number, or None for the CPU.
struct AnyDevice {
  Device device;
};

/// The device that text or a number names; nullopt for objects of other types.
/// @throws DeviceError for text and numbers that name none.
std::optional<Device> named_device(py::handle source);

}  // namespace voxgrad::python

namespace pybind11::detail {

template <>
struct type_caster<voxgrad::python::AnyDevice> {
  PYBIND11_TYPE_CASTER(voxgrad::python::AnyDevice,
                       const_name("voxgrad._C.device | int | str | None"));

  bool load(handle source, bool) {
    if (source.is_none()) return true;
    make_caster<voxgrad::Device> device;
    std::optional<voxgrad::Device> found;
    if (device.load(source, false)) found = cast_op<voxgrad::Device&>(device);
    else found = voxgrad::python::named_device(source);
    if (found) value.device = *found;
    return found.has_value();
  }
};

}  // namespace pybind11::detail
