#include "tests/support/sim_system.h"

#include <fmt/format.h>

#include <charconv>

namespace zkark::test {

std::uint32_t SimSystem::pid() { return own_pid; }
std::string SimSystem::hostname() { return name; }
Owner SimSystem::self() { return own; }

bool SimSystem::process_alive(std::uint32_t pid) { return pid == own_pid || processes.contains(pid); }

std::optional<std::string> SimSystem::process_identity(std::uint32_t pid) {
  if (const auto found = processes.find(pid); found != processes.end()) return found->second;
  if (pid == own_pid) return "sim-boot/1";
  return std::nullopt;
}

Result<OpenFiles> SimSystem::open_files_under(const std::string& dir) {
  const auto found = open_files.find(dir);
  return found == open_files.end() ? OpenFiles{} : found->second;
}

Result<bool> SimSystem::port_answers(const std::string& host, std::uint16_t port, std::int64_t) {
  if (unknown_hosts.contains(host))
    return fail(Error(ErrorId::kUnreachable, fmt::format("host \"{}\" has no address: unknown", host)));
  const std::string place = fmt::format("{}:{}", host, port);
  ++port_tries[place];
  return listening.contains(place);
}

Result<std::string> SimSystem::ask_port(const std::string& host, std::uint16_t port, std::string_view,
                                        std::size_t max_bytes, std::int64_t timeout_ms) {
  ZK_TRY_STATUS(port_answers(host, port, timeout_ms));
  const auto answer = answers.find(fmt::format("{}:{}", host, port));
  if (answer == answers.end() || answer->second.size() > max_bytes)
    return fail(Error(ErrorId::kUnreachable, fmt::format("{}:{} did not answer", host, port)));
  return answer->second;
}

Result<Owner> SimSystem::lookup_owner(std::string_view text) {
  if (const auto found = owners.find(text); found != owners.end()) return found->second;
  Owner owner;
  const char* end = text.data() + text.size();
  const auto user = std::from_chars(text.data(), end, owner.uid);
  if (user.ec == std::errc() && user.ptr != end && *user.ptr == ':') {
    const auto group = std::from_chars(user.ptr + 1, end, owner.gid);
    if (group.ec == std::errc() && group.ptr == end) return owner;
  }
  return fail(Error(ErrorId::kUsage, fmt::format("no user \"{}\" on this machine", text)));
}

}  // namespace zkark::test
