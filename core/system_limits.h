// Internal: how many CPUs and how much memory this process may use, containers' limits included.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

namespace [[gnu::visibility("default")]] voxgrad {
namespace internal {

/// CPUs that this process may use, at least 1: the smaller of its affinity mask and its cgroup's
/// quota, rounded up.
int usable_cpus();

/// Bytes that this process could ever use: memory and swap of the machine or, if less, of its
/// cgroup.
std::size_t usable_memory();

/// Where Linux tells which cgroup a process is in and what its limits are. Tests put a made-up tree
/// here.
struct CgroupFiles {
  std::string membership = "/proc/self/cgroup";
  std::string mount = "/sys/fs/cgroup";
};

/// CPUs by the strictest quota of the process' cgroup and its parents (v2 cpu.max, v1
/// cpu.cfs_quota_us).
std::optional<double> cgroup_cpus(const CgroupFiles& files = {});

/// Bytes by the strictest limit of the same (v2 memory.max, v1 memory.limit_in_bytes).
std::optional<std::size_t> cgroup_memory(const CgroupFiles& files = {});

}  // namespace internal
}  // namespace voxgrad
