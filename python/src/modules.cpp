// C++ modules in Python, and Python modules in C++: one adapter each way.
#include "bind.h"

#include <functional>
#include <map>
#include <string>
#include <tuple>

#include <voxgrad/core/error.h>
#include <voxgrad/nn/container.h>
#include <voxgrad/nn/module.h>
#include <voxgrad/nn/unet.h>

namespace voxgrad::python {

namespace {

using Forward = std::function<Tensor(const Tensor&)>;

/// A C++ module as Python holds it. Children have no forward of their own here.
struct Native {
  std::shared_ptr<nn::Module> module;
  Forward forward;
};

template <typename T>
Native native(std::shared_ptr<T> module) {
  T* const self = module.get();
  return {module, [self](const Tensor& x) { return self->forward(x); }};
}

/// The direct members of a module: (name, tensor, is a parameter) and (name, child).
class Members final : public nn::Visitor {
 public:
  explicit Members(const Native& owner) : owner_(owner) { owner.module->visit(*this); }

  void parameter(std::string_view name, Tensor& tensor) override { add(name, tensor, true); }
  void buffer(std::string_view name, Tensor& tensor) override { add(name, tensor, false); }
  void child(std::string_view name, nn::Module& module) override {
    // The child lives as long as its owner.
    children.emplace_back(name, Native{{owner_.module, &module}, {}});
  }

  std::vector<std::tuple<std::string, Tensor, bool>> tensors;
  std::vector<std::pair<std::string, Native>> children;

 private:
  void add(std::string_view name, const Tensor& tensor, bool is_parameter) {
    if (tensor.defined()) tensors.emplace_back(name, tensor, is_parameter);
  }

  const Native& owner_;
};

/// A Python module in a C++ network. Its tensors are the Python module's own.
class PythonModule final : public nn::Module {
 public:
  explicit PythonModule(py::object module) : object_(std::move(module)) {}

  Tensor operator()(const Tensor& x) {
    return with_gil([&] { return object_.get()(x).cast<Tensor>(); });
  }

  void visit(nn::Visitor& visitor) override {
    with_gil([&] {
      const py::object& self = object_.get();
      for (const auto& [name, tensor] : tensors_of(self, "_parameters")) {
        Tensor handle = tensor;
        visitor.parameter(name, handle);
      }
      for (const auto& [name, tensor] : tensors_of(self, "_buffers")) {
        Tensor handle = tensor;
        visitor.buffer(name, handle);
      }
      for (const auto& [name, child] : self.attr("_modules").cast<py::dict>()) {
        if (child.is_none()) continue;
        visitor.child(name.cast<std::string>(),
                      child_of(py::reinterpret_borrow<py::object>(child)));
      }
    });
  }

  std::string type_name() const override {
    return with_gil(
        [&] { return py::type::of(object_.get()).attr("__name__").cast<std::string>(); });
  }

  std::unique_ptr<nn::Module> shallow_copy() const override {
    return with_gil([&]() -> std::unique_ptr<nn::Module> {
      return std::make_unique<PythonModule>(
          py::module_::import("copy").attr("deepcopy")(object_.get()));
    });
  }

 private:
  static std::vector<std::pair<std::string, Tensor>> tensors_of(const py::object& self,
                                                                const char* members) {
    std::vector<std::pair<std::string, Tensor>> result;
    for (const auto& [name, value] : self.attr(members).cast<py::dict>()) {
      if (!value.is_none()) result.emplace_back(name.cast<std::string>(), value.cast<Tensor>());
    }
    return result;
  }

  nn::Module& child_of(const py::object& child) {
    auto& known = children_[child.ptr()];
    if (known == nullptr) known = std::make_unique<PythonModule>(child);
    return *known;
  }

  SharedObject object_;
  std::map<PyObject*, std::unique_ptr<PythonModule>> children_;
};

/// A step of a C++ Sequential from what Python gave.
nn::AnyLayer layer_from(const py::object& step) {
  return nn::AnyLayer(std::make_shared<PythonModule>(step));
}

Native sequential(const py::list& steps) {
  auto chain = std::make_shared<nn::Sequential>();
  for (const py::handle step : steps)
    chain->add(layer_from(py::reinterpret_borrow<py::object>(step)));
  return native(chain);
}

Native unet(int rank, Index in_channels, Index out_channels, const std::vector<Index>& channels,
            int convs_per_level, const Spatial& kernel_size, const std::string& norm,
            const std::string& activation, double negative_slope, std::optional<DType> dtype) {
  const std::map<std::string, nn::UNetNorm> norms{{"none", nn::UNetNorm::none},
                                                  {"batch", nn::UNetNorm::batch},
                                                  {"instance", nn::UNetNorm::instance}};
  const std::map<std::string, nn::UNetActivation> activations{
      {"relu", nn::UNetActivation::relu}, {"leaky_relu", nn::UNetActivation::leaky_relu}};
  if (!norms.contains(norm) || !activations.contains(activation)) {
    throw ShapeError(
        "UNet: norm must be none, batch or instance, activation relu or leaky_relu; got " + norm +
        " and " + activation);
  }
  const nn::UNetOptions options{in_channels,
                                out_channels,
                                channels,
                                convs_per_level,
                                kernel_size,
                                norms.at(norm),
                                activations.at(activation),
                                negative_slope,
                                dtype};
  if (rank == 1) return native(std::make_shared<nn::UNet1d>(options));
  if (rank == 2) return native(std::make_shared<nn::UNet2d>(options));
  return native(std::make_shared<nn::UNet3d>(options));
}

}  // namespace

void bind_modules(py::module_& m) {
  py::class_<Native>(m, "_Native")
      .def("tensors", [](const Native& n) { return Members(n).tensors; })
      .def("children", [](const Native& n) { return Members(n).children; })
      .def("forward",
           [](const Native& n, const Tensor& x) {
             if (!n.forward) throw Error("forward: call the network that this is a part of");
             const WithoutGil released;
             return n.forward(x);
           })
      .def("train", [](const Native& n, bool on) { n.module->train(on); })
      .def("type_name", [](const Native& n) { return n.module->type_name(); })
      .def("extra_repr", [](const Native& n) { return n.module->extra_repr(); });
  m.def("_native_sequential", &sequential);
  m.def("_native_unet", &unet);
}

}  // namespace voxgrad::python
