// Internal: what a thread is doing with respect to tiles, and the gate that lets fork() wait until
// no tile runs.
//
// A thread is inside the gate while it runs tiles. It steps out between two tiles when a fork
// waits, while it calls the cancel hook (which may wait for a lock that the forking thread holds)
// and while it waits for other threads.
#pragma once

namespace voxgrad::internal {

/// Of the running thread.
struct TileState {
  int slot = 0;          // what thread_index() says
  bool in_body = false;  // a parallel_for called now runs inline
  int entered = 0;       // scopes of InTiles that are open
};
TileState& tile_state();

/// True while a thread wants to fork; then running threads shall call yield_to_fork() between
/// tiles.
bool fork_waits();
void yield_to_fork();

/// Registers the gate's fork handler; `in_child` runs in the child before the gate opens there.
void guard_forks(void (*in_child)());

/// Open while this thread runs tiles; restores the state that it found.
class InTiles {
 public:
  explicit InTiles(int slot);
  ~InTiles();
  InTiles(const InTiles&) = delete;
  InTiles& operator=(const InTiles&) = delete;

 private:
  const TileState saved_;
};

/// Open while this thread, between tiles, calls or waits for others; restores the state that it
/// found.
class BetweenTiles {
 public:
  BetweenTiles();
  ~BetweenTiles();
  BetweenTiles(const BetweenTiles&) = delete;
  BetweenTiles& operator=(const BetweenTiles&) = delete;

 private:
  const TileState saved_;
};

}  // namespace voxgrad::internal
