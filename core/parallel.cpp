// A pool whose threads help all running calls. Each parallel_for is a Job on its caller's stack:
// published in the pool's list, worked on by its caller and by the helpers that join, withdrawn
// when its tiles are taken, and left when no helper is active. A caller needs no helper to end, so
// calls from many threads cannot wait for each other. Start at Pool::run.
#include <voxgrad/core/parallel.h>

#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <cfenv>
#include <charconv>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include <voxgrad/core/check.h>
#include <voxgrad/core/signals.h>
#include <voxgrad/core/system_limits.h>
#include <voxgrad/core/tile_gate.h>
#include <voxgrad/core/wake_elsewhere.h>

namespace voxgrad {

namespace {

using internal::BetweenTiles;
using internal::InTiles;
using internal::tile_state;

constexpr int kMostThreads = 1024;
// Calls come in quick succession: waking a sleeping thread costs more than to spin this long.
constexpr auto kSpin = std::chrono::microseconds(40);
// Threads take tiles from ranges of their own while there are any: what neighbouring tiles share is
// then in a core's own cache. More threads than this share ranges.
constexpr int kMostLanes = 64;
// More helpers take the caller longer to steer than they gain: some land elsewhere anyway.
constexpr int kMostSteered = 3;

void relax() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

/// Waits for `done()` for a short while; false when it did not come true.
template <typename Done>
bool spin_until(bool allowed, const Done& done) {
  if (done()) return true;
  if (!allowed) return false;
  const auto deadline = std::chrono::steady_clock::now() + kSpin;
  do {
    for (int i = 0; i < 16; ++i) {
      if (done()) return true;
      relax();
    }
  } while (std::chrono::steady_clock::now() < deadline);
  return done();
}

/// Calls within a body run inline, calls of the cancel hook between two bodies need not.
void run_tile(const std::function<void(Index)>& body, Index tile) {
  tile_state().in_body = true;
  body(tile);
  tile_state().in_body = false;  // after an exception ~InTiles does this
}

/// A range of tiles, handed out in ascending order, on a cache line of its own.
struct alignas(64) Lane {
  std::atomic<Index> next{0};
  Index end = 0;

  bool has_tiles() const { return next.load(std::memory_order_relaxed) < end; }
};

struct Job {
  Job(Index tiles, const std::function<void(Index)>& of, int helpers)
      : count(tiles), body(of), helpers_wanted(helpers), lanes(std::min(helpers + 1, kMostLanes)) {
    for (int i = 0; i < lanes; ++i) {
      lane[i].next.store(first_tile(i), std::memory_order_relaxed);
      lane[i].end = first_tile(i + 1);
    }
  }

  const Index count;
  const std::function<void(Index)>& body;
  const int helpers_wanted;
  const int lanes;
  Lane lane[kMostLanes];
  std::fenv_t environment{};
  std::atomic<bool> stop{false};
  std::atomic<int> active{0};  // helpers inside; grows under the pool's mutex only
  int joined = 0;              // helpers that ever joined; under the pool's mutex
  bool caller_sleeps = false;  // under the pool's mutex
  std::mutex error_mutex;
  std::exception_ptr error;

  // In nearly equal parts, without multiplying a count that may be as large as it likes.
  Index first_tile(int i) const { return count / lanes * i + std::min<Index>(count % lanes, i); }

  /// The first lane with tiles, from the slot's own on; null when there are no tiles.
  Lane* find_lane(int slot) {
    for (int i = 0; i < lanes; ++i) {
      Lane& each = lane[(slot + i) % lanes];
      if (each.has_tiles()) return &each;
    }
    return nullptr;
  }

  bool wants_helpers() {
    return joined < helpers_wanted && find_lane(joined + 1) != nullptr && !stop.load();
  }

  /// Takes tiles until there are none. Never throws.
  void run_tiles(int slot, bool is_caller) {
    try {
      const InTiles inside(slot);
      bool poll = false;  // Pool::run polled before it published the job
      while (!stop.load(std::memory_order_relaxed)) {
        Lane* const from = find_lane(slot);
        if (from == nullptr) return;
        if (internal::fork_waits()) internal::yield_to_fork();
        if (poll) poll_cancel();
        poll = is_caller;
        const Index tile = from->next.fetch_add(1, std::memory_order_relaxed);
        if (tile < from->end) run_tile(body, tile);
      }
    } catch (...) {
      stop.store(true);
      const std::lock_guard lock(error_mutex);
      if (error == nullptr) error = std::current_exception();
    }
  }
};

class Pool;
std::atomic<Pool*> current_pool{nullptr};

class Pool {
 public:
  Pool(int threads, int usable_cpus) : threads_(threads), usable_cpus_(usable_cpus) {}
  /// The child's pool after a fork; `before` stays reachable, for leak checkers.
  explicit Pool(Pool* before)
      : threads_(before->threads()), usable_cpus_(before->usable_cpus_), before_(before) {}

