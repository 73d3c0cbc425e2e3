// Memory of a device: how much is held, and for what.
#include "any_device.h"

#include <voxgrad/core/allocator.h>
#include <voxgrad/core/backend.h>
#include <voxgrad/core/check.h>

namespace voxgrad::python {
namespace {

py::dict memory_stats(const AnyDevice& where) {
  const MemoryStats stats = backend(where.device).memory_stats();
  py::dict result;
  result["current"] = stats.current;
  result["peak"] = stats.peak;
  result["reserved"] = stats.reserved;
  result["workspace"] = stats.workspace;
  return result;
}

}  // namespace

void bind_memory(py::module_& m) {
  m.def("memory_stats", &memory_stats, py::arg("device") = py::none(),
        "Bytes of a device's memory (None is the CPU): 'current' held by tensors and running "
        "operations, 'peak' the\n"
        "most that was, 'workspace' the most that operations held for themselves at once, "
        "'reserved' taken from the\n"
        "system, which keeps what is freed for the next step.");
  m.def(
      "reset_peak_memory_stats",
      [](const AnyDevice& where) { backend(where.device).reset_peak_memory_stats(); },
      py::arg("device") = py::none(), "Starts 'peak' and 'workspace' of memory_stats() anew.");
  m.def("get_workspace_limit", &workspace_limit, "The limit of set_workspace_limit, in bytes.");
  m.def(
      "set_workspace_limit",
      [](Index bytes) {
        VG_CHECK(bytes >= 1, ShapeError, "set_workspace_limit: bytes must be at least 1; got {}",
                 bytes);
        set_workspace_limit(static_cast<std::size_t>(bytes));
      },
      py::arg("bytes"),
      "The most bytes of workspace that a convolution takes with several tiles in flight; 64 MiB "
      "at first.\n"
      "Large packed weights may take more by themselves: the tiles then have half of the limit.\n"
      "Never changes a result. Raises ShapeError below 1.");
}

}  // namespace voxgrad::python
