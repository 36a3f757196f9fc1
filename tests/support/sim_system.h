#pragma once
#include <map>
#include <set>

#include "formats/base/system.h"

namespace zkark::test {

/// A machine as a test describes it: fill in the members, then hand it out. Not thread-safe while being
/// changed.
class SimSystem final : public System {
 public:
  std::uint32_t own_pid = 4242;
  std::string name = "sim-host";
  Owner own = {1000, 1000};
  /// Processes that live, with their identity. Ours is always alive.
  std::map<std::uint32_t, std::string> processes;
  /// dir -> what is open under it; asked for by exactly that text.
  std::map<std::string, OpenFiles> open_files;
  /// "host:port" that answer.
  std::set<std::string> listening;
  /// "host:port" -> what it says to any question.
  std::map<std::string, std::string> answers;
  /// Hosts without an address.
  std::set<std::string> unknown_hosts;
  /// What lookup_owner knows besides "UID:GID" in digits.
  std::map<std::string, Owner, std::less<>> owners;
  /// How often each "host:port" was tried.
  std::map<std::string, int> port_tries;

  std::uint32_t pid() override;
  std::string hostname() override;
  Owner self() override;
  bool process_alive(std::uint32_t pid) override;
  std::optional<std::string> process_identity(std::uint32_t pid) override;
  Result<OpenFiles> open_files_under(const std::string& dir) override;
  Result<bool> port_answers(const std::string& host, std::uint16_t port, std::int64_t timeout_ms) override;
  Result<std::string> ask_port(const std::string& host, std::uint16_t port, std::string_view question,
                               std::size_t max_bytes, std::int64_t timeout_ms) override;
  Result<Owner> lookup_owner(std::string_view text) override;
};

}  // namespace zkark::test
