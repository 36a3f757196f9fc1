#pragma once
// Seam: what a program may ask about the machine it runs on: itself, other processes, ports, accounts. Used
// to tell a stale lock from a live one and to refuse a restore into a directory that a server is using.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "formats/base/result.h"

namespace zkark {

struct Owner {
  std::uint32_t uid = 0, gid = 0;
  bool operator==(const Owner&) const = default;
};

/// What was found to have files open under a directory.
struct OpenFiles {
  std::vector<std::string> files;  // "pid 123 (java): /data/version-2/log.1", by pid, then path
  /// Processes whose files could not be looked at (another user's, and we are not root). Above 0, an empty
  /// `files` does not prove that the directory is unused.
  std::uint64_t processes_unseen = 0;
};

/// All methods are thread-safe.
class System {
 public:
  virtual ~System() = default;

  virtual std::uint32_t pid() = 0;
  /// As the kernel has it (uname), without a domain being looked up.
  virtual std::string hostname() = 0;
  /// The effective user and group of this process; uid 0 may give files to others.
  virtual Owner self() = 0;

  /// Whether a process of this machine has that pid and has not ended (a zombie has).
  virtual bool process_alive(std::uint32_t pid) = 0;
  /// A text that no other process of any boot of this machine has (boot id and start time), nothing when it
  /// is gone. A lock that stores it next to the pid is not fooled when the pid is used again.
  virtual std::optional<std::string> process_identity(std::uint32_t pid) = 0;

  /// Files under `dir`, or `dir` itself, held open by other processes (this one is left out), deleted ones
  /// included. Compared by device and inode too, so a server in a container with another view of the mount is
  /// seen. kNoFile when `dir` does not exist, kStorage when the system has no list of processes.
  virtual Result<OpenFiles> open_files_under(const std::string& dir) = 0;

  /// Whether something accepts TCP connections there within `timeout_ms`, for any address of `host`. Refused,
  /// unreachable and timed out are false. kUnreachable when the name has no address. Blocks; the time for the
  /// name service comes on top.
  virtual Result<bool> port_answers(const std::string& host, std::uint16_t port, std::int64_t timeout_ms) = 0;

  /// Connects, sends `question` and gives what comes back until the other side closes, at most `max_bytes`
  /// (more is kUnreachable, as from a stranger). Made for four-letter words. kUnreachable when nothing
  /// accepts, answers or closes within `timeout_ms`. Blocks like port_answers.
  virtual Result<std::string> ask_port(const std::string& host, std::uint16_t port, std::string_view question,
                                       std::size_t max_bytes, std::int64_t timeout_ms) = 0;

  /// "user:group", "user" (with the user's own group) or ":group" (with our own user); names first, then
  /// decimal numbers, as chown does. kUsage when there is no such account.
  virtual Result<Owner> lookup_owner(std::string_view text) = 0;
};

}  // namespace zkark
