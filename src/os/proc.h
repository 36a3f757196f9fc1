#pragma once
// What /proc says about processes. For src/os only.
#include <cstdint>
#include <optional>
#include <string>

namespace zkark::os {

struct ProcessStat {
  std::string command;            // as in "java", at most 15 bytes
  std::uint64_t start_ticks = 0;  // clock ticks from boot to its start
};

/// Nothing when there is no such process, when it has ended and only waits for its parent, or when /proc
/// hides it.
std::optional<ProcessStat> read_process(std::uint32_t pid);
/// False also where /proc does not show the process.
bool is_zombie(std::uint32_t pid);

}  // namespace zkark::os
