#include "src/os/local_system.h"

#include <fmt/format.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <limits>
#include <vector>

#include "formats/base/fs.h"
#include "src/os/posix_fs.h"
#include "src/os/proc.h"

namespace zkark::os {
namespace {

std::optional<std::uint32_t> decimal(std::string_view text) {
  std::uint32_t number = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
  // The largest one means "leave as it is" to chown, so it is nobody's id.
  if (problem != std::errc() || end != text.data() + text.size() || number == ~std::uint32_t{0})
    return std::nullopt;
  return number;
}

/// Calls one of the getpw…_r family with a buffer that grows until the entry fits. Null when there is none.
template <class Entry, class Call>
const Entry* find_account(Entry& entry, std::vector<char>& buffer, Call call) {
  constexpr std::size_t kLargest = 1 << 20;
  for (buffer.resize(1024); buffer.size() <= kLargest; buffer.resize(buffer.size() * 2)) {
    Entry* found = nullptr;
    const int number = call(&entry, buffer.data(), buffer.size(), &found);
    if (number == 0) return found;
    if (number != ERANGE && number != EINTR) return nullptr;
  }
  return nullptr;
}

Failure no_account(std::string_view kind, std::string_view name) {
  return fail(Error(ErrorId::kUsage, fmt::format("no {} \"{}\" on this machine", kind, name))
                  .with_hint("give USER:GROUP as names or as numbers, for example 1000:1000"));
}

}  // namespace

std::uint32_t LocalSystem::pid() { return static_cast<std::uint32_t>(::getpid()); }

std::string LocalSystem::hostname() {
  utsname name{};
  return ::uname(&name) == 0 ? name.nodename : "localhost";
}

Owner LocalSystem::self() { return {::geteuid(), ::getegid()}; }

bool LocalSystem::process_alive(std::uint32_t pid) {
  // pid 0 and numbers that are negative as pid_t would mean groups of processes to kill().
  if (pid == 0 || pid > static_cast<std::uint32_t>(std::numeric_limits<pid_t>::max())) return false;
  // /proc may hide the processes of others (hidepid): what the kernel does not deny counts as alive.
  if (::kill(static_cast<pid_t>(pid), 0) != 0 && errno == ESRCH) return false;
  return !is_zombie(pid);
}

std::optional<std::string> LocalSystem::process_identity(std::uint32_t pid) {
  const std::optional<ProcessStat> stat = read_process(pid);
  if (!stat) return std::nullopt;
  PosixFs fs;
  Result<std::string> boot = read_file(fs, "/proc/sys/kernel/random/boot_id", 64);
  std::string boot_id = boot ? *boot : "";
  while (!boot_id.empty() && boot_id.back() == '\n') boot_id.pop_back();
  return fmt::format("{}/{}", boot_id, stat->start_ticks);
}

Result<Owner> LocalSystem::lookup_owner(std::string_view text) {
  const std::size_t colon = text.find(':');
  const std::string user(text.substr(0, colon));
  const bool has_group = colon != std::string_view::npos;
  const std::string group(has_group ? text.substr(colon + 1) : "");
  if (user.empty() && group.empty()) return no_account("user", text);

  Owner owner = self();
  std::vector<char> buffer;
  if (!user.empty()) {
    passwd entry{};
    const passwd* found = find_account(entry, buffer, [&](passwd* e, char* b, std::size_t n, passwd** f) {
      return ::getpwnam_r(user.c_str(), e, b, n, f);
    });
    const std::optional<std::uint32_t> number = decimal(user);
    if (found == nullptr && number)
      found = find_account(entry, buffer, [&](passwd* e, char* b, std::size_t n, passwd** f) {
        return ::getpwuid_r(*number, e, b, n, f);
      });
    if (found == nullptr && !(number && !group.empty())) return no_account("user", user);
    owner = found != nullptr ? Owner{found->pw_uid, found->pw_gid} : Owner{*number, 0};
  }
  if (!group.empty()) {
    struct group entry {};
    const struct group* found =
        find_account(entry, buffer, [&](struct group* e, char* b, std::size_t n, struct group** f) {
          return ::getgrnam_r(group.c_str(), e, b, n, f);
        });
    const std::optional<std::uint32_t> number = decimal(group);
    if (found == nullptr && !number) return no_account("group", group);
    owner.gid = found != nullptr ? found->gr_gid : *number;
  }
  return owner;
}

}  // namespace zkark::os
