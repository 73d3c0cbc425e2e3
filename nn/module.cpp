#include <voxgrad/nn/module.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <ostream>
#include <set>

#include <cxxabi.h>
#include <fmt/ranges.h>

#include <voxgrad/autograd/engine.h>
#include <voxgrad/autograd/grad_mode.h>
#include <voxgrad/autograd/meta.h>
#include <voxgrad/core/check.h>
#include <voxgrad/core/parallel.h>

namespace voxgrad::nn {
namespace {

// Depth of clone() calls on this thread: only they may copy modules.
thread_local int cloning = 0;

struct CloneScope {
  CloneScope() { ++cloning; }
  ~CloneScope() { --cloning; }
};

// visit() is not const, so that it can hand out members; it changes none of them.
Module& visitable(const Module& module) { return const_cast<Module&>(module); }

/// Calls f(full name, tensor, whether it is a parameter) for every defined tensor in order.
template <typename F>
class TensorVisitor final : public Visitor {
 public:
  explicit TensorVisitor(F f) : f_(std::move(f)) {}
  void parameter(std::string_view name, Tensor& tensor) override {
    if (tensor.defined()) f_(prefix_ + std::string(name), tensor, true);
  }
  void buffer(std::string_view name, Tensor& tensor) override {
    if (tensor.defined()) f_(prefix_ + std::string(name), tensor, false);
  }
  void child(std::string_view name, Module& module) override {
    const std::size_t length = prefix_.size();
    prefix_.append(name).push_back('.');
    module.visit(*this);
    prefix_.resize(length);
  }

