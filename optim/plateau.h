// A learning rate that falls when a metric stops improving.
#pragma once

#include <cstdint>

#include <voxgrad/optim/optimizer.h>

namespace [[gnu::visibility("default")]] voxgrad {
namespace optim {

struct ReduceLROnPlateauOptions {
  bool maximize = false;       ///< the metric is to rise (mode='max')
  double factor = 0.1;         ///< of the rate, at each reduction
  std::int64_t patience = 10;  ///< steps without improvement that are borne
  /// What counts as better: by this share of the best (relative), or by this much.
  double threshold = 1e-4;
  bool relative_threshold = true;
  std::int64_t cooldown = 0;         ///< steps after a reduction that are not counted
  double minimum_learning_rate = 0;  ///< where the rate stays
  double eps = 1e-8;                 ///< smaller changes of the rate are left out
};

/// torch.optim.lr_scheduler.ReduceLROnPlateau. The optimizer must outlive it.
class ReduceLROnPlateau {
 public:
  /// @throws ShapeError unless 0 <= factor < 1 and no other option is negative.
  explicit ReduceLROnPlateau(Optimizer& optimizer, const ReduceLROnPlateauOptions& options = {});
  ReduceLROnPlateau(const ReduceLROnPlateau&) = delete;
  ReduceLROnPlateau& operator=(const ReduceLROnPlateau&) = delete;

  /// After each epoch. NaN is no improvement.
  void step(double metric);
  double best() const { return best_; }
  double learning_rate() const { return optimizer_.learning_rate(); }

  /// What a resumed run needs: "best", "bad_steps", "cooldown_left" and "learning_rate".
  State state() const;
  /// @throws KeyError unless the state has exactly those names.
  void load_state(const State& state);

 private:
  bool better(double metric) const;

  Optimizer& optimizer_;
  ReduceLROnPlateauOptions options_;
  double best_;
  std::int64_t bad_steps_ = 0;
  std::int64_t cooldown_left_ = 0;
};

}  // namespace optim
}  // namespace voxgrad
