// Ctrl-C as a request: the program finishes its step, saves and ends.
#pragma once

#include <csignal>

namespace voxgrad::examples {

/// While one lives, the first SIGINT or SIGTERM only sets a flag; a second one ends the program at
/// once, as by default. One at a time in a program.
class Interrupt {
 public:
  /// @throws std::logic_error when another one lives.
  Interrupt();
  ~Interrupt();
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;

  /// True from the first signal on.
  bool requested() const;

 private:
  struct sigaction old_int_ {};
  struct sigaction old_term_ {};
};

}  // namespace voxgrad::examples
