#pragma once
// Which snapshots and logs a server needs no more, and their removal (autopurge; Apache:
// DatadirCleanupManager, PurgeTxnLog). As there, the newest `retain` snapshots stay, and of the logs those
// whose zxid is not below the oldest of these, and the one before them, which may hold records behind it.
// Unlike there:
// - nothing goes while there are fewer than `retain` snapshots that can be believed;
// - a name that no server writes (log.1.bak) stays;
// - snapshots go before logs: what is left after a crash never has a snapshot without the logs behind it.
#include <functional>
#include <string>
#include <vector>

#include "formats/base/fs.h"
#include "restore/source.h"

namespace zkark::server {

/// The version-2 directories; the same one unless dataLogDir is set apart.
struct DataPlaces {
  std::string snapshots, logs;
};

/// What may go, in the order in which it goes: oldest first.
struct PurgePlan {
  std::vector<std::string> snapshots, logs;  // paths
};
/// Looks at the newest snapshots until `retain` of them (several of one zxid count once) look complete. Fails
/// where one cannot be read.
Result<PurgePlan> plan_purge(restore::Source& source, const restore::SourceListing& listing,
                             std::size_t retain);

/// Removes them; `removed` is told of each path. A failure leaves the rest for the next time.
Status purge(Fs& fs, const DataPlaces& places, std::size_t retain,
             const std::function<void(const std::string& path)>& removed);

}  // namespace zkark::server
