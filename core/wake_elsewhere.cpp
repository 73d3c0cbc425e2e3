#include <voxgrad/core/wake_elsewhere.h>

namespace voxgrad::internal {
#if defined(__linux__)

void WakeElsewhere::steer(pthread_t thread) noexcept {
  const int cpu = sched_getcpu();
  if (steered_ || cpu < 0 || cpu >= CPU_SETSIZE) return;
  if (pthread_getaffinity_np(thread, sizeof(before_), &before_) != 0) return;
  if (!CPU_ISSET(cpu, &before_) || CPU_COUNT(&before_) < 2) return;
  steered_to_ = before_;
  CPU_CLR(cpu, &steered_to_);
  steered_ = pthread_setaffinity_np(thread, sizeof(steered_to_), &steered_to_) == 0;
}

void WakeElsewhere::restore() noexcept {
  if (!steered_) return;
  steered_ = false;
  cpu_set_t now;
  const bool untouched = pthread_getaffinity_np(pthread_self(), sizeof(now), &now) == 0 &&
                         CPU_EQUAL(&now, &steered_to_);
  if (untouched) pthread_setaffinity_np(pthread_self(), sizeof(before_), &before_);
}

#else

void WakeElsewhere::steer(pthread_t) noexcept {}
void WakeElsewhere::restore() noexcept {}

#endif
}  // namespace voxgrad::internal
