#include <voxgrad/core/system_limits.h>

#include <gtest/gtest.h>
#include <sched.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace voxgrad::internal {
namespace {

namespace fs = std::filesystem;

/// A made-up /sys/fs/cgroup and /proc/self/cgroup.
class Cgroups : public testing::Test {
 protected:
  Cgroups() : root_(fs::temp_directory_path() / ("voxgrad-cgroups-" + std::to_string(getpid()))) {
    fs::create_directories(root_);
  }
  ~Cgroups() override { fs::remove_all(root_); }

  void write(const std::string& file, const std::string& text) {
    fs::create_directories((root_ / file).parent_path());
    std::ofstream(root_ / file) << text << '\n';
  }
  CgroupFiles files() const {
    return {.membership = (root_ / "membership").string(), .mount = (root_ / "mount").string()};
  }

 private:
  const fs::path root_;
};

TEST_F(Cgroups, NoFilesMeanNoLimit) {
  EXPECT_FALSE(cgroup_cpus(files()));
  EXPECT_FALSE(cgroup_memory(files()));
}

TEST_F(Cgroups, Version2TakesTheStrictestOfTheGroupAndItsParents) {
  write("membership", "0::/pod/box");
  write("mount/pod/box/cpu.max", "max 100000");
  write("mount/pod/box/memory.max", "max");
  EXPECT_FALSE(cgroup_cpus(files()));
  EXPECT_FALSE(cgroup_memory(files()));
  write("mount/pod/cpu.max", "250000 100000");
  write("mount/pod/memory.max", "3000000");
  EXPECT_DOUBLE_EQ(*cgroup_cpus(files()), 2.5);
  EXPECT_EQ(cgroup_memory(files()), 3000000U);
  write("mount/pod/box/cpu.max", "75000 50000");
  write("mount/pod/box/memory.max", "2000000");
  EXPECT_DOUBLE_EQ(*cgroup_cpus(files()), 1.5);
  EXPECT_EQ(cgroup_memory(files()), 2000000U);
}

TEST_F(Cgroups, Version2OfAContainerIsTheMountItself) {
  write("membership", "0::/");
  write("mount/cpu.max", "400000 100000");
  EXPECT_DOUBLE_EQ(*cgroup_cpus(files()), 4);
}

TEST_F(Cgroups, PathOutsideTheMountFallsBackToItsRoot) {
  write("membership", "0::/../../elsewhere\n4:cpu,cpuacct:/docker/0123");
  write("mount/cpu.max", "600000 100000");
  EXPECT_DOUBLE_EQ(*cgroup_cpus(files()), 6);
  write("mount/cpu,cpuacct/cpu.cfs_quota_us", "300000");
  write("mount/cpu,cpuacct/cpu.cfs_period_us", "100000");
  EXPECT_DOUBLE_EQ(*cgroup_cpus(files()), 3);
}

TEST_F(Cgroups, Version1ReadsQuotaOverPeriod) {
  write("membership", "7:cpuset:/box\n4:cpu,cpuacct:/box\n3:memory:/box");
  write("mount/cpu/box/cpu.cfs_quota_us", "-1");
  write("mount/cpu/box/cpu.cfs_period_us", "100000");
  write("mount/memory/box/memory.limit_in_bytes", "9223372036854771712");
  EXPECT_FALSE(cgroup_cpus(files()));
  EXPECT_FALSE(cgroup_memory(files()));
  write("mount/cpu/box/cpu.cfs_quota_us", "150000");
  write("mount/memory/box/memory.limit_in_bytes", "1048576");
  EXPECT_DOUBLE_EQ(*cgroup_cpus(files()), 1.5);
  EXPECT_EQ(cgroup_memory(files()), 1048576U);
}

TEST_F(Cgroups, GarbageIsIgnored) {
  write("membership", "what\n0:\n:::\n0::/box\n1:cpu:box");
  write("mount/box/cpu.max", "");
  write("mount/box/memory.max", "lots");
  write("mount/cpu/cpu.cfs_quota_us", "0");
  EXPECT_FALSE(cgroup_cpus(files()));
  EXPECT_FALSE(cgroup_memory(files()));
}

TEST(UsableCpus, FollowsTheAffinityMask) {
  cpu_set_t before;
  ASSERT_EQ(sched_getaffinity(0, sizeof before, &before), 0);
  const int cpus = usable_cpus();
  EXPECT_GE(cpus, 1);
  EXPECT_LE(cpus, CPU_COUNT(&before));
  cpu_set_t one;
  CPU_ZERO(&one);
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (CPU_ISSET(cpu, &before)) CPU_SET(cpu, &one);
    if (CPU_COUNT(&one) == 1) break;
  }
  ASSERT_EQ(sched_setaffinity(0, sizeof one, &one), 0);
  EXPECT_EQ(usable_cpus(), 1);
  sched_setaffinity(0, sizeof before, &before);
}

TEST(UsableMemory, IsThatOfAMachine) {
  EXPECT_GT(usable_memory(), std::size_t{1} << 20);
  EXPECT_LT(usable_memory(), std::size_t{1} << 60);
}

}  // namespace
}  // namespace voxgrad::internal
