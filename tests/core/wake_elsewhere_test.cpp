#include <voxgrad/core/wake_elsewhere.h>

#include <gtest/gtest.h>

#include <chrono>
#include <semaphore>
#include <thread>

#include <voxgrad/core/parallel.h>

#if defined(__linux__)
namespace voxgrad {
namespace {

cpu_set_t affinity(pthread_t thread = pthread_self()) {
  cpu_set_t cpus;
  CPU_ZERO(&cpus);
  EXPECT_EQ(pthread_getaffinity_np(thread, sizeof(cpus), &cpus), 0);
  return cpus;
}

bool same(const cpu_set_t& a, const cpu_set_t& b) { return CPU_EQUAL(&a, &b); }

cpu_set_t first_cpu_of(const cpu_set_t& cpus) {
  cpu_set_t first;
  CPU_ZERO(&first);
  int cpu = 0;
  while (!CPU_ISSET(cpu, &cpus)) ++cpu;
  CPU_SET(cpu, &first);
  return first;
}

// A thread that sleeps until wake(), and then restores what steer() did.
class Sleeper {
 public:
  void steer() { elsewhere_.steer(thread_.native_handle()); }
  cpu_set_t cpus() { return affinity(thread_.native_handle()); }
  void set_cpus(const cpu_set_t& cpus) {
    ASSERT_EQ(pthread_setaffinity_np(thread_.native_handle(), sizeof(cpus), &cpus), 0);
  }
  cpu_set_t cpus_once_awake() {
    wake_.release();
    thread_.join();
    return awake_;
  }

 private:
  internal::WakeElsewhere elsewhere_;
  std::binary_semaphore wake_{0};
  cpu_set_t awake_{};
  std::thread thread_{[this] {
    wake_.acquire();
    elsewhere_.restore();
    awake_ = affinity();
  }};
};

TEST(WakeElsewhere, TakesTheCallersCpuAwayUntilTheThreadIsAwake) {
  const cpu_set_t before = affinity();
  if (CPU_COUNT(&before) < 2) GTEST_SKIP() << "one CPU";
  Sleeper sleeper;
  sleeper.steer();
  cpu_set_t away = sleeper.cpus();
  EXPECT_EQ(CPU_COUNT(&away), CPU_COUNT(&before) - 1);
  CPU_AND(&away, &away, &before);
  EXPECT_EQ(CPU_COUNT(&away), CPU_COUNT(&before) - 1);
  sleeper.steer();  // again, perhaps from another CPU: still what it was before is restored
  EXPECT_TRUE(same(sleeper.cpus_once_awake(), before));
  EXPECT_TRUE(same(affinity(), before));
}

TEST(WakeElsewhere, LeavesAThreadOfOneCpuAlone) {
  Sleeper sleeper;
  const cpu_set_t one = first_cpu_of(affinity());
  sleeper.set_cpus(one);
  sleeper.steer();
  EXPECT_TRUE(same(sleeper.cpus(), one));
  EXPECT_TRUE(same(sleeper.cpus_once_awake(), one));
}

TEST(WakeElsewhere, LeavesWhatOthersDecideMeanwhile) {
  const cpu_set_t all = affinity();
  if (CPU_COUNT(&all) < 2) GTEST_SKIP() << "one CPU";
  Sleeper sleeper;
  sleeper.steer();
  cpu_set_t chosen;  // all that it had lost
  const cpu_set_t left = sleeper.cpus();
  CPU_XOR(&chosen, &all, &left);
  sleeper.set_cpus(chosen);
  EXPECT_TRUE(same(sleeper.cpus_once_awake(), chosen));
}

TEST(WakeElsewhere, ThePoolsThreadsMayRunWhereTheProcessMay) {
  const cpu_set_t before = affinity();
  const int threads = num_threads();
  set_num_threads(2);
  for (int round = 0; round < 5; ++round) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));  // the helper sleeps
    parallel_for(8, [&](Index) {
      EXPECT_TRUE(same(affinity(), before));
      std::this_thread::sleep_for(std::chrono::milliseconds(1));  // it shall have its share
    });
  }
  set_num_threads(threads);
  EXPECT_TRUE(same(affinity(), before));
}

}  // namespace
}  // namespace voxgrad
#endif
