#include <voxgrad/core/system_limits.h>

#include <sched.h>
#include <sys/sysinfo.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <fstream>
#include <functional>
#include <limits>
#include <sstream>
#include <string_view>
#include <thread>
#include <vector>

namespace voxgrad::internal {

namespace {

/// One line of /proc/self/cgroup: "0::/path" in version 2, "4:cpu,cpuacct:/path" in version 1.
struct Membership {
  std::string controllers;  // empty: version 2
  std::string path;
};

std::vector<Membership> read_memberships(const std::string& file) {
  std::vector<Membership> memberships;
  std::ifstream stream(file);
  for (std::string line; std::getline(stream, line);) {
    const std::size_t first = line.find(':');
    const std::size_t second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos) continue;
    Membership membership{line.substr(first + 1, second - first - 1), line.substr(second + 1)};
    // A path that leaves the visible tree starts at the tree's root, as the root "/" does.
    if (membership.path == "/" || membership.path.find("..") != std::string::npos) {
      membership.path.clear();
    }
    memberships.push_back(std::move(membership));
  }
  return memberships;
}

bool lists(const std::string& controllers, std::string_view wanted) {
  std::istringstream stream(controllers);
  for (std::string controller; std::getline(stream, controller, ',');) {
    if (controller == wanted) return true;
  }
  return false;
}

std::string first_line(const std::string& file) {
  std::string line;
  std::getline(std::ifstream(file) >> std::ws, line);
  return line;
}

using Limit = std::optional<double>;
/// Reads the limit that one cgroup's directory sets.
using ReadLimit = std::function<Limit(const std::string& directory)>;

/// The least limit of the group at `base` + `path` and all groups above it, up to `base`.
Limit least_up_to_root(const std::string& base, std::string path, const ReadLimit& read) {
  Limit least;
  for (;;) {
    if (const Limit limit = read(base + path); limit && (!least || *limit < *least)) least = limit;
    if (path.empty()) return least;
    path.erase(path.rfind('/') == std::string::npos ? 0 : path.rfind('/'));
  }
}

Limit least_limit(const CgroupFiles& files, std::string_view controller, const ReadLimit& version2,
                  const ReadLimit& version1) {
  Limit least;
  const auto take = [&](const Limit& limit) {
    if (limit && (!least || *limit < *least)) least = limit;
  };
  for (const auto& [controllers, path] : read_memberships(files.membership)) {
    if (controllers.empty()) {
      take(least_up_to_root(files.mount, path, version2));
      take(least_up_to_root(files.mount + "/unified", path, version2));
    } else if (lists(controllers, controller)) {
      take(least_up_to_root(files.mount + "/" + controllers, path, version1));
      take(least_up_to_root(files.mount + "/" + std::string(controller), path, version1));
    }
  }
  return least;
}

Limit quota_over_period(const std::string& quota, const std::string& period) {
  double allowed = 0;
  double of = 0;
  // "max" and -1 mean no quota.
  if (!(std::istringstream(quota) >> allowed) || !(std::istringstream(period) >> of)) return {};
  if (!(allowed > 0) || !(of > 0)) return {};
  return allowed / of;
}

Limit bytes_from(const std::string& file) {
  double bytes = 0;
  if (!(std::istringstream(first_line(file)) >> bytes) || !(bytes > 0)) return {};
  return bytes;
}

int affinity_cpus() {
  // The mask must be as large as the kernel's, which may have room for more than 1024 CPUs.
  for (int room = 1024; room <= (1 << 20); room *= 2) {
    cpu_set_t* mask = CPU_ALLOC(static_cast<std::size_t>(room));
    if (mask == nullptr) break;
    const std::size_t bytes = CPU_ALLOC_SIZE(static_cast<std::size_t>(room));
    const bool known = sched_getaffinity(0, bytes, mask) == 0;
    const int count = known ? CPU_COUNT_S(bytes, mask) : 0;
    CPU_FREE(mask);
    if (known) return std::max(count, 1);
  }
  return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

}  // namespace

std::optional<double> cgroup_cpus(const CgroupFiles& files) {
  const ReadLimit version2 = [](const std::string& directory) {
    std::istringstream line(first_line(directory + "/cpu.max"));
    std::string quota;
    std::string period;
    line >> quota >> period;
    return quota_over_period(quota, period);
  };
  const ReadLimit version1 = [](const std::string& directory) {
    return quota_over_period(first_line(directory + "/cpu.cfs_quota_us"),
                             first_line(directory + "/cpu.cfs_period_us"));
  };
  return least_limit(files, "cpu", version2, version1);
}

std::optional<std::size_t> cgroup_memory(const CgroupFiles& files) {
  const ReadLimit version2 = [](const std::string& directory) {
    return bytes_from(directory + "/memory.max");
  };
  const ReadLimit version1 = [](const std::string& directory) {
    return bytes_from(directory + "/memory.limit_in_bytes");
  };
  const Limit limit = least_limit(files, "memory", version2, version1);
  // Version 1 writes "no limit" as a number near 2^63.
  if (!limit || *limit > std::ldexp(1.0, 60)) return {};
  return static_cast<std::size_t>(*limit);
}

int usable_cpus() {
  int cpus = affinity_cpus();
  if (const auto quota = cgroup_cpus()) {
    cpus = static_cast<int>(std::min(static_cast<double>(cpus), std::ceil(*quota)));
  }
  return std::max(cpus, 1);
}

std::size_t usable_memory() {
  struct sysinfo machine {};
  if (sysinfo(&machine) != 0) return std::numeric_limits<std::size_t>::max();
  const std::size_t unit = machine.mem_unit;
  std::size_t memory = machine.totalram * unit;
  if (const auto limit = cgroup_memory()) memory = std::min(memory, *limit);
  return memory + machine.totalswap * unit;
}

}  // namespace voxgrad::internal
