#include "src/os/process_facts.h"

#include <dirent.h>
#include <fmt/format.h>
#include <pwd.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include <charconv>
#include <cstdlib>
#include <vector>

#include "formats/base/fs.h"
#include "src/os/posix_fs.h"

#if !defined(ZKARK_VERSION) || !defined(ZKARK_BUILT_ON)
#error "ZKARK_VERSION and ZKARK_BUILT_ON come from CMake"
#endif

namespace zkark::os {
namespace {

std::int64_t open_files() {
  DIR* dir = ::opendir("/proc/self/fd");
  if (dir == nullptr) return 0;
  std::int64_t count = 0;
  while (const dirent* entry = ::readdir(dir)) count += entry->d_name[0] != '.' ? 1 : 0;
  ::closedir(dir);
  return count - 1;  // the one that was open to count them
}

/// A line "MemTotal:  123 kB" of /proc/meminfo, in bytes.
std::int64_t memory_line(std::string_view text, std::string_view name) {
  const std::size_t at = text.find(name);
  if (at == std::string_view::npos) return 0;
  const std::size_t digits = text.find_first_of("0123456789", at);
  std::int64_t kib = 0;
  if (digits != std::string_view::npos) std::from_chars(text.data() + digits, text.data() + text.size(), kib);
  return kib * 1024;
}

ProcessNumbers numbers() {
  ProcessNumbers now;
  PosixFs fs;
  now.open_files = open_files();
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) now.max_files = static_cast<std::int64_t>(limit.rlim_cur);
  constexpr std::uint64_t kMostBytes = 1 << 16;
  if (const auto text = read_file(fs, "/proc/meminfo", kMostBytes)) {
    now.memory_available = memory_line(*text, "MemAvailable:");
    now.memory_limit = memory_line(*text, "MemTotal:");
  }
  if (const auto text = read_file(fs, "/proc/self/status", kMostBytes))
    now.memory_resident = memory_line(*text, "VmRSS:");
  return now;
}

std::string date_text(WallTime time) {
  const time_t seconds = static_cast<time_t>(time.ms / 1000);
  tm parts{};
  char text[64];
  if (::localtime_r(&seconds, &parts) == nullptr) return utc_date_text(time);
  const std::size_t size = ::strftime(text, sizeof text, "%a %b %d %H:%M:%S %Z %Y", &parts);
  return size == 0 ? utc_date_text(time) : std::string(text, size);
}

}  // namespace

ProcessFacts process_facts() {
  ProcessFacts facts;
  facts.version = ZKARK_VERSION;
  facts.built_on = ZKARK_BUILT_ON;
  if (utsname name{}; ::uname(&name) == 0) {
    facts.host_name = name.nodename;
    facts.os_name = name.sysname;
    facts.os_arch = name.machine;
    facts.os_version = name.release;
  }
  std::vector<char> buffer(1 << 14);
  passwd entry{};
  passwd* found = nullptr;
  if (::getpwuid_r(::geteuid(), &entry, buffer.data(), buffer.size(), &found) == 0 && found != nullptr) {
    facts.user_name = found->pw_name;
    facts.user_home = found->pw_dir;
  } else {
    facts.user_name = fmt::format("{}", ::geteuid());
  }
  std::vector<char> path(1 << 14);
  if (const char* dir = ::getcwd(path.data(), path.size())) facts.working_dir = dir;
  const char* temp = std::getenv("TMPDIR");
  facts.temp_dir = temp != nullptr && *temp != '\0' ? temp : "/tmp";
  ::tzset();
  facts.numbers = numbers;
  facts.date_text = date_text;
  return facts;
}

}  // namespace zkark::os
