// Threads and their vector instructions, and Ctrl-C within long calls.
#include "bind.h"

#include <chrono>

#include <voxgrad/core/cpu_features.h>
#include <voxgrad/core/parallel.h>

namespace voxgrad::python {

namespace {

/// Looks for signals on the main thread, at most every 20 ms: taking the GIL at every tile would
/// wait for other Python threads each time.
bool signal_arrived(unsigned long main_thread) {
  using Clock = std::chrono::steady_clock;
  static thread_local Clock::time_point last;
  if (PyThread_get_thread_ident() != main_thread) return false;
  const Clock::time_point now = Clock::now();
  if (now - last < std::chrono::milliseconds(20)) return false;
  last = now;
  return with_gil([] { return PyErr_CheckSignals() != 0; });
}

}  // namespace

void bind_threads(py::module_& m) {
  m.def("get_num_threads", &num_threads);
  m.def("set_num_threads", &set_num_threads, ReleaseGil());
  m.def("_instruction_set", [] { return name(instruction_set()); });
  set_cancel_hook([main = PyThread_get_thread_ident()] { return signal_arrived(main); });
  // Threads must not ask an interpreter that is going away.
  py::module_::import("atexit").attr("register")(py::cpp_function([] { set_cancel_hook({}); }));
}

}  // namespace voxgrad::python
