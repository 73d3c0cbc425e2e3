// Memory of a device: how much is held, and for what.
#include "bind.h"

#include <voxgrad/core/allocator.h>
#include <voxgrad/core/backend.h>

namespace voxgrad::python {
namespace {

py::dict memory_stats(const Device& device) {
  const MemoryStats stats = backend(device).memory_stats();
  py::dict result;
  result["current"] = stats.current;
  result["peak"] = stats.peak;
  result["reserved"] = stats.reserved;
  result["workspace"] = stats.workspace;
  return result;
}

}  // namespace

void bind_memory(py::module_& m) {
  m.def("memory_stats", &memory_stats, py::arg("device") = Device{},
        "Bytes of a device's memory: 'current' held by tensors and running operations, 'peak' the "
        "most that was,\n"
        "'workspace' the most that operations held for themselves at once, 'reserved' taken from "
        "the system,\n"
        "which keeps what is freed for the next step.");
  m.def(
      "reset_peak_memory_stats",
      [](const Device& device) { backend(device).reset_peak_memory_stats(); },
      py::arg("device") = Device{}, "Starts 'peak' and 'workspace' of memory_stats() anew.");
  m.def("get_workspace_limit", &workspace_limit, "The limit of set_workspace_limit, in bytes.");
  m.def("set_workspace_limit", &set_workspace_limit, py::arg("bytes"),
        "The most bytes of workspace that a convolution takes with several tiles in flight; 64 MiB "
        "at first.\n"
        "Large packed weights may take more by themselves: the tiles then have half of the limit.\n"
        "Never changes a result. Raises ShapeError for 0.");
}

}  // namespace voxgrad::python
