#pragma once
// From a data directory to the state that a server starts with (Apache: FileTxnSnapLog.restore). Where Apache
// goes on past damage, this refuses: what a server does not load is lost to its clients.
#include <functional>
#include <optional>
#include <string>

#include "formats/base/clock.h"
#include "formats/base/fs.h"
#include "formats/base/job.h"
#include "formats/base/system.h"
#include "restore/finding.h"
#include "restore/state.h"
#include "src/server/settings.h"

namespace zkark::server {

/// What mntr tells of a start, in ms.
struct StartupTimes {
  std::int64_t all_ms = 0, snapshot_ms = 0, txns_ms = 0;
  std::optional<std::uint64_t> txns;  // replayed; nullopt: there was nothing to start from
};

struct Booted {
  restore::State state;
  std::string snapshot_dir, log_dir;  // the version-2 directories
  bool fresh = false;                 // there was nothing: the built-in initial tree
  restore::Findings findings;         // what was met on the way and is no obstacle
  StartupTimes times;
};

/// Makes missing directories (datadir.autocreate), cuts off what a power cut left of writes that were never
/// acknowledged (tail_cut.h), brings what it goes on behind to disk, loads the newest state. Changes nothing
/// else. `cut` hears at once of what was cut, whatever comes of the rest. Errors, each with a way out:
/// kNoFile (no such directory, and none may be made), kTargetInUse (another process has its files open), the
/// damage or gap that stands between the newest usable snapshot and the end of the logs, kGap when records
/// that were synced once are gone (the note of LogFiles::note_synced()).
Result<Booted> boot(Fs& fs, Clock& clock, System& system, const Settings& settings, Job& job,
                    const std::function<void(const restore::Finding&)>& cut = {});

}  // namespace zkark::server
