// Internal: where a sleeping thread wakes. Linux often wakes it on its waker's own CPU, when both
// slept long enough, and moves it elsewhere only milliseconds later: until then the two share it.
#pragma once

#include <pthread.h>
#if defined(__linux__)
#include <sched.h>
#endif

namespace [[gnu::visibility("default")]] voxgrad {
namespace internal {

/// Of one thread; guarded by whatever guards its sleep.
class WakeElsewhere {
 public:
  /// Before the caller wakes `thread`: takes the caller's CPU from those where it may run, if any
  /// other is among them.
  void steer(pthread_t thread) noexcept;
  /// By the thread itself, awake: it may run where it might before, unless somebody else has
  /// decided about that in the meantime.
  void restore() noexcept;

 private:
#if defined(__linux__)
  bool steered_ = false;
  cpu_set_t before_, steered_to_;
#endif
};

}  // namespace internal
}  // namespace voxgrad
