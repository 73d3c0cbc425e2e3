#include <voxgrad/optim/plateau.h>

#include <algorithm>
#include <array>
#include <limits>

#include <voxgrad/core/check.h>

namespace voxgrad::optim {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr std::array<std::string_view, 4> kNames{"best", "bad_steps", "cooldown_left",
                                                 "learning_rate"};

}  // namespace

ReduceLROnPlateau::ReduceLROnPlateau(Optimizer& optimizer, const ReduceLROnPlateauOptions& options)
    : optimizer_(optimizer), options_(options), best_(options.maximize ? -kInfinity : kInfinity) {
  constexpr std::string_view kOp = "ReduceLROnPlateau";
  check_option(kOp, "factor", options.factor, 0, 1);
  check_option(kOp, "patience", static_cast<double>(options.patience));
  check_option(kOp, "threshold", options.threshold);
  check_option(kOp, "cooldown", static_cast<double>(options.cooldown));
  check_option(kOp, "minimum_learning_rate", options.minimum_learning_rate);
  check_option(kOp, "eps", options.eps);
}

bool ReduceLROnPlateau::better(double metric) const {
  const double sign = options_.maximize ? 1 : -1;
  if (options_.relative_threshold) {
    const double bound = best_ * (1 + sign * options_.threshold);
    return options_.maximize ? metric > bound : metric < bound;
  }
  return sign * metric > sign * best_ + options_.threshold;
}

void ReduceLROnPlateau::step(double metric) {
  if (better(metric)) {
    best_ = metric;
    bad_steps_ = 0;
  } else {
    ++bad_steps_;
  }
  if (cooldown_left_ > 0) {
    --cooldown_left_;
    bad_steps_ = 0;
  }
  if (bad_steps_ <= options_.patience) return;
  const double rate = optimizer_.learning_rate();
  const double lower = std::max(rate * options_.factor, options_.minimum_learning_rate);
  if (rate - lower > options_.eps) optimizer_.set_learning_rate(lower);
  cooldown_left_ = options_.cooldown;
  bad_steps_ = 0;
}

State ReduceLROnPlateau::state() const {
  const std::array<double, 4> values{best_, static_cast<double>(bad_steps_),
                                     static_cast<double>(cooldown_left_), learning_rate()};
  State state;
  for (std::size_t i = 0; i < kNames.size(); ++i)
    state.emplace_back(kNames[i], Tensor::from(std::vector<double>{values[i]}, {}));
  return state;
}

void ReduceLROnPlateau::load_state(const State& state) {
  std::array<double, 4> values{};
  for (std::size_t i = 0; i < kNames.size(); ++i) {
    const auto found =
        std::ranges::find(state, kNames[i], [](const auto& entry) { return entry.first; });
    VG_CHECK(found != state.end() && state.size() == kNames.size(), KeyError,
             "ReduceLROnPlateau::load_state: the names must be {}; got {} names{}",
             fmt::join(kNames, ", "), state.size(),
             found == state.end() ? fmt::format(" without {}", kNames[i]) : "");
    values[i] = found->second.item();
  }
  for (std::size_t i = 1; i < 3; ++i)
    check_option("ReduceLROnPlateau", kNames[i], values[i], 0, 9e15);
  optimizer_.set_learning_rate(values[3]);
  best_ = values[0];
  bad_steps_ = static_cast<std::int64_t>(values[1]);
  cooldown_left_ = static_cast<std::int64_t>(values[2]);
}

}  // namespace voxgrad::optim
