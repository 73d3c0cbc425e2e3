// Dropout.
#include "bind.h"

#include <voxgrad/autograd/functions/dropout.h>

namespace voxgrad::python {

void bind_dropout(py::module_& m) {
  const auto bind = [&m](const char* name, Tensor (*f)(const Tensor&, double, bool, Generator&)) {
    m.def(
        name,
        [f](const Tensor& x, double p, bool training) {
          return f(x, p, training, default_generator());
        },
        ReleaseGil());
  };
  bind("_dropout", &dropout);
  bind("_feature_dropout", &feature_dropout);
  bind("_alpha_dropout", &alpha_dropout);
  bind("_feature_alpha_dropout", &feature_alpha_dropout);
}

}  // namespace voxgrad::python
