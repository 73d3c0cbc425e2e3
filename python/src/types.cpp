// dtype, device and the generator of random numbers.
#include "any_device.h"

#include <limits>
#include <string>

#include <voxgrad/core/device.h>
#include <voxgrad/core/error.h>
#include <voxgrad/core/pad_mode.h>
#include <voxgrad/core/random.h>

namespace voxgrad::python {

namespace {

thread_local int current_cuda = 0;

/// "cpu", "cuda", "cuda:1".
Device parse_device(const std::string& text) {
  const std::size_t colon = text.find(':');
  const std::string type = text.substr(0, colon);
  Device device;
  if (type == "cuda") {
    device = current_cuda_device();
  } else if (type != "cpu") {
    throw DeviceError("device: must be 'cpu', 'cuda' or 'cuda:N'; got '" + text + "'");
  }
  if (colon != std::string::npos) {
    const std::string number = text.substr(colon + 1);
    if (number.empty() || number.size() > 4 ||
        number.find_first_not_of("0123456789") != std::string::npos) {
      throw DeviceError("device: the number must be in 0..9999; got '" + text + "'");
    }
    device.index = std::stoi(number);
  }
  return device;
}

/// A GPU by its number alone.
Device numbered_device(int index) {
  if (index < 0) {
    throw DeviceError("device: the number must be >= 0; got " + std::to_string(index));
  }
  return {DeviceType::cuda, index};
}

PyObject* dtype_objects[kDTypeCount];  // filled at import

void bind_dtype(py::module_& m) {
  py::class_<DTypeObject>(m, "dtype", "Element type of a tensor: float32, float64, int64, ...")
      .def_property_readonly("is_floating_point",
                             [](const DTypeObject& d) { return is_floating(d.dtype); })
      .def_property_readonly("is_complex", [](const DTypeObject&) { return false; })
      .def_property_readonly("is_signed",
                             [](const DTypeObject& d) { return d.dtype < DType::uint8; })
      .def_property_readonly("itemsize", [](const DTypeObject& d) { return size_of(d.dtype); })
      .def_property_readonly("_name",
                             [](const DTypeObject& d) { return std::string(name(d.dtype)); })
      .def("__repr__", [](const DTypeObject& d) { return "voxgrad." + std::string(name(d.dtype)); })
      .def("__reduce__", [](const DTypeObject& d) { return std::string(name(d.dtype)); })
      .def("__copy__", [](py::object self) { return self; })
      .def("__deepcopy__", [](py::object self, const py::object&) { return self; })
      .attr("__module__") = "voxgrad";
  for (int i = 0; i < kDTypeCount; ++i) {
    const auto dtype = static_cast<DType>(i);
    py::object object = py::cast(DTypeObject{dtype});
    m.attr(std::string(name(dtype)).c_str()) = object;
    dtype_objects[i] = object.release().ptr();
  }
  m.def("promote_types", &promote);
  m.def("get_default_dtype", &default_dtype);
  m.def("set_default_dtype", &set_default_dtype);
}

}  // namespace

Device current_cuda_device() { return {DeviceType::cuda, current_cuda}; }
void set_current_cuda_device(int index) { current_cuda = index; }

std::optional<Device> named_device(py::handle source) {
  if (PyUnicode_Check(source.ptr())) return parse_device(source.cast<std::string>());
  py::detail::make_caster<int> number;
  if (!number.load(source, true)) return std::nullopt;
  return numbered_device(py::detail::cast_op<int>(number));
}

py::handle dtype_object(DType dtype) { return dtype_objects[static_cast<int>(dtype)]; }

void bind_types(py::module_& m) {
  bind_dtype(m);
  py::class_<Device>(m, "device", "Where a tensor's memory lies: device('cpu'), device('cuda', 1).")
      .def(py::init([](const Device& device) { return device; }))
      .def(py::init([](const std::string& type, std::optional<int> index) {
             Device device = parse_device(type);
             if (index) {
               if (*index < 0 || type.find(':') != std::string::npos) {
                 throw DeviceError("device: one number >= 0, in the text or beside it");
               }
               device.index = *index;
             }
             return device;
           }),
           py::arg("type"), py::arg("index") = py::none())
      .def(py::init(&numbered_device), py::arg("index"))
      .def_property_readonly(
          "type", [](const Device& d) { return d.type == DeviceType::cpu ? "cpu" : "cuda"; })
      .def_property_readonly("index",
                             [](const Device& d) -> std::optional<int> {
                               if (d.type == DeviceType::cpu) return std::nullopt;
                               return d.index;
                             })
      .def("__str__", [](const Device& d) { return to_string(d); })
      .def("__repr__",
           [](const Device& d) {
             if (d.type == DeviceType::cpu) return std::string("device(type='cpu')");
             return "device(type='cuda', index=" + std::to_string(d.index) + ")";
           })
      .def("__eq__",
           [](const Device& d, const py::object& other) {
             return py::isinstance<Device>(other) && other.cast<Device>() == d;
           })
      .def("__hash__", [](const Device& d) { return static_cast<int>(d.type) * 10007 + d.index; })
      .def("__reduce__", [](const Device& d) {
        return py::make_tuple(py::type::of<Device>(), py::make_tuple(to_string(d)));
      });

  py::enum_<PadMode>(m, "_PadMode")
      .value("constant", PadMode::constant)
      .value("reflect", PadMode::reflect)
      .value("replicate", PadMode::replicate)
      .value("circular", PadMode::circular);

  py::class_<Generator>(m, "Generator", "A stream of random numbers: PyTorch's CPU generator.")
      .def(py::init([](const AnyDevice&) { return std::make_unique<Generator>(); }),
           py::arg("device") = py::none())
      .def(
          "manual_seed",
          [](py::object self, const py::int_& seed) {
            // Negative numbers stand for those that many below 2^64.
            const py::object bits = seed & py::int_(std::numeric_limits<std::uint64_t>::max());
            self.cast<Generator&>().manual_seed(bits.cast<std::uint64_t>());
            return self;
          },
          py::arg("seed"), "Starts the stream anew; returns the generator.")
      .def("initial_seed", &Generator::seed)
      .def("_state", &Generator::state)
      .def("_set_state", &Generator::set_state);
  m.attr("default_generator") = py::cast(&default_generator(), py::return_value_policy::reference);
}

}  // namespace voxgrad::python
