// Threads that leave signals to the program.
#pragma once

#include <csignal>

namespace [[gnu::visibility("default")]] voxgrad {

/// While one lives, this thread takes no signals but those that a fault raises, and neither do,
/// for good, the threads that it starts: handlers are for the program's own threads.
class SignalsBlocked {
 public:
  SignalsBlocked();
  ~SignalsBlocked();
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;

 private:
  sigset_t before_;
};

}  // namespace voxgrad