  int threads() const { return threads_.load(std::memory_order_relaxed); }

  void resize(int threads) {
    const std::lock_guard one_at_a_time(resize_mutex_);
    std::vector<std::thread> ending;
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
      ending.swap(workers_);
      published_.fetch_add(1);
    }
    work_.notify_all();
    for (std::thread& worker : ending) worker.join();
    const std::lock_guard lock(mutex_);
    stopping_ = false;
    threads_.store(threads);
  }

  void run(Job& job) {
    poll_cancel();  // before a helper can take all tiles
    std::fegetenv(&job.environment);
    publish(job);
    job.run_tiles(0, /*is_caller=*/true);
    withdraw(job);
    if (job.error != nullptr) std::rethrow_exception(job.error);
  }

 private:
  bool may_spin() const { return threads() <= usable_cpus_; }

  void publish(Job& job) {
    int to_wake = 0;
    {
      const std::lock_guard lock(mutex_);
      start_workers();
      jobs_.push_back(&job);
      published_.fetch_add(1, std::memory_order_release);
      to_wake = std::min(sleeping_, job.helpers_wanted - spinning_);
      if (to_wake > 0) steer_sleepers();
    }
    for (int i = 0; i < to_wake; ++i) work_.notify_one();
  }

  /// Returns when no helper is inside the job and none can come any more.
  void withdraw(Job& job) {
    // The cancel hook forked and this is the child: the tiles taken had ended, and their threads
    // are not here.
    if (current_pool.load() != this) return;
    {
      const std::lock_guard lock(mutex_);
      std::erase(jobs_, &job);
    }
    const BetweenTiles aside;  // else a fork would wait for us while helpers wait for the fork
    const auto left = [&] { return job.active.load(std::memory_order_acquire) == 0; };
    if (spin_until(may_spin(), left)) return;
    std::unique_lock lock(mutex_);
    job.caller_sleeps = true;
    left_.wait(lock, left);
  }

  // With the mutex held: all helpers sleep, or none is steered.
  void steer_sleepers() {
    const int count = static_cast<int>(workers_.size());
    if (sleeping_ < count || count > kMostSteered) return;
    for (int i = 0; i < count; ++i)
      wakes_[i].steer(workers_[static_cast<std::size_t>(i)].native_handle());
  }

  // With the mutex held.
  void start_workers() {
    if (stopping_ || static_cast<int>(workers_.size()) >= threads() - 1) return;
    const SignalsBlocked in_workers;
    try {
      while (static_cast<int>(workers_.size()) < threads() - 1) {
        workers_.emplace_back([this, number = workers_.size()] { work(number); });
        pthread_setname_np(workers_.back().native_handle(), "voxgrad");
      }
    } catch (const std::exception&) {
      // The system gives no more threads, or no memory for them: fewer do the same work.
    }
  }

  void work(std::size_t number) {
    std::unique_lock lock(mutex_);
    while (!stopping_) {
      if (Job* job = find_job()) {
        help(*job, lock);
        continue;
      }
      const std::uint64_t seen = published_.load(std::memory_order_relaxed);
      const auto news = [&] { return published_.load(std::memory_order_acquire) != seen; };
      ++spinning_;
      lock.unlock();
      const bool came = spin_until(may_spin(), news);
      lock.lock();
      --spinning_;
      if (came || stopping_) continue;
      ++sleeping_;
      work_.wait(lock, news);
      --sleeping_;
      if (number < kMostSteered) wakes_[number].restore();
    }
  }

  /// The job with the fewest helpers among those that want one. With the mutex held.
  Job* find_job() const {
    Job* best = nullptr;
    for (Job* job : jobs_) {
      if (job->wants_helpers() && (best == nullptr || job->joined < best->joined)) best = job;
    }
    return best;
  }

  void help(Job& job, std::unique_lock<std::mutex>& lock) {
    const int slot = ++job.joined;
    job.active.fetch_add(1, std::memory_order_relaxed);
    // The publisher may have counted on a spinning thread that went elsewhere.
    const bool wake_another = sleeping_ > 0 && spinning_ == 0 && job.wants_helpers();
    lock.unlock();
    if (wake_another) work_.notify_one();
    std::fesetenv(&job.environment);
    job.run_tiles(slot, /*is_caller=*/false);
    lock.lock();
    const bool caller_sleeps = job.caller_sleeps;
    // The job may end with this: nothing touches it below.
    const bool last = job.active.fetch_sub(1, std::memory_order_release) == 1;
    if (last && caller_sleeps) left_.notify_all();
  }

