// The cancel flag and hook of core/parallel.h.
#include <memory>
#include <mutex>
#include <utility>

#include <atomic>

#include <voxgrad/core/error.h>
#include <voxgrad/core/fork.h>
#include <voxgrad/core/parallel.h>
#include <voxgrad/core/tile_gate.h>

namespace voxgrad {

namespace {

using Hook = std::function<bool()>;

std::atomic<bool> requested{false};
static_assert(std::atomic<bool>::is_always_lock_free,
              "request_cancel is called by signal handlers");
std::atomic<bool> has_hook{false};

thread_local int no_cancel_scopes = 0;

struct HookSlot {
  std::mutex mutex;
  std::shared_ptr<const Hook> hook;
};

/// Never destroyed: threads may still poll while the process ends.
HookSlot& hook_slot() {
  static HookSlot* const slot = new HookSlot;
  [[maybe_unused]] static const bool fork_waits_for_it = [] {
    internal::set_fork_handler(internal::ForkStage::cancel_hook,
                               {.acquire = [] { slot->mutex.lock(); },
                                .in_parent = [] { slot->mutex.unlock(); },
                                .in_child = [] { slot->mutex.unlock(); }});
    return true;
  }();
  return *slot;
}

bool hook_cancels() {
  std::shared_ptr<const Hook> hook;
  {
    const std::lock_guard lock(hook_slot().mutex);
    hook = hook_slot().hook;
  }
  const internal::BetweenTiles aside;
  return hook != nullptr && (*hook)();
}

}  // namespace

void set_cancel_hook(std::function<bool()> hook) {
  auto next = hook ? std::make_shared<const Hook>(std::move(hook)) : nullptr;
  const std::lock_guard lock(hook_slot().mutex);
  has_hook.store(next != nullptr);
  hook_slot().hook.swap(next);
}

void request_cancel() noexcept { requested.store(true); }
void clear_cancel() noexcept { requested.store(false); }

void poll_cancel() {
  if (no_cancel_scopes > 0) return;
  // Within a tile the hook may not be asked: a fork may wait for the tile while it holds what the
  // hook wants.
  const bool may_ask = has_hook.load(std::memory_order_relaxed) && !internal::tile_state().in_body;
  if (requested.load(std::memory_order_relaxed) || (may_ask && hook_cancels())) {
    throw Cancelled("parallel_for: the call was cancelled before it was done");
  }
}

NoCancel::NoCancel() { ++no_cancel_scopes; }
NoCancel::~NoCancel() { --no_cancel_scopes; }

}  // namespace voxgrad
