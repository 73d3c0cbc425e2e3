// The thread pool. Work is split by shape into numbered tiles; which thread runs a tile never changes a result.
#pragma once

#include <functional>

#include <voxgrad/core/shape.h>

namespace [[gnu::visibility("default")]] voxgrad {

/// Threads that parallel_for uses, the caller included. At first VOXGRAD_NUM_THREADS if set, else the cores this process may
/// use: the smaller of its affinity mask and its cgroup's CPU quota, rounded up.
int num_threads();

/// @throws ShapeError unless 1 <= count <= 1024. Not to be called from inside parallel_for.
void set_num_threads(int count);

/// Runs body(0) ... body(count - 1), each once, on up to `max_threads` threads of the pool (0: all), the caller among them;
/// returns when all are done. Tiles are handed out in ascending order. The first exception of a body is rethrown after the
/// other threads stopped taking tiles. Called from inside a body it runs the tiles in order on the calling thread.
/// @throws Cancelled between tiles when the cancel hook says so (never inside a NoCancel scope).
void parallel_for(Index count, const std::function<void(Index)>& body, int max_threads = 0);

/// Number of the pool's thread that runs the current body, in [0, num_threads()); 0 outside parallel_for. For scratch memory only:
/// results must not depend on it.
int thread_index();

/// Splits [0, total) into ranges of `grain` (the last may be shorter) and runs body(begin, end) for each. The grain, and so the
/// split, follows from the problem, never from the number of threads.
void parallel_ranges(Index total, Index grain, const std::function<void(Index, Index)>& body);

/// Asked by the calling thread between tiles and by the autograd engine between nodes; true ends the call with Cancelled.
/// An empty hook (the default) never cancels. Python installs one that looks for Ctrl-C.
void set_cancel_hook(std::function<bool()> hook);

/// Asks running and later calls to end with Cancelled, until clear_cancel(). Async-signal-safe.
void request_cancel() noexcept;
void clear_cancel() noexcept;

/// Throws Cancelled when the hook or request_cancel says so and no NoCancel scope is open on this thread.
void poll_cancel();

/// While one lives, calls of this thread run to their end: for operations that write in place, which must not stop half-way.
class NoCancel {
 public:
  NoCancel();
  ~NoCancel();
  NoCancel(const NoCancel&) = delete;
  NoCancel& operator=(const NoCancel&) = delete;
};

}  // namespace voxgrad
