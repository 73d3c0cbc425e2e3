#include <voxgrad/core/fork.h>

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <mutex>
#include <thread>
#include <vector>

#include <voxgrad/core/backend.h>
#include <voxgrad/core/parallel.h>

#include "tests/core/pool_helpers.h"

// ThreadSanitizer refuses threads in the child of a process that had several.
#if !defined(__SANITIZE_THREAD__)

namespace voxgrad {
namespace {

using namespace testing;

// Before a test forks, its threads and the pool's must have started: a thread that is starting may
// hold a lock of AddressSanitizer's own, which no fork waits for.

/// Runs `child` in a forked process; true if it returned true within a minute.
template <typename Child>
bool forked_child_succeeds(const Child& child) {
  const pid_t pid = fork();
  if (pid == 0) {
    alarm(60);
    _exit(child() ? 0 : 1);
  }
  int status = -1;
  waitpid(pid, &status, 0);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/// All threads of the pool meet in one call: false where there are none.
bool pool_works(int threads) {
  std::atomic<int> inside{0};
  std::atomic<int> met{0};
  parallel_for(threads, [&](Index) {
    ++inside;
    if (comes_true([&] { return inside == threads; })) ++met;
  });
  return met == threads;
}

TEST(Fork, ChildMakesThePoolAnewWhileOtherThreadsCompute) {
  const Threads scope(3);
  std::atomic<bool> stop{false};
  std::vector<std::thread> computing;
  std::atomic<int> calls[2] = {};
  for (std::atomic<int>& mine : calls) {
    computing.emplace_back([&] {
      while (!stop) {
        parallel_for(50, [&](Index) {
          void* block = backend(Device{}).allocate(3000);
          backend(Device{}).release(block, 3000);
        });
        ++mine;
      }
    });
  }
  EXPECT_TRUE(comes_true([&] { return calls[0] > 10 && calls[1] > 10; }));
  EXPECT_TRUE(pool_works(3));
  for (int i = 0; i < 20; ++i) {
    EXPECT_TRUE(forked_child_succeeds([] {
      void* block = backend(Device{}).allocate(3000);
      backend(Device{}).release(block, 3000);
      if (num_threads() != 3 || !pool_works(3)) return false;
      set_num_threads(2);
      return pool_works(2);
    }));
    EXPECT_TRUE(pool_works(3));
  }
  stop = true;
  for (std::thread& thread : computing) thread.join();
}

TEST(Fork, WaitsUntilNoTileRuns) {
  const Threads scope(2);
  EXPECT_TRUE(pool_works(2));
  std::atomic<int> inside{0};
  std::atomic<bool> started{false}, stop{false};
  std::thread computing([&] {
    while (!stop) {
      parallel_for(8, [&](Index) {
        ++inside;
        linger(300);
        --inside;
      });
      parallel_for(1, [&](Index) {
        ++inside;
        linger(300);
        --inside;
      });
      started = true;
    }
  });
  EXPECT_TRUE(comes_true([&] { return started.load(); }));
  for (int i = 0; i < 20; ++i) {
    linger(700);
    EXPECT_TRUE(forked_child_succeeds([&] { return inside == 0; }));
  }
  stop = true;
  computing.join();
}

TEST(Fork, DoesNotWaitForACancelHookThatWaitsForTheForkingThread) {
  const CancelScope cancel;
  const Threads scope(2);
  EXPECT_TRUE(pool_works(2));
  std::mutex interpreter_lock;  // what Python's GIL would be
  std::atomic<bool> started{false}, stop{false};
  set_cancel_hook([&] {
    const std::lock_guard lock(interpreter_lock);
    return false;
  });
  std::thread computing([&] {
    while (!stop) {
      parallel_for(100, [](Index) { linger(10); });
      parallel_for(1, [](Index) { parallel_for(10, [](Index) { linger(10); }); });
      started = true;
    }
  });
  EXPECT_TRUE(comes_true([&] { return started.load(); }));
  for (int i = 0; i < 20; ++i) {
    linger(300);
    const std::lock_guard lock(interpreter_lock);
    EXPECT_TRUE(forked_child_succeeds([] {
      set_cancel_hook({});
      return pool_works(2);
    }));
  }
  stop = true;
  computing.join();
}

TEST(Fork, WithinTheCancelHookTheChildEndsTheCall) {
  const CancelScope cancel;
  const Threads scope(3);
  EXPECT_TRUE(pool_works(3));
  std::atomic<int> run{0};
  pid_t child = -1;
  set_cancel_hook([&] {
    if (child < 0 && run > 4) child = fork();
    if (child == 0) alarm(60);
    return false;
  });
  parallel_for(4000, [&](Index) {
    linger(50);
    ++run;
  });
  if (child == 0) _exit(run == 4000 && pool_works(3) ? 0 : 1);
  int status = -1;
  ASSERT_GT(child, 0);
  waitpid(child, &status, 0);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  EXPECT_EQ(run, 4000);
}

}  // namespace
}  // namespace voxgrad

#endif
