// Repeated timing: minimum and median.
#pragma once

#include <algorithm>
#include <chrono>
#include <vector>

namespace voxgrad::bench {

/// Seconds since any moment.
inline double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

/// Seconds.
struct Times {
  double minimum = 0;
  double median = 0;
};

inline Times summarize(std::vector<double> seconds) {
  std::ranges::sort(seconds);
  const std::size_t middle = seconds.size() / 2;
  const double median =
      seconds.size() % 2 == 1 ? seconds[middle] : (seconds[middle - 1] + seconds[middle]) / 2;
  return {seconds.front(), median};
}

/// Runs f once to warm up, then `repeats` times.
template <typename F>
Times measure(int repeats, F&& f) {
  f();
  std::vector<double> seconds;
  for (int i = 0; i < repeats; ++i) {
    const double start = now();
    f();
    seconds.push_back(now() - start);
  }
  return summarize(std::move(seconds));
}

}  // namespace voxgrad::bench
