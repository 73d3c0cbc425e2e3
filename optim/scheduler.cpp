#include <voxgrad/optim/scheduler.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include <voxgrad/core/check.h>

namespace voxgrad::optim {

Scheduler::Scheduler(Optimizer& optimizer)
    : optimizer_(optimizer), base_(optimizer.learning_rate()) {}

void Scheduler::set_steps(std::int64_t steps) {
  VG_CHECK(steps >= 0, ShapeError, "Scheduler: steps must be >= 0; got {}", steps);
  optimizer_.set_learning_rate(rate(base_, steps));
  steps_ = steps;
}

State Scheduler::state() const {
  return {{"base_learning_rate", Tensor::from(std::vector<double>{base_}, {})},
          {"steps", Tensor::from(std::vector<std::int64_t>{steps_}, {})}};
}

void Scheduler::load_state(const State& state) {
  const auto find = [&](std::string_view name) {
    const auto found =
        std::ranges::find(state, name, [](const auto& entry) { return entry.first; });
    VG_CHECK(
        found != state.end() && state.size() == 2, KeyError,
        "Scheduler::load_state: the names must be base_learning_rate and steps; got {} names{}",
        state.size(), found == state.end() ? fmt::format(" without {}", name) : "");
    return found->second.item();
  };
  const double base = find("base_learning_rate");
  const double steps = find("steps");
  check_option("Scheduler", "base_learning_rate", base);
  check_option("Scheduler", "steps", steps, 0, 9e15);
  base_ = base;
  set_steps(static_cast<std::int64_t>(steps));
}

PolynomialLR::PolynomialLR(Optimizer& optimizer, std::int64_t total_steps, double power)
    : Scheduler(optimizer), total_steps_(total_steps), power_(power) {
  VG_CHECK(total_steps >= 1, ShapeError, "PolynomialLR: total_steps must be >= 1; got {}",
           total_steps);
  start();
}

double PolynomialLR::rate(double base, std::int64_t steps) const {
  const double done = static_cast<double>(std::min(steps, total_steps_));
  return base * std::pow(1 - done / static_cast<double>(total_steps_), power_);
}

StepLR::StepLR(Optimizer& optimizer, std::int64_t step_size, double gamma)
    : Scheduler(optimizer), step_size_(step_size), gamma_(gamma) {
  VG_CHECK(step_size >= 1, ShapeError, "StepLR: step_size must be >= 1; got {}", step_size);
  check_option("StepLR", "gamma", gamma);
  start();
}

double StepLR::rate(double base, std::int64_t steps) const {
  const std::int64_t drops = steps / step_size_;
  return base * std::pow(gamma_, static_cast<double>(drops));
}

MultiStepLR::MultiStepLR(Optimizer& optimizer, std::vector<std::int64_t> milestones, double gamma)
    : Scheduler(optimizer), milestones_(std::move(milestones)), gamma_(gamma) {
  check_option("MultiStepLR", "gamma", gamma);
  start();
}

double MultiStepLR::rate(double base, std::int64_t steps) const {
  const auto passed = std::ranges::count_if(milestones_, [&](auto at) { return at <= steps; });
  return base * std::pow(gamma_, static_cast<double>(passed));
}

ExponentialLR::ExponentialLR(Optimizer& optimizer, double gamma)
    : Scheduler(optimizer), gamma_(gamma) {
  check_option("ExponentialLR", "gamma", gamma);
  start();
}

double ExponentialLR::rate(double base, std::int64_t steps) const {
  return base * std::pow(gamma_, static_cast<double>(steps));
}

LinearLR::LinearLR(Optimizer& optimizer, double start_factor, double end_factor,
                   std::int64_t total_steps)
    : Scheduler(optimizer),
      start_factor_(start_factor),
      end_factor_(end_factor),
      total_steps_(total_steps) {
  VG_CHECK(start_factor > 0 && start_factor <= 1 && end_factor >= 0 && end_factor <= 1, ShapeError,
           "LinearLR: factors must be in [0, 1], the first above 0; got {} and {}", start_factor,
           end_factor);
  VG_CHECK(total_steps >= 1, ShapeError, "LinearLR: total_steps must be >= 1; got {}", total_steps);
  start();
}

double LinearLR::rate(double base, std::int64_t steps) const {
  const double done = static_cast<double>(std::min(steps, total_steps_));
  const double share = done / static_cast<double>(total_steps_);
  return base * (start_factor_ + (end_factor_ - start_factor_) * share);
}

CosineAnnealingLR::CosineAnnealingLR(Optimizer& optimizer, std::int64_t half_period, double minimum)
    : Scheduler(optimizer), half_period_(half_period), minimum_(minimum) {
  VG_CHECK(half_period >= 1, ShapeError, "CosineAnnealingLR: half_period must be >= 1; got {}",
           half_period);
  check_option("CosineAnnealingLR", "minimum", minimum);
  start();
}

double CosineAnnealingLR::rate(double base, std::int64_t steps) const {
  const double angle =
      std::numbers::pi * static_cast<double>(steps) / static_cast<double>(half_period_);
  return minimum_ + (base - minimum_) * (1 + std::cos(angle)) / 2;
}

LambdaLR::LambdaLR(Optimizer& optimizer, std::function<double(std::int64_t)> factor)
    : Scheduler(optimizer), factor_(std::move(factor)) {
  VG_CHECK(factor_ != nullptr, ShapeError, "LambdaLR: needs a function of the step; got none");
  start();
}

double LambdaLR::rate(double base, std::int64_t steps) const { return base * factor_(steps); }

}  // namespace voxgrad::optim
