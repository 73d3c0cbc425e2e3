#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include <voxgrad/core/error.h>
#include <voxgrad/core/parallel.h>

#include "tests/core/pool_helpers.h"

namespace voxgrad {
namespace {

using namespace testing;

TEST(Cancel, RequestEndsRunningAndLaterCallsUntilCleared) {
  const CancelScope scope;
  for (const int threads : {1, 3}) {
    const Threads pool(threads);
    std::atomic<int> run{0};
    EXPECT_THROW(parallel_for(100000,
                              [&](Index) {
                                if (++run == 5) request_cancel();
                                linger(20);
                              }),
                 Cancelled);
    EXPECT_LT(run, 50000);
    EXPECT_THROW(parallel_for(3, [](Index) {}), Cancelled);
    EXPECT_THROW(parallel_for(1, [](Index) {}), Cancelled);
    EXPECT_THROW(poll_cancel(), Cancelled);
    clear_cancel();
    EXPECT_NO_THROW(parallel_for(3, [](Index) {}));
  }
}

TEST(Cancel, HookIsAskedByTheCallingThreadBetweenItsTilesOnly) {
  const CancelScope scope;
  const Threads pool(3);
  const auto caller = std::this_thread::get_id();
  std::atomic<int> asked{0};
  std::atomic<int> elsewhere{0};
  thread_local bool in_tile = false;
  set_cancel_hook([&] {
    ++asked;
    if (std::this_thread::get_id() != caller || in_tile) ++elsewhere;
    return asked == 4;
  });
  EXPECT_THROW(parallel_for(100000,
                            [&](Index) {
                              in_tile = true;
                              parallel_for(2, [](Index) {});
                              linger(20);
                              in_tile = false;
                            }),
               Cancelled);
  EXPECT_EQ(asked, 4);
  EXPECT_EQ(elsewhere, 0);
}

TEST(Cancel, HookMayCallParallelForAndChangeTheNumberOfThreads) {
  const CancelScope scope;
  const Threads pool(2);
  std::atomic<int> from_hook{0};
  bool called = false;
  set_cancel_hook([&] {
    if (called) return false;
    called = true;
    parallel_for(4, [&](Index) { ++from_hook; });
    set_num_threads(3);
    return false;
  });
  std::atomic<int> run{0};
  parallel_for(100, [&](Index) { ++run; });
  EXPECT_EQ(from_hook, 4);
  EXPECT_EQ(run, 100);
  EXPECT_EQ(num_threads(), 3);
}

TEST(Cancel, NoCancelLetsCallsRunToTheirEnd) {
  const CancelScope scope;
  const Threads pool(2);
  set_cancel_hook([] { return true; });
  request_cancel();
  std::atomic<int> run{0};
  {
    const NoCancel outer;
    { const NoCancel inner; }
    parallel_for(20, [&](Index) { ++run; });
    EXPECT_NO_THROW(poll_cancel());
  }
  EXPECT_EQ(run, 20);
  EXPECT_THROW(poll_cancel(), Cancelled);
}

}  // namespace
}  // namespace voxgrad
