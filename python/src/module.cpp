// The extension module voxgrad._C.
#include "bind.h"

#include <unistd.h>

#include <mutex>
#include <set>
#include <string>

#include <voxgrad/core/version.h>

namespace voxgrad::python {

SharedObject::SharedObject(py::object object)
    : object_(new py::object(std::move(object)), [](py::object* held) {
        // At interpreter exit the object is left to the operating system.
        if (Py_IsInitialized() == 0) {
          held->release();
        } else {
          with_gil([&] { held->release().dec_ref(); });
        }
        delete held;
      }) {}

void wait_for_the_end() {
  for (;;) pause();
}

std::string_view interned(const std::string& text) {
  static std::mutex mutex;
  static std::set<std::string>* const texts = new std::set<std::string>;
  const std::lock_guard lock(mutex);
  return *texts->insert(text).first;
}

}  // namespace voxgrad::python

PYBIND11_MODULE(_C, m) {
  namespace python = voxgrad::python;
  m.doc() = "The compiled half of voxgrad. Use the package's own names instead.";
  m.attr("__version__") = std::string(voxgrad::version());
  python::bind_errors(m);
  python::bind_types(m);
  python::bind_tensor(m);
  python::bind_interop(m);
  python::bind_dlpack(m);
  python::bind_autograd(m);
  python::bind_creation(m);
  python::bind_elementwise(m);
  python::bind_reduce(m);
  python::bind_shape(m);
  python::bind_indexing(m);
  python::bind_linear(m);
  python::bind_conv(m);
  python::bind_pool(m);
  python::bind_norm(m);
  python::bind_activation(m);
  python::bind_dropout(m);
  python::bind_image(m);
  python::bind_loss(m);
  python::bind_layers(m);
  python::bind_modules(m);
  python::bind_optim(m);
  python::bind_io(m);
  python::bind_memory(m);
  python::bind_cuda(m);
  python::bind_threads(m);
  python::bind_arguments(m);
}