 private:
  F f_;
  std::string prefix_;
};

template <typename F>
void for_each_tensor(const Module& module, F f) {
  TensorVisitor<F> visitor(std::move(f));
  visitable(module).visit(visitor);
}

/// Calls f(name, child) for the direct children.
template <typename F>
void for_each_child(const Module& module, F f) {
  class Children final : public Visitor {
   public:
    explicit Children(F& f) : f_(f) {}
    void parameter(std::string_view, Tensor&) override {}
    void buffer(std::string_view, Tensor&) override {}
    void child(std::string_view name, Module& child) override { f_(name, child); }

   private:
    F& f_;
  };
  Children visitor(f);
  visitable(module).visit(visitor);
}

/// Gives every handle on `tensor` the memory of `value`, which has the same shape.
void replace_memory(const Tensor& tensor, const Tensor& value) {
  TensorImpl& impl = *tensor.impl();
  impl.replace(value.impl()->storage(), value.strides(), value.offset());
  impl.dtype = value.dtype();
  // It was told the old dtype and device; later graphs make their own.
  if (impl.autograd) impl.autograd->accumulator.reset();
}

/// Replaces the memory of each tensor and gradient by what convert gives. All memory is made
/// before anything changes.
template <typename Convert>
void convert_all(const Module& module, Convert convert) {
  const NoGrad no_grad;
  struct Change {
    Tensor tensor, value, grad;
  };
  std::vector<Change> changes;
  std::set<const TensorImpl*> seen;
  for_each_tensor(module, [&](const std::string&, Tensor& tensor, bool) {
    if (!seen.insert(tensor.impl().get()).second) return;
    const Tensor value = convert(tensor.detach());
    if (value.dtype() == tensor.dtype() && value.device() == tensor.device()) return;
    const Tensor grad = tensor.grad();
    changes.push_back({tensor, value, grad.defined() ? convert(grad.detach()) : Tensor()});
  });
  for (Change& change : changes) {
    replace_memory(change.tensor, change.value);
    if (change.grad.defined()) change.tensor.set_grad(change.grad);
  }
}

/// What load_state_dict will copy, and what does not fit.
struct LoadPlan {
  std::vector<std::pair<Tensor, Tensor>> copies;  // target, value
  std::vector<std::string> misfits;               // "name [got] for [wanted]"
  LoadReport report;
};

/// @throws KeyError when a name occurs twice or has no tensor.
LoadPlan plan_load(const Module& module, const StateDict& state) {
  std::map<std::string_view, const Tensor*> given;
  for (const auto& [name, tensor] : state) {
    VG_CHECK(given.emplace(name, &tensor).second, KeyError,
             "load_state_dict: names must differ; got {} twice", name);
    VG_CHECK(tensor.defined(), KeyError,
             "load_state_dict: every name must have a tensor; got none for {}", name);
  }
  LoadPlan plan;
  std::set<std::string> known;
  for_each_tensor(module, [&](const std::string& name, Tensor& tensor, bool) {
    known.insert(name);
    const auto found = given.find(name);
    if (found == given.end()) {
      plan.report.missing.push_back(name);
    } else if (const Tensor& value = *found->second; value.shape() != tensor.shape()) {
      plan.misfits.push_back(fmt::format("{} {} for {}", name, voxgrad::to_string(value.shape()),
                                         voxgrad::to_string(tensor.shape())));
    } else {
      plan.copies.emplace_back(tensor, value);
    }
  });
  for (const auto& [name, tensor] : state)
    if (!known.contains(name)) plan.report.unexpected.push_back(name);
  return plan;
}

/// The first few of the names, and how many more there are.
std::string first_few(const std::vector<std::string>& names) {
  constexpr std::size_t kShown = 3;
  const std::size_t shown = std::min(names.size(), kShown);
  const std::string text = fmt::format("{}", fmt::join(names.begin(), names.begin() + shown, ", "));
  return shown == names.size() ? text : fmt::format("{} and {} more", text, names.size() - shown);
}

std::string indented(const std::string& text) {
  std::string result;
  for (const char c : text) {
    result.push_back(c);
    if (c == '\n') result += "  ";
  }
  return result;
}

}  // namespace

Module::~Module() = default;

Module::Module(const Module& other) : training_(other.training_) {
  VG_CHECK(cloning > 0, Error,
           "Module: modules are not copied silently; got a copy of a {} (use clone(), a reference "
           "or std::move)",
           other.type_name());
}

void Module::refuse_clone() const {
  throw Error(
      fmt::format("clone: every member must be copyable, and the class must name itself "
                  "in Layer<...>; got {}",
                  type_name()));
}

std::vector<Tensor> Module::parameters() const {
  std::vector<Tensor> result;
  for (auto& [name, tensor] : named_parameters()) result.push_back(tensor);
  return result;
}

StateDict Module::named_parameters() const {
  StateDict result;
  std::set<const TensorImpl*> seen;
  for_each_tensor(*this, [&](const std::string& name, Tensor& tensor, bool is_parameter) {
    if (is_parameter && seen.insert(tensor.impl().get()).second) result.emplace_back(name, tensor);
  });
  return result;
}

Index Module::parameter_count() const {
  Index count = 0;
  for (const Tensor& tensor : parameters()) count += tensor.numel();
  return count;
}

StateDict Module::state_dict() const {
  StateDict result;
  for_each_tensor(*this, [&](const std::string& name, Tensor& tensor, bool) {
    result.emplace_back(name, tensor.detach());
  });
  return result;
}

LoadReport Module::load_state_dict(const StateDict& state, bool strict) {
  const NoGrad no_grad;
  LoadPlan plan = plan_load(*this, state);
  const LoadReport& report = plan.report;
  VG_CHECK(!strict || (report.missing.empty() && report.unexpected.empty()), KeyError,
           "load_state_dict: the names must be those of {}; got missing [{}] and unexpected [{}] "
           "(strict = false passes over them)",
           type_name(), first_few(report.missing), first_few(report.unexpected));
  VG_CHECK(plan.misfits.empty(), ShapeError,
           "load_state_dict: each tensor must have its shape in {}; got {} (of {})", type_name(),
           first_few(plan.misfits), plan.copies.size() + plan.misfits.size());
  for (auto& [target, value] : plan.copies) value = value.detach().to(target.device());
  const NoCancel whole;
  for (auto& [target, value] : plan.copies) target.copy_(value);
  return report;
}

void Module::to(Device device) {
  convert_all(*this, [device](const Tensor& tensor) { return tensor.to(device); });
}

void Module::to(DType dtype) {
  VG_CHECK(is_floating(dtype), DTypeError, "Module::to: the dtype must be floating; got {}",
           name(dtype));
  convert_all(*this, [dtype](const Tensor& tensor) {
    return is_floating(tensor.dtype()) ? tensor.to(dtype) : tensor;
  });
}

void Module::train(bool on) {
  apply([on](Module& module) { module.training_ = on; });
}

void Module::requires_grad_(bool on) {
  for (Tensor& tensor : parameters()) tensor.requires_grad_(on);
}

void Module::zero_grad(bool set_to_none) { voxgrad::zero_grad(parameters(), set_to_none); }

void Module::apply(const std::function<void(Module&)>& f) {
  for_each_child(*this, [&](std::string_view, Module& child) { child.apply(f); });
  f(*this);
}

std::unique_ptr<Module> Module::clone() const {
  std::unique_ptr<Module> copy;
  {
    const CloneScope scope;
    copy = shallow_copy();
  }
  const NoGrad no_grad;
  std::map<const TensorImpl*, Tensor> own;
  for_each_tensor(*copy, [&](const std::string&, Tensor& tensor, bool is_parameter) {
    // The original stays alive through the module it belongs to, so its address is its identity.
    Tensor& value = own[tensor.impl().get()];
    if (!value.defined()) {
      value = tensor.detach().clone();
      if (is_parameter) value.requires_grad_(tensor.requires_grad());
    }
    tensor = value;
  });
  return copy;
}

std::string Module::repr() const {
  const std::string extra = extra_repr();
  std::string children;
  for_each_child(*this, [&](std::string_view name, Module& child) {
    children += fmt::format("\n  ({}): {}", name, indented(child.repr()));
  });
  if (children.empty()) return fmt::format("{}({})", type_name(), extra);
  if (extra.empty()) return fmt::format("{}({}\n)", type_name(), children);
  return fmt::format("{}(\n  {}{}\n)", type_name(), extra, children);
}

std::string Module::type_name() const {
  int status = 0;
  char* demangled = abi::__cxa_demangle(typeid(*this).name(), nullptr, nullptr, &status);
  const std::string full = status == 0 ? demangled : typeid(*this).name();
  std::free(demangled);
  // The part after the last "::" outside template arguments.
  const std::size_t end = std::min(full.find('<'), full.size());
  const std::size_t colons = full.rfind("::", end);
  return full.substr(colons == std::string::npos ? 0 : colons + 2);
}

std::string Module::extra_repr() const { return {}; }

std::ostream& operator<<(std::ostream& stream, const Module& module) {
  return stream << module.repr();
}

}  // namespace voxgrad::nn
