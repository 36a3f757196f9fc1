#pragma once
#include <string>

namespace zkark::os {

/// How many processors this process may keep busy: those it may run on, and no more than the quotas of its
/// control groups (cpu.max, cpu.cfs_quota_us). `root` is where /proc and /sys are found, "" but in tests.
double usable_processors(const std::string& root = "");

}  // namespace zkark::os
