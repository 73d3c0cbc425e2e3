#include <voxgrad/optim/optimizer.h>

#include <algorithm>
#include <charconv>
#include <set>

#include <voxgrad/autograd/engine.h>
#include <voxgrad/autograd/grad_mode.h>
#include <voxgrad/core/check.h>
#include <voxgrad/core/parallel.h>

namespace voxgrad::optim {
namespace {

Tensor scalar(double value) { return Tensor::from(std::vector<double>{value}, {}); }
Tensor scalar(std::int64_t value) { return Tensor::from(std::vector<std::int64_t>{value}, {}); }

/// True when equal offsets mean equal elements; axes of size 1 never decide.
bool same_order(const Tensor& a, const Tensor& b) {
  for (int axis = 0; axis < a.dim(); ++axis)
    if (a.size(axis) != 1 && a.stride(axis) != b.stride(axis)) return false;
  return true;
}

/// The same values in the memory order of `like`, which is dense.
Tensor laid_out_as(const Tensor& like, const Tensor& values) {
  return same_order(like, values) ? values : Tensor::empty_like(like).copy_(values);
}

/// "12.exp_avg" as 12 and "exp_avg"; the number is at most `count` when the name has none.
std::pair<std::size_t, std::string_view> split_name(std::string_view name, std::size_t count) {
  std::size_t number = count;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
  const std::size_t length = static_cast<std::size_t>(end - name.data());
  if (error != std::errc() || length >= name.size() || name[length] != '.') return {count, name};
  return {number, name.substr(length + 1)};
}

}  // namespace

void check_option(std::string_view op, std::string_view option, double value, double low,
                  double high) {
  VG_CHECK(value >= low && value < high, ShapeError, "{}: {} must be in [{}, {}); got {}", op,
           option, low, high, value);
}

void apply_step(ParameterStep& step, const std::function<void(ParameterStep&)>& update) {
  ParameterStep dense = step;
  // A parameter that is a view with gaps is updated in a dense copy.
  if (!step.parameter.is_dense())
    dense.parameter = Tensor::empty_like(step.parameter).copy_(step.parameter);
  for (Tensor& buffer : dense.buffers) buffer = laid_out_as(dense.parameter, buffer);
  dense.grad = laid_out_as(dense.parameter, step.grad);
  update(dense);
  if (!dense.parameter.is_same(step.parameter)) step.parameter.copy_(dense.parameter);
  step.buffers = std::move(dense.buffers);
}

Optimizer::Optimizer(std::string_view name, std::vector<Tensor> parameters, double learning_rate,
                     std::vector<std::string> buffer_names)
    : name_(name),
      parameters_(std::move(parameters)),
      buffer_names_(std::move(buffer_names)),
      slots_(parameters_.size()) {
  VG_CHECK(!parameters_.empty(), ShapeError, "{}: needs parameters to train; got none", name_);
  std::set<const TensorImpl*> seen;
  for (const Tensor& parameter : parameters_) {
    VG_CHECK(parameter.defined() && seen.insert(parameter.impl().get()).second, ShapeError,
             "{}: parameters must be defined, each once; got {}", name_,
             parameter.defined() ? "one twice" : "an undefined one");
    VG_CHECK(is_floating(parameter.dtype()), DTypeError, "{}: parameters must be floating; got {}",
             name_, voxgrad::name(parameter.dtype()));
    VG_CHECK(parameter.is_leaf(), AutogradError,
             "{}: parameters must be leaves; got the result of an operation", name_);
    VG_CHECK(!parameter.may_overlap(), ShapeError,
             "{}: no two elements of a parameter may share memory; got shape {} with strides {}",
             name_, voxgrad::to_string(parameter.shape()), voxgrad::to_string(parameter.strides()));
  }
  set_learning_rate(learning_rate);
}

void Optimizer::set_learning_rate(double learning_rate) {
  check_option(name_, "learning_rate", learning_rate);
  learning_rate_ = learning_rate;
}

void Optimizer::zero_grad(bool set_to_none) { voxgrad::zero_grad(parameters_, set_to_none); }

void Optimizer::prepare(std::size_t number) {
  const Tensor& parameter = parameters_[number];
  Slot& slot = slots_[number];
  for (std::size_t i = slot.buffers.size(); i < buffer_names_.size(); ++i)
    slot.buffers.push_back(Tensor::empty_like(parameter).zero_());
  for (Tensor& buffer : slot.buffers) {
    VG_CHECK(buffer.dtype() == parameter.dtype(), DTypeError,
             "{}: parameters must keep the dtype of their first step, {}; got {} (make the "
             "optimizer after Module::to)",
             name_, voxgrad::name(buffer.dtype()), voxgrad::name(parameter.dtype()));
    VG_CHECK(buffer.device() == parameter.device(), DeviceError,
             "{}: parameters must stay on the device of their first step, {}; got {} (make the "
             "optimizer after Module::to)",
             name_, voxgrad::to_string(buffer.device()), voxgrad::to_string(parameter.device()));
    if (parameter.is_dense()) buffer = laid_out_as(parameter, buffer);
  }
}

void Optimizer::step_parameter(std::size_t number) {
  Slot& slot = slots_[number];
  ParameterStep step{parameters_[number], parameters_[number].grad(), slot.buffers, slot.steps + 1};
  apply_step(step, [this](ParameterStep& dense) { update(dense); });
  slot = {step.step, std::move(step.buffers)};
}

void Optimizer::step() {
  const NoGrad no_grad;
  const NoCancel whole;
  // What can fail comes before the first parameter changes.
  for (std::size_t i = 0; i < parameters_.size(); ++i)
    if (parameters_[i].grad().defined()) prepare(i);
  for (std::size_t i = 0; i < parameters_.size(); ++i)
    if (parameters_[i].grad().defined()) step_parameter(i);
}

State Optimizer::state() const {
  State result{{"learning_rate", scalar(learning_rate_)}};
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    if (slots_[i].steps == 0) continue;
    result.emplace_back(fmt::format("{}.step", i), scalar(slots_[i].steps));
    for (std::size_t b = 0; b < buffer_names_.size(); ++b)
      result.emplace_back(fmt::format("{}.{}", i, buffer_names_[b]), slots_[i].buffers[b]);
  }
  return result;
}

