// What the tests of the thread pool share.
#pragma once

#include <chrono>
#include <thread>

#include <voxgrad/core/parallel.h>

namespace voxgrad::testing {

/// Sets the number of threads for one test.
class Threads {
 public:
  explicit Threads(int count) : before_(num_threads()) { set_num_threads(count); }
  ~Threads() { set_num_threads(before_); }

 private:
  const int before_;
};

inline void linger(int microseconds = 200) {
  std::this_thread::sleep_for(std::chrono::microseconds(microseconds));
}

/// Waits until `done()`; false after ten seconds.
template <typename Done>
bool comes_true(const Done& done) {
  for (int i = 0; i < 100000 && !done(); ++i) linger(100);
  return done();
}

/// Clears flag and hook whatever the test does.
struct CancelScope {
  ~CancelScope() {
    clear_cancel();
    set_cancel_hook({});
  }
};

}  // namespace voxgrad::testing
