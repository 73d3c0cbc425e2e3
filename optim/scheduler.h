// Learning-rate schedules: closed forms of the number of steps taken.
#pragma once

#include <functional>
#include <vector>

#include <voxgrad/optim/optimizer.h>

namespace [[gnu::visibility("default")]] voxgrad {
namespace optim {

/// Sets the optimizer's learning rate from how often step() was called: at construction, and at
/// each step(). The rate that the optimizer had at construction is the base. The optimizer must
/// outlive it.
class Scheduler {
 public:
  virtual ~Scheduler() = default;
  Scheduler(const Scheduler&) = delete;
  Scheduler& operator=(const Scheduler&) = delete;

  void step() { set_steps(steps_ + 1); }
  std::int64_t steps() const { return steps_; }
  /// Goes to where `steps` calls of step() lead. @throws ShapeError unless >= 0.
  void set_steps(std::int64_t steps);
  double base_learning_rate() const { return base_; }
  double learning_rate() const { return optimizer_.learning_rate(); }

  /// What a resumed run needs: "base_learning_rate" and "steps".
  State state() const;
  /// @throws KeyError unless the state has exactly those names.
  void load_state(const State& state);

 protected:
  explicit Scheduler(Optimizer& optimizer);
  /// The rate after `steps` steps.
  virtual double rate(double base, std::int64_t steps) const = 0;
  /// Constructors of the derived classes end with this.
  void start() { set_steps(0); }

 private:
  Optimizer& optimizer_;
  double base_;
  std::int64_t steps_ = 0;
};

/// base * (1 - min(t, total_steps) / total_steps)^power: torch.optim.lr_scheduler.PolynomialLR.
class PolynomialLR final : public Scheduler {
 public:
  /// @throws ShapeError unless total_steps >= 1.
  PolynomialLR(Optimizer& optimizer, std::int64_t total_steps, double power = 1);

 private:
  double rate(double base, std::int64_t steps) const override;
  std::int64_t total_steps_;
  double power_;
};

/// base * gamma^floor(t / step_size): torch.optim.lr_scheduler.StepLR.
class StepLR final : public Scheduler {
 public:
  /// @throws ShapeError unless step_size >= 1 and gamma >= 0.
  StepLR(Optimizer& optimizer, std::int64_t step_size, double gamma = 0.1);

 private:
  double rate(double base, std::int64_t steps) const override;
  std::int64_t step_size_;
  double gamma_;
};

/// base * gamma^(number of milestones <= t): torch.optim.lr_scheduler.MultiStepLR.
class MultiStepLR final : public Scheduler {
 public:
  /// @throws ShapeError unless gamma >= 0.
  MultiStepLR(Optimizer& optimizer, std::vector<std::int64_t> milestones, double gamma = 0.1);

 private:
  double rate(double base, std::int64_t steps) const override;
  std::vector<std::int64_t> milestones_;
  double gamma_;
};

/// base * gamma^t: torch.optim.lr_scheduler.ExponentialLR.
class ExponentialLR final : public Scheduler {
 public:
  /// @throws ShapeError unless gamma >= 0.
  ExponentialLR(Optimizer& optimizer, double gamma);

 private:
  double rate(double base, std::int64_t steps) const override;
  double gamma_;
};

/// base times a factor that goes from start_factor to end_factor in total_steps equal steps and
/// stays: torch.optim.lr_scheduler.LinearLR.
class LinearLR final : public Scheduler {
 public:
  /// @throws ShapeError unless 0 < start_factor <= 1, 0 <= end_factor <= 1 and total_steps >= 1.
  explicit LinearLR(Optimizer& optimizer, double start_factor = 1.0 / 3, double end_factor = 1,
                    std::int64_t total_steps = 5);

 private:
  double rate(double base, std::int64_t steps) const override;
  double start_factor_, end_factor_;
  std::int64_t total_steps_;
};

/// minimum + (base - minimum) * (1 + cos(pi * t / half_period)) / 2:
/// torch.optim.lr_scheduler.CosineAnnealingLR. It rises again after half_period steps.
class CosineAnnealingLR final : public Scheduler {
 public:
  /// @throws ShapeError unless half_period >= 1 and minimum >= 0.
  CosineAnnealingLR(Optimizer& optimizer, std::int64_t half_period, double minimum = 0);

 private:
  double rate(double base, std::int64_t steps) const override;
  std::int64_t half_period_;
  double minimum_;
};

/// base * factor(t), for any schedule: torch.optim.lr_scheduler.LambdaLR.
class LambdaLR final : public Scheduler {
 public:
  /// @throws ShapeError when factor is empty or a rate is negative.
  LambdaLR(Optimizer& optimizer, std::function<double(std::int64_t)> factor);

 private:
  double rate(double base, std::int64_t steps) const override;
  std::function<double(std::int64_t)> factor_;
};

}  // namespace optim
}  // namespace voxgrad
