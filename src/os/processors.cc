#include "src/os/processors.h"

#include <sched.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <optional>
#include <string_view>

namespace zkark::os {
namespace {

std::string first_line(const std::string& path) {
  std::ifstream in(path);
  std::string line;
  std::getline(in, line);
  return line;
}

std::optional<double> number(std::string_view text) {
  double value = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (problem != std::errc() || end != text.data() + text.size() || value <= 0) return std::nullopt;
  return value;
}

/// "max 100000" or "50000 100000" of version 2, two files of version 1; nullopt: no limit.
std::optional<double> quota_in(const std::string& dir) {
  const std::string both = first_line(dir + "/cpu.max");
  const std::size_t blank = both.find(' ');
  const auto quota =
      number(blank == both.npos ? first_line(dir + "/cpu.cfs_quota_us") : both.substr(0, blank));
  const auto period =
      number(blank == both.npos ? first_line(dir + "/cpu.cfs_period_us") : both.substr(blank + 1));
  if (!quota || !period) return std::nullopt;
  return *quota / *period;
}

/// Of that group and all above it. Inside a container the group's own path may not be there: the top is.
double lowest_quota(const std::string& top, std::string group, double lowest) {
  for (;;) {
    if (const auto quota = quota_in(top + group)) lowest = std::min(lowest, *quota);
    const std::size_t slash = group.rfind('/');
    if (slash == group.npos) return lowest;
    group.resize(slash);
  }
}

}  // namespace

double usable_processors(const std::string& root) {
  cpu_set_t may_run_on;
  CPU_ZERO(&may_run_on);
  double usable = 1;
  if (::sched_getaffinity(0, sizeof may_run_on, &may_run_on) == 0) usable = CPU_COUNT(&may_run_on);
  std::ifstream groups(root + "/proc/self/cgroup");
  for (std::string line; std::getline(groups, line);) {  // "0::/system.slice/x", "4:cpu,cpuacct:/docker/1f"
    const std::size_t names = line.find(':'), path = line.find(':', names + 1);
    if (names == line.npos || path == line.npos) continue;
    const std::string controllers = "," + line.substr(names + 1, path - names - 1) + ",";
    const std::string top = root + "/sys/fs/cgroup";
    if (controllers == ",,") {
      usable = lowest_quota(top, line.substr(path + 1), usable);
    } else if (controllers.find(",cpu,") != controllers.npos) {
      usable = lowest_quota(top + "/cpu", line.substr(path + 1), usable);
    }
  }
  return usable;
}

}  // namespace zkark::os
