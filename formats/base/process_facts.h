#pragma once
// What a server tells about the process it is, to who asks (`envi`, `mntr`, `srvr`). src/os fills it.
#include <cstdint>
#include <functional>
#include <string>

#include "formats/base/clock.h"

namespace zkark {

/// "Sat Nov 21 05:41:58 UTC 2026", as Java's Date.toString in UTC.
std::string utc_date_text(WallTime time);

/// As it is now; 0 for what the system does not say.
struct ProcessNumbers {
  std::int64_t open_files = 0, max_files = 0;
  std::int64_t memory_available = 0, memory_limit = 0, memory_resident = 0;  // bytes
};

struct ProcessFacts {
  std::string version = "0", built_on = "a date unknown";
  std::string host_name = "unknown";
  std::string os_name = "unknown", os_arch = "unknown", os_version = "unknown";
  std::string user_name = "unknown", user_home = "unknown";
  std::string working_dir = "/", temp_dir = "unknown";
  /// Any thread.
  std::function<ProcessNumbers()> numbers = [] { return ProcessNumbers{}; };
  /// In the time zone of the machine.
  std::function<std::string(WallTime)> date_text = utc_date_text;
};

}  // namespace zkark
