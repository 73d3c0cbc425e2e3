// Containers: Sequential (a chain of anything callable with a tensor) and ModuleList.
#pragma once

#include <concepts>
#include <functional>
#include <initializer_list>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <voxgrad/nn/module.h>

namespace [[gnu::visibility("default")]] voxgrad {
namespace nn {

/// A function as a module, without state of its own. A clone copies the function as it is.
class Function final : public Layer<Function> {
 public:
  using Call = std::function<Tensor(const Tensor&)>;
  /// @throws Error when `call` is empty.
  explicit Function(Call call);
  Tensor forward(const Tensor& x) const { return call_(x); }
  void visit(Visitor&) override {}

 private:
  Call call_;
};

/// One step of a Sequential: a module given up to it (rvalue), one shared with others (pointer), or
/// a function.
class AnyLayer {
 public:
  template <std::derived_from<Module> T>
  AnyLayer(T&& layer)  // NOLINT: meant to convert; T is no reference, so only rvalues come here
      : AnyLayer(std::make_shared<T>(std::forward<T>(layer))) {}
  template <std::derived_from<Module> T>
  AnyLayer(std::shared_ptr<T> layer)  // NOLINT: meant to convert
      : module_(std::move(layer)), call_([](Module& module, const Tensor& x) -> Tensor {
          return static_cast<T&>(module)(x);
        }) {
    require_module();
  }
  template <std::derived_from<Module> T>
  AnyLayer(std::unique_ptr<T> layer)  // NOLINT: meant to convert
      : AnyLayer(std::shared_ptr<T>(std::move(layer))) {}
  template <typename F>
    requires(!std::derived_from<std::remove_cvref_t<F>, Module> &&
             !std::same_as<std::remove_cvref_t<F>, AnyLayer> &&
             std::is_invocable_r_v<Tensor, F&, const Tensor&>)
  AnyLayer(F&& function)  // NOLINT: meant to convert
      : AnyLayer(std::make_shared<Function>(Function::Call(std::forward<F>(function)))) {}

  Module& module() const { return *module_; }
  Tensor operator()(const Tensor& x) const { return call_(*module_, x); }
  /// For clone(): the same step with its own module.
  AnyLayer shallow_copy() const;

 private:
  void require_module() const;

  std::shared_ptr<Module> module_;
  Tensor (*call_)(Module&, const Tensor&) = nullptr;
};

/// Calls its layers one after the other, as torch.nn.Sequential; their names are "0", "1", ...
///
/// Written with braces, `Sequential{Conv3d{{...}}, ReLU{}, Conv3d{{...}}}` makes its layers from
/// left to right, so initial values are drawn in that order; parentheses do not compile, because
/// C++ leaves the order of function arguments open.
///
/// A batch or instance norm and the ReLU or LeakyReLU behind it run as one, with the same bits.
class Sequential final : public Layer<Sequential> {
 public:
  Sequential() = default;
  Sequential(std::initializer_list<AnyLayer> layers);
  Sequential(Sequential&&) noexcept = default;
  Sequential& operator=(Sequential&&) noexcept = default;
  Sequential(const Sequential& other);  // by clone() only

  /// Appends a layer, under its number or a name. @throws KeyError when the name is taken.
  Sequential& add(AnyLayer layer);
  Sequential& add(std::string name, AnyLayer layer);

  std::size_t size() const { return layers_.size(); }
  /// @throws IndexError when there is no such layer.
  Module& operator[](std::size_t index) const;

  /// Takes its argument over: what no layer needs any more can go while the others run.
  Tensor forward(Tensor x) const;
  void visit(Visitor& visitor) override;

 private:
  std::vector<std::pair<std::string, AnyLayer>> layers_;
};

/// Modules of one type under the names "0", "1", ..., as torch.nn.ModuleList.
template <std::derived_from<Module> T>
class ModuleList final : public Layer<ModuleList<T>> {
 public:
  ModuleList() = default;
  ModuleList(ModuleList&&) noexcept = default;
  ModuleList& operator=(ModuleList&&) noexcept = default;
  ModuleList(const ModuleList& other) : Layer<ModuleList<T>>(other) {  // by clone() only
    for (const auto& module : other.modules_)
      modules_.emplace_back(static_cast<T*>(module->shallow_copy().release()));
  }

  /// Appends a module and returns it.
  T& add(T&& module) { return *modules_.emplace_back(std::make_shared<T>(std::move(module))); }
  T& add(std::shared_ptr<T> module) { return *modules_.emplace_back(std::move(module)); }

  std::size_t size() const { return modules_.size(); }
  /// The module of that number, which must be below size().
  T& operator[](std::size_t index) const { return *modules_[index]; }

  void visit(Visitor& visitor) override {
    for (std::size_t i = 0; i < modules_.size(); ++i)
      visitor.child(std::to_string(i), *modules_[i]);
  }
  std::string type_name() const override { return "ModuleList"; }

 private:
  std::vector<std::shared_ptr<T>> modules_;
};

}  // namespace nn
}  // namespace voxgrad
