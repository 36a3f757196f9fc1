#pragma once
// From a data directory to the state that a server starts with (Apache: FileTxnSnapLog.restore). Where Apache
// goes on past damage, this refuses: what a server does not load is lost to its clients.
#include <string>

#include "formats/base/fs.h"
#include "formats/base/job.h"
#include "formats/base/system.h"
#include "restore/finding.h"
#include "restore/state.h"
#include "src/server/settings.h"

namespace zkark::server {

struct Booted {
  restore::State state;
  std::string snapshot_dir, log_dir;  // the version-2 directories
  bool fresh = false;                 // there was nothing: the built-in initial tree
  restore::Findings findings;         // what was met on the way and is no obstacle
};

/// Makes missing directories (datadir.autocreate), loads the newest state. Changes nothing else. Errors, each
/// with a way out: kNoFile (no such directory, and none may be made), kTargetInUse (another process has its
/// files open), the damage or gap that stands between the newest usable snapshot and the end of the logs,
/// kGap when records that were synced once are gone (the note of LogFiles::note_synced()).
Result<Booted> boot(Fs& fs, System& system, const Settings& settings, Job& job);

}  // namespace zkark::server
