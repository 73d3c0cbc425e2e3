// Module: the base of layers and networks. A layer is a plain class with plain members, its own
// forward, and one visit() that names those members; everything else follows from that:
//
//   struct Net final : nn::Layer<Net> {
//     nn::Conv3d conv{{.in_channels = 1, .out_channels = 8, .kernel_size = 3, .padding = 1}};
//     nn::Conv3d head{{.in_channels = 8, .out_channels = 2, .kernel_size = 1}};
//     Tensor forward(const Tensor& x) { return head(relu(conv(x))); }
//     void visit(nn::Visitor& v) override {
//       v.child("conv", conv);
//       v.child("head", head);
//     }
//   };
#pragma once

#include <functional>
#include <iosfwd>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <typeinfo>
#include <utility>
#include <vector>

#include <voxgrad/core/tensor.h>

namespace [[gnu::visibility("default")]] voxgrad {
namespace nn {

class Module;

/// What visit() tells the members of a module to. Undefined tensors (no bias) are passed over.
class Visitor {
 public:
  virtual ~Visitor() = default;
  /// A tensor that is trained.
  virtual void parameter(std::string_view name, Tensor& tensor) = 0;
  /// A tensor that belongs to the state and is not trained: running statistics.
  virtual void buffer(std::string_view name, Tensor& tensor) = 0;
  virtual void child(std::string_view name, Module& module) = 0;
};

/// Tensors with their names, in order; what save_safetensors takes.
using StateDict = std::vector<std::pair<std::string, Tensor>>;

/// Names on which a module and a state dict differ.
struct LoadReport {
  std::vector<std::string> missing;     ///< in the module only
  std::vector<std::string> unexpected;  ///< in the state dict only
};

/// Modules can be moved; they are not copied silently: a copy constructor called by anything but
/// clone() throws Error, because both modules would train the same tensors.
class Module {
 public:
  virtual ~Module();
  Module& operator=(const Module&) = delete;

  /// Names the parameters, buffers and children, always in the same order; changes nothing.
  virtual void visit(Visitor& visitor) = 0;

  /// All parameters of this and its children, each tensor once, tied or not.
  std::vector<Tensor> parameters() const;
  /// The same with their names ("up.weight"); a tied tensor has the first of its names.
  StateDict named_parameters() const;
  /// Number of trained values, each tensor once.
  Index parameter_count() const;
  /// Parameters and buffers under every name, as torch.nn.Module's: detached, sharing memory.
  StateDict state_dict() const;
  /// Copies values into the tensors of those names; dtype and device stay the module's. Nothing is
  /// written before all is checked.
  /// @throws KeyError for names that differ (strict) or occur twice, ShapeError for other shapes.
  LoadReport load_state_dict(const StateDict& state, bool strict = true);

  /// Moves parameters, buffers and gradients. Every handle on them follows.
  void to(Device device);
  /// Converts floating parameters, buffers and gradients. Every handle on them follows.
  /// @throws DTypeError unless floating.
  void to(DType dtype);

  /// Training mode (batch statistics) on or off, in the children too. On at first.
  void train(bool on = true);
  void eval() { train(false); }
  bool is_training() const { return training_; }
  /// Freezes (false) or unfreezes all parameters.
  void requires_grad_(bool on = true);
  /// Drops the gradients, or fills them with zeros.
  void zero_grad(bool set_to_none = true);
  /// Calls f for all children, depth first, and then for this.
  void apply(const std::function<void(Module&)>& f);
  /// A deep copy without gradients; what was tied is tied in the copy.
  std::unique_ptr<Module> clone() const;

  /// PyTorch's multi-line text: "Net(\n  (conv): Conv3d(1, 8, ...)\n)".
  std::string repr() const;
  /// The class's name in repr().
  virtual std::string type_name() const;
  /// What stands in repr()'s parentheses beside the children.
  virtual std::string extra_repr() const;

  /// For clone() and containers: a copy that still shares its tensors.
  virtual std::unique_ptr<Module> shallow_copy() const = 0;

 protected:
  Module() = default;
  Module(const Module& other);
  Module(Module&&) noexcept = default;
  Module& operator=(Module&&) noexcept = default;

  /// @throws Error: the class cannot be cloned.
  [[noreturn]] void refuse_clone() const;

 private:
  bool training_ = true;
};

std::ostream& operator<<(std::ostream& stream, const Module& module);

/// The base of a concrete class: `class Net final : public Layer<Net>`. layer(x, ...) is
/// layer.forward(x, ...).
template <typename Self>
class Layer : public Module {
 public:
  template <typename... Arguments>
  decltype(auto) operator()(Arguments&&... arguments) {
    return static_cast<Self&>(*this).forward(std::forward<Arguments>(arguments)...);
  }

  /// Module::clone with the own type. @throws Error where a member cannot be copied.
  std::unique_ptr<Self> clone() const {
    return std::unique_ptr<Self>(static_cast<Self*>(Module::clone().release()));
  }

  std::unique_ptr<Module> shallow_copy() const override {
    if constexpr (std::is_copy_constructible_v<Self>) {
      // A class derived from Self would lose its own members.
      const Module& self = *this;
      if (typeid(self) == typeid(Self))
        return std::make_unique<Self>(static_cast<const Self&>(*this));
    }
    refuse_clone();
  }
};

}  // namespace nn
}  // namespace voxgrad
