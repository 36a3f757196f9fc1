#pragma once
// Whole commands on a simulated disk, for the loops of the reliability scoreboard: each run is a process of
// its own that starts at the same time with the same randomness, so that a fault can be put at its n-th call.
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "formats/base/executor.h"
#include "tests/cli/fake_console.h"
#include "tests/support/sim_clock.h"
#include "tests/support/sim_fs.h"

namespace zkark::test {

struct CommandRun {
  int status = 0;
  std::string out, err;
};

/// What a repository gives back: every backup's last point, and the hash of the whole state there.
struct Holdings {
  std::set<std::pair<std::int64_t, std::uint64_t>> points;
  std::map<std::string, std::pair<std::int64_t, std::uint64_t>> backups;  // by id
  std::set<std::string> tags;                                             // of the backups: key=value
  std::string flaw;                                                       // why it is not sound, or empty
};

class CommandLab {
 public:
  /// zk-3.8.0-standalone as it was up to 0x3d in /first, and whole, to 0x62, in /data; a parent for restores
  /// in /srv.
  CommandLab();

  /// Runs `zkark WORDS…` as process number `seed` at the lab's time; "compact" alone is the repository's
  /// own operation. A fault of `fs` that is armed stays so. An exception leaves it as it would leave a verb.
  CommandRun run(const std::vector<std::string>& words, std::uint64_t seed);
  /// The same, which must end with 0.
  void must(const std::vector<std::string>& words, std::uint64_t seed);
  /// Reads all objects of a repository and rebuilds every backup's last state.
  Holdings holdings(const std::string& repository = "/repo");
  /// Made by the processes from here on.
  void advance_ms(std::int64_t ms) { start_ms_ += ms; }
  void use_executor(std::shared_ptr<Executor> executor) { executor_ = std::move(executor); }

  SimClock clock;
  SimFs fs{&clock};

 private:
  std::int64_t start_ms_ = 1'790'003'600'000;
  std::shared_ptr<Executor> executor_;
};

/// One command of the scoreboard with the state it starts from.
struct ProvenCommand {
  std::string name;
  std::vector<std::string> words;
  void (*prepare)(CommandLab&);
  bool may_remove = false;           // earlier backups may go (prune)
  const char* target = nullptr;      // a directory that is absent or whole (restore, repair)
  const char* repository = "/repo";  // the one that is written
  int status = 0;                    // that it ends with where nothing goes wrong
};
/// Those that write: init, a first full, a later full, an increment, prune, copy, tag, compact, restore,
/// convert, repair.
const std::vector<ProvenCommand>& writing_commands();
/// Those that only look, at the repository after two backups and at the directory.
const std::vector<ProvenCommand>& reading_commands();

}  // namespace zkark::test
