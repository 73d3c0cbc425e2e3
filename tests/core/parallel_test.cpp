#include <voxgrad/core/parallel.h>

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cfenv>
#include <cstdio>
#include <cstring>
#include <limits>
#include <mutex>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <voxgrad/core/error.h>

#include "tests/core/pool_helpers.h"

namespace voxgrad {
namespace {

using namespace testing;

TEST(ParallelFor, RunsEachTileOnceForAnyNumberOfThreads) {
  for (const int threads : {1, 2, 3, 8}) {
    const Threads scope(threads);
    EXPECT_EQ(num_threads(), threads);
    for (const Index count : {0, 1, 2, 7, 1000}) {
      std::vector<std::atomic<int>> runs(static_cast<std::size_t>(count));
      parallel_for(count, [&](Index tile) { ++runs[static_cast<std::size_t>(tile)]; });
      for (const auto& run : runs) ASSERT_EQ(run, 1) << threads << " threads, " << count;
    }
  }
}

TEST(ParallelFor, UsesSeveralThreadsAtOnce) {
  const Threads scope(3);
  std::atomic<int> inside{0};
  bool all_met = true;
  std::mutex mutex;
  parallel_for(3, [&](Index) {
    ++inside;
    const bool met = comes_true([&] { return inside == 3; });
    const std::lock_guard lock(mutex);
    all_met = all_met && met;
  });
  EXPECT_TRUE(all_met);
}

TEST(ParallelFor, RunsManyShortCallsInARow) {
  const Threads scope(4);
  std::atomic<Index> sum{0};
  for (int call = 0; call < 20000; ++call) {
    parallel_for(3, [&](Index tile) { sum += tile; });
    if (call % 5000 == 0) linger(500);  // let the workers fall asleep
  }
  EXPECT_EQ(sum, 3 * 20000);
}

TEST(ParallelFor, OneThreadTakesTilesInAscendingOrder) {
  const Threads scope(1);
  std::vector<Index> order;
  parallel_for(5, [&](Index tile) { order.push_back(tile); });
  EXPECT_EQ(order, (std::vector<Index>{0, 1, 2, 3, 4}));
}

TEST(ParallelFor, EachThreadTakesNeighboursThenWhatIsLeft) {
  const Threads scope(2);
  constexpr Index kCount = 11;
  std::vector<Index> taken[2];
  std::atomic<int> begun{0}, ended{0};
  std::atomic<bool> met{true};
  parallel_for(kCount, [&](Index tile) {
    std::vector<Index>& own = taken[thread_index()];
    own.push_back(tile);
    if (own.size() == 1) {
      ++begun;
      const bool both = comes_true([&] { return begun == 2; });
      // The thread that starts in the middle waits until the other has run all the rest.
      const bool alone = tile == 0 || comes_true([&] { return ended == kCount - 1; });
      if (!both || !alone) met = false;
    }
    ++ended;
  });
  ASSERT_TRUE(met);
  EXPECT_EQ(taken[0], (std::vector<Index>{0, 1, 2, 3, 4, 5, 7, 8, 9, 10}));
  EXPECT_EQ(taken[1], (std::vector<Index>{6}));
}

TEST(ParallelFor, NeverUsesMoreThreadsThanAllowed) {
  const Threads scope(4);
  std::atomic<int> inside{0};
  std::atomic<int> most{0};
  parallel_for(
      60,
      [&](Index) {
        const int now = ++inside;
        for (int seen = most; now > seen && !most.compare_exchange_weak(seen, now);) {
        }
        linger(100);
        --inside;
      },
      2);
  EXPECT_LE(most, 2);
}

TEST(ParallelFor, ThreadIndexIsBelowTheLimitAndNeverSharedAtOneTime) {
  const Threads scope(4);
  for (const int max_threads : {0, 1, 2, 3}) {
    const int limit = max_threads == 0 ? 4 : max_threads;
    std::vector<std::atomic<int>> users(static_cast<std::size_t>(limit));
    std::atomic<bool> wrong{false};
    parallel_for(
        50,
        [&](Index) {
          const int index = thread_index();
          if (index < 0 || index >= limit) {
            wrong = true;
            return;
          }
          if (++users[static_cast<std::size_t>(index)] != 1) wrong = true;
          linger(50);
          --users[static_cast<std::size_t>(index)];
        },
        max_threads);
    EXPECT_FALSE(wrong) << "max_threads " << max_threads;
  }
  EXPECT_EQ(thread_index(), 0);
}

TEST(ParallelFor, NestedCallRunsInOrderOnTheCallingThreadWithIndexZero) {
  const Threads scope(3);
  std::atomic<int> wrong{0};
  std::atomic<int> tiles{0};
  parallel_for(6, [&](Index) {
    const auto thread = std::this_thread::get_id();
    const int outer = thread_index();
    Index expected = 0;
    parallel_for(5, [&](Index tile) {
      if (tile != expected++ || std::this_thread::get_id() != thread || thread_index() != 0)
        ++wrong;
      parallel_for(2, [&](Index) { ++tiles; });
    });
    if (thread_index() != outer) ++wrong;
  });
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(tiles, 6 * 5 * 2);
}

TEST(ParallelFor, WorkWithinASingleTileMayUseThePool) {
  const Threads scope(2);
  std::atomic<int> inside{0};
  std::atomic<bool> met{false};
  parallel_for(1, [&](Index) {
    parallel_for(2, [&](Index) {
      ++inside;
      if (comes_true([&] { return inside == 2; })) met = true;
    });
  });
  EXPECT_TRUE(met);
}

TEST(ParallelFor, RethrowsAnExceptionAfterAllThreadsStopped) {
  const Threads scope(4);
  constexpr Index kTiles = 100000;
  for (const Index bad : {0, 1, 30}) {
    std::atomic<int> inside{0};
    std::atomic<int> run{0};
    try {
      parallel_for(kTiles, [&](Index tile) {
        ++inside;
        ++run;
        linger(50);
        --inside;
        if (tile == bad) throw std::invalid_argument("tile " + std::to_string(tile));
      });
      ADD_FAILURE() << "no exception for tile " << bad;
    } catch (const std::invalid_argument& error) {
      EXPECT_EQ(error.what(), "tile " + std::to_string(bad));
    }
    EXPECT_EQ(inside, 0);
    EXPECT_LT(run, kTiles / 2) << "the other threads went on";
  }
  EXPECT_THROW(parallel_for(1, [](Index) { throw std::invalid_argument("alone"); }),
               std::invalid_argument);
}

TEST(ParallelFor, WorksAfterAnException) {
  const Threads scope(3);
  EXPECT_THROW(parallel_for(9, [](Index) { throw std::logic_error("all"); }), std::logic_error);
  std::atomic<bool> nested{false};
  std::atomic<int> inside{0};
  parallel_for(3, [&](Index) {
    ++inside;
    if (comes_true([&] { return inside == 3; })) nested = true;
  });
  EXPECT_TRUE(nested) << "a body's exception left the thread marked as busy";
}

TEST(ParallelFor, ManyThreadsMayCallAtOnce) {
  const Threads scope(3);
  constexpr int kCallers = 5;
  std::vector<Index> sums(kCallers, 0);
  std::vector<std::thread> callers;
  for (std::size_t caller = 0; caller < kCallers; ++caller) {
    callers.emplace_back([&, caller] {
      for (int call = 0; call < 300; ++call) {
        std::vector<Index> squares(17);
        parallel_for(17,
                     [&](Index tile) { squares[static_cast<std::size_t>(tile)] = tile * tile; });
        for (const Index square : squares) sums[caller] += square;
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
  for (const Index sum : sums) EXPECT_EQ(sum, 300 * 1496);
}

TEST(ParallelFor, TwoCallsThatWaitForEachOtherDoNotDeadlock) {
  const Threads scope(2);
  std::atomic<int> started{0};
  const auto call = [&] {
    parallel_for(2, [&](Index) {
      ++started;
      EXPECT_TRUE(comes_true([&] { return started >= 2; }));
    });
  };
  std::thread other(call);
  call();
  other.join();
  EXPECT_EQ(started, 4);
}

TEST(ParallelFor, BodiesRunInTheCallersRoundingMode) {
  const Threads scope(3);
  const int before = std::fegetround();
  for (const int mode : {FE_UPWARD, FE_TONEAREST}) {
    std::fesetround(mode);
    std::atomic<int> inside{0};
    std::atomic<int> same{0};
    parallel_for(3, [&](Index) {
      ++inside;
      comes_true([&] { return inside == 3; });
      if (std::fegetround() == mode) ++same;
    });
    EXPECT_EQ(same, 3);
  }
  std::fesetround(before);
}

TEST(ParallelFor, RefusesNegativeArguments) {
  EXPECT_THROW(parallel_for(-1, [](Index) {}), ShapeError);
  EXPECT_THROW(parallel_for(
                   1, [](Index) {}, -1),
               ShapeError);
}

TEST(SetNumThreads, RefusesCountsOutsideItsRange) {
  const int before = num_threads();
  EXPECT_THROW(set_num_threads(0), ShapeError);
  EXPECT_THROW(set_num_threads(-3), ShapeError);
  EXPECT_THROW(set_num_threads(1025), ShapeError);
  EXPECT_EQ(num_threads(), before);
}

TEST(SetNumThreads, RefusesToRunInsideABody) {
  const Threads scope(2);
  EXPECT_THROW(parallel_for(2, [](Index) { set_num_threads(3); }), ShapeError);
  EXPECT_EQ(num_threads(), 2);
}

TEST(SetNumThreads, MayChangeWhileOtherThreadsCompute) {
  const Threads scope(2);
  std::atomic<bool> stop{false};
  std::atomic<int> wrong{0};
  std::thread computing([&] {
    while (!stop) {
      std::atomic<Index> sum{0};
      parallel_for(20, [&](Index tile) { sum += tile; });
      if (sum != 190) ++wrong;
    }
  });
  for (int i = 0; i < 50; ++i) set_num_threads(1 + i % 4);
  stop = true;
  computing.join();
  EXPECT_EQ(wrong, 0);
}

TEST(ParallelRanges, CoversEachElementOnceInRangesOfTheGrain) {
  const Threads scope(3);
  for (const auto& [total, grain] :
       {std::pair<Index, Index>{0, 4}, {1, 4}, {4, 4}, {10, 3}, {5, 9}}) {
    std::mutex mutex;
    std::set<std::pair<Index, Index>> ranges;
    parallel_ranges(total, grain, [&](Index begin, Index end) {
      const std::lock_guard lock(mutex);
      ranges.emplace(begin, end);
    });
    Index expected = 0;
    for (const auto& [begin, end] : ranges) {
      EXPECT_EQ(begin, expected);
      EXPECT_EQ(end, std::min(begin + grain, total));
      expected = end;
    }
    EXPECT_EQ(expected, total);
  }
}

TEST(ParallelRanges, TakesTheLargestTotalWithoutOverflow) {
  constexpr Index kLargest = std::numeric_limits<Index>::max();
  Index last = 0;
  std::mutex mutex;
  parallel_ranges(kLargest, kLargest - 1, [&](Index, Index end) {
    const std::lock_guard lock(mutex);
    last = std::max(last, end);
  });
  EXPECT_EQ(last, kLargest);
}

TEST(ParallelRanges, RefusesABadGrain) {
  EXPECT_THROW(parallel_ranges(5, 0, [](Index, Index) {}), ShapeError);
  EXPECT_THROW(parallel_ranges(-1, 1, [](Index, Index) {}), ShapeError);
}

// Also the whole of the process that threads_with_environment() starts.
TEST(NumThreads, IsAtLeastOneAndPrinted) {
  EXPECT_GE(num_threads(), 1);
  std::printf("threads=%d\n", num_threads());
}

/// num_threads() of a fresh process in which VOXGRAD_NUM_THREADS is `value`, and what it complains
/// of.
int threads_with_environment(const std::string& value, std::string& complaint) {
  const std::string program = std::to_string(getpid());
  const std::string command = "VOXGRAD_NUM_THREADS='" + value + "' /proc/" + program +
                              "/exe --gtest_filter=NumThreads.IsAtLeastOneAndPrinted 2>&1";
  FILE* output = popen(command.c_str(), "r");
  int threads = -1;
  complaint.clear();
  for (char line[256]; std::fgets(line, sizeof line, output) != nullptr;) {
    std::sscanf(line, "threads=%d", &threads);
    if (std::strncmp(line, "voxgrad:", 8) == 0) complaint += line;
  }
  pclose(output);
  return threads;
}

TEST(NumThreads, FollowsTheEnvironmentAndComplainsOfInvalidValues) {
  std::string complaint;
  EXPECT_EQ(threads_with_environment("1", complaint), 1);
  EXPECT_EQ(threads_with_environment("7", complaint), 7);
  const int detected = threads_with_environment("", complaint);
  EXPECT_GE(detected, 1);
  EXPECT_EQ(complaint, "");
  for (const char* invalid : {"0", "-2", "1025", "3.5", "4x", "many", "99999999999999999999"}) {
    EXPECT_EQ(threads_with_environment(invalid, complaint), detected) << invalid;
    EXPECT_EQ(complaint, "voxgrad: " + std::to_string(detected) + " threads (VOXGRAD_NUM_THREADS=" +
                             invalid + " is no number from 1 to 1024)\n");
  }
}

}  // namespace
}  // namespace voxgrad
