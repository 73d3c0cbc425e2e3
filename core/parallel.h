// The thread pool. Work is split by shape into numbered tiles; which thread runs a tile never
// changes a result.
#pragma once

#include <functional>

#include <voxgrad/core/shape.h>

namespace [[gnu::visibility("default")]] voxgrad {

/// Threads that parallel_for uses, the caller included. At first VOXGRAD_NUM_THREADS if that is a
/// whole number from 1 to 1024. Otherwise (with a message on stderr, if it is anything) the CPUs
/// this process may use: the smaller of its affinity mask and its cgroup's quota, rounded up.
int num_threads();

/// Waits for the pool's threads to end what they run, then makes new ones at the next call that
/// needs them.
/// @throws ShapeError unless 1 <= count <= 1024, and when called from inside parallel_for.
void set_num_threads(int count);

/// Runs body(0) ... body(count - 1), each once, on up to `max_threads` threads (0: all), the caller
/// among them; returns when all are done. Each thread takes neighbouring tiles in ascending order,
/// from places far apart, then what is left elsewhere. The first exception of a body is rethrown
/// after the other threads stopped. Bodies run in the caller's floating-point environment.
///
/// Called from inside a body it runs its tiles in order on the calling thread; a call with one tile
/// does not count as a body for this, so work within it may still use the pool. Several threads may
/// call at once: each works on its own tiles and the pool's threads help all of them. A fork()
/// waits until no tile runs, and the child makes its own pool; a fork by a body itself is for exec
/// only.
/// @throws Cancelled when the cancel hook or request_cancel says so between two tiles of the
/// calling thread (never inside a NoCancel scope). @throws ShapeError when count or max_threads is
/// negative.
void parallel_for(Index count, const std::function<void(Index)>& body, int max_threads = 0);

/// Which of the call's threads runs the current body: in [0, min(num_threads(), max_threads)),
/// different for all bodies of one call that run at the same time; 0 in a call that runs on its
/// caller alone, and outside parallel_for. For the scratch memory of that call only: results must
/// not depend on it.
int thread_index();

/// Splits [0, total) into ranges of `grain` (the last may be shorter) and runs body(begin, end) for
/// each. The grain, and so the split, follows from the problem, never from the number of threads.
/// @throws ShapeError when total < 0 or grain < 1; else as parallel_for.
void parallel_ranges(Index total, Index grain, const std::function<void(Index, Index)>& body);

/// Asked by the calling thread before each tile it takes and by the autograd engine between nodes;
/// true ends the call with Cancelled. No tile of the asking thread runs meanwhile, so the hook may
/// take locks (Python's GIL). An empty hook (the default) never cancels. Python installs one that
/// looks for Ctrl-C.
void set_cancel_hook(std::function<bool()> hook);

/// Asks running and later calls to end with Cancelled, until clear_cancel(). Async-signal-safe.
void request_cancel() noexcept;
void clear_cancel() noexcept;

/// Throws Cancelled when the hook or request_cancel says so and no NoCancel scope is open on this
/// thread. Within a body the hook is not asked.
void poll_cancel();

/// While one lives, calls of this thread run to their end: for operations that write in place,
/// which must not stop half-way.
class NoCancel {
 public:
  NoCancel();
  ~NoCancel();
  NoCancel(const NoCancel&) = delete;
  NoCancel& operator=(const NoCancel&) = delete;
};

}  // namespace voxgrad
