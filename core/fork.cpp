#include <voxgrad/core/fork.h>

#include <pthread.h>

#include <array>
#include <atomic>
#include <cstddef>

namespace voxgrad::internal {

namespace {

using Handlers = std::array<const ForkHandler*, kForkStages>;

std::array<std::atomic<const ForkHandler*>, kForkStages> registered{};

// What this thread acquired for the fork in progress: another thread may register a handler
// meanwhile.
thread_local Handlers acquired{};

void acquire_all() {
  for (std::size_t stage = 0; stage < acquired.size(); ++stage) {
    acquired[stage] = registered[stage].load();
    if (acquired[stage] != nullptr) acquired[stage]->acquire();
  }
}

void give_back_all(void (*ForkHandler::*step)()) {
  for (std::size_t stage = acquired.size(); stage-- > 0;) {
    if (acquired[stage] != nullptr) (acquired[stage]->*step)();
  }
}

}  // namespace

void set_fork_handler(ForkStage stage, const ForkHandler& handler) {
  [[maybe_unused]] static const int once = pthread_atfork(
      acquire_all, [] { give_back_all(&ForkHandler::in_parent); },
      [] { give_back_all(&ForkHandler::in_child); });
  registered[static_cast<std::size_t>(stage)].store(new ForkHandler(handler));
}

}  // namespace voxgrad::internal
