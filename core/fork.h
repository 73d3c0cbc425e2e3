// Internal: what a fork() waits for, so that the child inherits no lock that nobody will ever
// release.
#pragma once

namespace [[gnu::visibility("default")]] voxgrad {
namespace internal {

/// The order in which the forking thread acquires; it gives back in the reverse order. What a tile
/// may lock stands after the tiles.
enum class ForkStage { tiles, generator, graph, cancel_hook, allocator };
inline constexpr int kForkStages = 5;

/// Called by the thread that forks: `acquire` before, `in_parent` and `in_child` after.
struct ForkHandler {
  void (*acquire)();
  void (*in_parent)();
  void (*in_child)();
};

/// Sets a stage's handler, for good.
void set_fork_handler(ForkStage stage, const ForkHandler& handler);

}  // namespace internal
}  // namespace voxgrad