void Optimizer::read_entry(const std::string& full_name, const Tensor& tensor,
                           std::vector<Slot>& slots) const {
  const auto [number, key] = split_name(full_name, slots.size());
  VG_CHECK(number < slots.size(), KeyError,
           "{}::load_state: names must start with a number below {}; got {}", name_, slots.size(),
           full_name);
  Slot& slot = slots[number];
  if (key == "step") {
    const double steps = tensor.item();
    check_option(name_, full_name, steps, 0, 9e15);
    slot.steps = static_cast<std::int64_t>(steps);
    return;
  }
  const auto found = std::ranges::find(buffer_names_, key);
  VG_CHECK(found != buffer_names_.end(), KeyError,
           "{}::load_state: buffers must be among [{}]; got {}", name_,
           fmt::join(buffer_names_, ", "), full_name);
  const Tensor& parameter = parameters_[number];
  VG_CHECK(tensor.shape() == parameter.shape(), ShapeError,
           "{}::load_state: {} must have the parameter's shape {}; got {}", name_, full_name,
           voxgrad::to_string(parameter.shape()), voxgrad::to_string(tensor.shape()));
  slot.buffers.resize(buffer_names_.size());
  slot.buffers[static_cast<std::size_t>(found - buffer_names_.begin())] =
      Tensor::empty_like(parameter).copy_(tensor.detach().to(parameter.device()));
}

void Optimizer::load_state(const State& state) {
  const NoGrad no_grad;
  double learning_rate = learning_rate_;
  std::vector<Slot> slots(slots_.size());
  std::set<std::string_view> seen;
  for (const auto& [name, tensor] : state) {
    VG_CHECK(seen.insert(name).second, KeyError, "{}::load_state: names must differ; got {} twice",
             name_, name);
    if (name == "learning_rate") learning_rate = tensor.item();
    else read_entry(name, tensor, slots);
  }
  for (std::size_t i = 0; i < slots.size(); ++i) {
    const auto defined = [](const Tensor& buffer) { return buffer.defined(); };
    const std::size_t found =
        static_cast<std::size_t>(std::ranges::count_if(slots[i].buffers, defined));
    const bool complete = slots[i].steps >= 1 && found == buffer_names_.size();
    VG_CHECK(complete || (slots[i].steps == 0 && found == 0), KeyError,
             "{}::load_state: a parameter's state must have a step >= 1 and all of [{}]; got step "
             "{} and {} of them for parameter {}",
             name_, fmt::join(buffer_names_, ", "), slots[i].steps, found, i);
  }
  set_learning_rate(learning_rate);
  slots_ = std::move(slots);
}

}  // namespace voxgrad::optim
