#include "examples/support/interrupt.h"

#include <atomic>
#include <stdexcept>

namespace voxgrad::examples {
namespace {

// Process-wide because a signal handler has no other way to tell.
std::atomic<bool> interrupt_requested{false};
std::atomic<bool> interrupt_installed{false};
static_assert(std::atomic<bool>::is_always_lock_free);

extern "C" void on_signal(int) {
  interrupt_requested.store(true);
  // The next signal of either kind ends the program.
  struct sigaction action {};
  action.sa_handler = SIG_DFL;
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

}  // namespace

Interrupt::Interrupt() {
  if (interrupt_installed.exchange(true)) {
    throw std::logic_error("Interrupt: one at a time; another one lives");
  }
  interrupt_requested.store(false);
  struct sigaction action {};
  action.sa_handler = on_signal;
  action.sa_flags = SA_RESTART;
  sigemptyset(&action.sa_mask);
  sigaddset(&action.sa_mask, SIGINT);
  sigaddset(&action.sa_mask, SIGTERM);
  // Also where the shell had a background job ignore SIGINT: kill -INT must reach it.
  sigaction(SIGINT, &action, &old_int_);
  sigaction(SIGTERM, &action, &old_term_);
}

Interrupt::~Interrupt() {
  sigaction(SIGINT, &old_int_, nullptr);
  sigaction(SIGTERM, &old_term_, nullptr);
  interrupt_installed.store(false);
}

bool Interrupt::requested() const { return interrupt_requested.load(); }

}  // namespace voxgrad::examples
