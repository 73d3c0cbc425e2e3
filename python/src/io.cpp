// Files: safetensors.
#include "bind.h"

#include <map>
#include <string>

#include <voxgrad/io/safetensors.h>

namespace voxgrad::python {

void bind_io(py::module_& m) {
  m.def(
      "_save_safetensors",
      [](const std::string& path, const NamedTensors& tensors,
         const std::map<std::string, std::string>& metadata) {
        save_safetensors(path, tensors, metadata);
      },
      ReleaseGil());
  m.def("_load_safetensors", [](const std::string& path) {
    SafetensorsFile file;
    {
      const WithoutGil released;
      file = load_safetensors(path);
    }
    py::dict tensors;
    for (const auto& [name, tensor] : file.tensors) tensors[py::str(name)] = py::cast(tensor);
    return py::make_tuple(tensors, py::cast(file.metadata));
  });
}

}  // namespace voxgrad::python