  std::atomic<int> threads_;
  const int usable_cpus_;
  [[maybe_unused]] Pool* const before_ = nullptr;
  std::mutex resize_mutex_;
  std::mutex mutex_;
  std::condition_variable work_;  // a job was published, or the workers shall end
  std::condition_variable left_;  // a job's last helper left
  std::vector<Job*> jobs_;
  std::vector<std::thread> workers_;
  internal::WakeElsewhere wakes_[kMostSteered];  // of the first workers
  std::atomic<std::uint64_t> published_{0};      // changes under the mutex; workers spin on it
  int sleeping_ = 0;
  int spinning_ = 0;
  bool stopping_ = false;
};

int initial_threads(int usable_cpus) {
  const int detected = std::min(usable_cpus, kMostThreads);
  const char* wanted = std::getenv("VOXGRAD_NUM_THREADS");
  if (wanted == nullptr || *wanted == '\0') return detected;
  int count = 0;
  const char* end = wanted + std::strlen(wanted);
  const auto [rest, error] = std::from_chars(wanted, end, count);
  if (error == std::errc() && rest == end && 1 <= count && count <= kMostThreads) return count;
  std::fprintf(stderr, "voxgrad: %d threads (VOXGRAD_NUM_THREADS=%s is no number from 1 to %d)\n",
               detected, wanted, kMostThreads);
  return detected;
}

/// Never destroyed: threads of the program may still use it while the process ends.
Pool& pool() {
  if (Pool* made = current_pool.load(std::memory_order_acquire)) return *made;
  [[maybe_unused]] static const bool once = [] {
    const int cpus = internal::usable_cpus();
    current_pool.store(new Pool(initial_threads(cpus), cpus));
    // The child has none of the threads.
    internal::guard_forks([] { current_pool.store(new Pool(current_pool.load())); });
    return true;
  }();
  return *current_pool.load();
}

void run_one(const std::function<void(Index)>& body) {
  const bool nested = tile_state().in_body;
  if (!nested) poll_cancel();
  const InTiles inside(0);
  tile_state().in_body = nested;
  body(0);
}

void run_alone(Index count, const std::function<void(Index)>& body) {
  const bool nested = tile_state().in_body;
  const InTiles inside(0);
  for (Index tile = 0; tile < count; ++tile) {
    if (!nested) {
      if (internal::fork_waits()) internal::yield_to_fork();
      poll_cancel();
    }
    run_tile(body, tile);
  }
}

}  // namespace

int num_threads() { return pool().threads(); }

void set_num_threads(int count) {
  VG_CHECK(1 <= count && count <= kMostThreads, ShapeError,
           "set_num_threads: count must be in [1, {}]; got {}", kMostThreads, count);
  VG_CHECK(!tile_state().in_body, ShapeError,
           "set_num_threads: must not be called from inside parallel_for; got count {}", count);
  pool().resize(count);
}

int thread_index() { return tile_state().slot; }

void parallel_for(Index count, const std::function<void(Index)>& body, int max_threads) {
  VG_CHECK(count >= 0 && max_threads >= 0, ShapeError,
           "parallel_for: count and max_threads must be >= 0; got {} and {}", count, max_threads);
  Pool& current = pool();  // also where there is no use for it: it is what makes fork() wait
  if (count == 0) return;
  if (count == 1) return run_one(body);
  auto threads = std::min(static_cast<Index>(current.threads()), count);
  if (max_threads > 0) threads = std::min(threads, static_cast<Index>(max_threads));
  if (threads == 1 || tile_state().in_body) return run_alone(count, body);
  Job job(count, body, static_cast<int>(threads) - 1);
  current.run(job);
}

void parallel_ranges(Index total, Index grain, const std::function<void(Index, Index)>& body) {
  VG_CHECK(total >= 0 && grain >= 1, ShapeError,
           "parallel_ranges: total must be >= 0 and grain >= 1; got {} and {}", total, grain);
  const Index count = total / grain + (total % grain != 0 ? 1 : 0);
  parallel_for(count, [&](Index range) {
    const Index begin = range * grain;
    body(begin, std::min(total - begin, grain) + begin);
  });
}

}  // namespace voxgrad
