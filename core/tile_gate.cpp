#include <voxgrad/core/tile_gate.h>

#include <atomic>
#include <chrono>
#include <thread>

#include <voxgrad/core/fork.h>

namespace voxgrad::internal {

namespace {

// Both orders of "I entered" against "a fork waits" are seen by at least one side: all accesses are
// seq_cst.
std::atomic<int> threads_inside{0};
std::atomic<int> forks_waiting{0};
void (*after_fork)() = nullptr;

thread_local TileState state;

void pause_shortly() { std::this_thread::sleep_for(std::chrono::microseconds(50)); }

void enter() {
  for (;;) {
    threads_inside.fetch_add(1);
    if (forks_waiting.load() == 0) return;
    threads_inside.fetch_sub(1);
    while (forks_waiting.load() != 0) pause_shortly();
  }
}

void leave() { threads_inside.fetch_sub(1); }

void close_gate() {
  forks_waiting.fetch_add(1);
  // A body that forks would wait for itself.
  while (state.entered == 0 && threads_inside.load() != 0) pause_shortly();
}

void open_in_parent() { forks_waiting.fetch_sub(1); }

void open_in_child() {
  threads_inside.store(state.entered > 0 ? 1 : 0);
  forks_waiting.store(0);
  if (after_fork != nullptr) after_fork();
}

}  // namespace

TileState& tile_state() { return state; }

bool fork_waits() { return forks_waiting.load(std::memory_order_relaxed) != 0; }

void yield_to_fork() {
  leave();
  enter();
}

void guard_forks(void (*in_child)()) {
  after_fork = in_child;
  set_fork_handler(ForkStage::tiles, {close_gate, open_in_parent, open_in_child});
}

InTiles::InTiles(int slot) : saved_(state) {
  if (saved_.entered == 0) enter();
  state = {.slot = slot, .in_body = false, .entered = saved_.entered + 1};
}

InTiles::~InTiles() {
  state = saved_;
  if (saved_.entered == 0) leave();
}

BetweenTiles::BetweenTiles() : saved_(state) {
  if (saved_.entered > 0) leave();
  state = {};
}

BetweenTiles::~BetweenTiles() {
  if (saved_.entered > 0) enter();
  state = saved_;
}

}  // namespace voxgrad::internal
