// Optimizer: the base of what trains parameters. A step reads each gradient and writes each
// parameter in one pass; it is never cancelled half-way.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <voxgrad/core/tensor.h>

namespace [[gnu::visibility("default")]] voxgrad {
namespace optim {

/// Tensors with their names, in order.
using State = std::vector<std::pair<std::string, Tensor>>;

/// One step of one parameter.
struct ParameterStep {
  Tensor parameter;
  Tensor grad;                  ///< of the parameter's shape and dtype
  std::vector<Tensor> buffers;  ///< what the rule carries from step to step, zeros at first
  std::int64_t step = 1;        ///< number of this step of this parameter
};

/// Calls `update` with tensors that are dense and of one memory order. A parameter that had to be
/// copied for that gets the values back; buffers that lay otherwise are new ones in `step`. To be
/// called without a graph (NoGrad).
void apply_step(ParameterStep& step, const std::function<void(ParameterStep&)>& update);

class Optimizer {
 public:
  virtual ~Optimizer() = default;
  Optimizer(const Optimizer&) = delete;
  Optimizer& operator=(const Optimizer&) = delete;

  /// Drops the gradients, or fills them with zeros.
  void zero_grad(bool set_to_none = true);
  /// Changes every parameter that has a gradient. The rest of the graph is untouched: no history is
  /// recorded, and values saved for a backward pass that is still to come are marked as changed.
  /// @throws DTypeError, DeviceError where a parameter moved after its first step.
  void step();

  double learning_rate() const { return learning_rate_; }
  /// @throws ShapeError unless >= 0 and finite.
  void set_learning_rate(double learning_rate);
  const std::vector<Tensor>& parameters() const { return parameters_; }

  /// What a resumed run needs: "learning_rate", and for each parameter that took a step
  /// "<number>.step" and its buffers ("<number>.exp_avg"). The buffers share their memory.
  State state() const;
  /// Puts a state back; parameters it does not name start anew. Nothing is written before all is
  /// checked.
  /// @throws KeyError for unknown or incomplete names, ShapeError for other shapes.
  void load_state(const State& state);

 protected:
  /// @throws ShapeError when there is no parameter, one occurs twice, or the learning rate is
  /// negative; DTypeError unless floating; AutogradError unless leaves.
  Optimizer(std::string_view name, std::vector<Tensor> parameters, double learning_rate,
            std::vector<std::string> buffer_names);
  /// The rule, on tensors that are dense and of one memory order; one buffer for each name.
  virtual void update(ParameterStep& step) = 0;

 private:
  struct Slot {
    std::int64_t steps = 0;
    std::vector<Tensor> buffers;  // empty before the first step
  };

  void prepare(std::size_t number);
  void step_parameter(std::size_t number);
  /// One entry of a state into its slot. Buffers are copied.
  void read_entry(const std::string& full_name, const Tensor& tensor,
                  std::vector<Slot>& slots) const;

  std::string name_;
  std::vector<Tensor> parameters_;
  std::vector<std::string> buffer_names_;
  std::vector<Slot> slots_;
  double learning_rate_;
};

/// Throws ShapeError "op: option must be ...; got value" unless value is in [low, high), finite.
void check_option(std::string_view op, std::string_view option, double value, double low = 0,
                  double high = 1e300);

}  // namespace optim
}  // namespace voxgrad
