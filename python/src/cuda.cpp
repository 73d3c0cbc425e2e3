// GPUs: which there are, their memory, and the switch of TF32.
#include "bind.h"

#include <voxgrad/autograd/functions/linear.h>
#include <voxgrad/core/backend.h>
#include <voxgrad/core/device_name.h>

namespace voxgrad::python {

void bind_cuda(py::module_& m) {
  m.def(
      "_device_count", [] { return device_count(DeviceType::cuda); }, ReleaseGil());
  m.def("_device_name", &device_name, ReleaseGil());
  m.def(
      "_synchronize", [](const Device& device) { backend(device).synchronize(); }, ReleaseGil());
  m.def(
      "_empty_cache", [](const Device& device) { backend(device).empty_cache(); }, ReleaseGil());
  m.def("_current_cuda_device", [] { return current_cuda_device().index; });
  m.def("_set_current_cuda_device", [](int index) {
    backend({DeviceType::cuda, index});  // throws where there is none
    set_current_cuda_device(index);
  });
  m.def("_allow_tf32", &allow_tf32);
  m.def("_set_allow_tf32", &set_allow_tf32);
}

}  // namespace voxgrad::python
