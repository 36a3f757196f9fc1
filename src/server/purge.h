#pragma once
// Which snapshots and logs a server needs no more, and their removal (autopurge; Apache:
// DatadirCleanupManager, PurgeTxnLog). As there, the newest `retain` snapshots stay, and of the logs those
// whose zxid is not below the oldest of these, and the one before them, which may hold records behind it.
// Unlike there:
// - nothing goes while there are fewer than `retain` snapshots that can be believed;
// - a name that no server writes (log.1.bak) stays;
// - snapshots go before logs: what is left after a crash never has a snapshot without the logs behind it.
#include <cstdint>
#include <functional>
#include <optional>
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
  std::vector<restore::SourceFile> snapshots, logs;
  std::size_t believed = 0;  // snapshots that count, at most as many as are to be kept
  std::optional<std::int64_t>
      oldest_kept;  // the zxid of the oldest of them; nullopt: too few, nothing may go
};
/// Whether a snapshot may count among those that are kept.
using Believes = std::function<Result<bool>(const restore::SourceFile& snapshot)>;
/// Asks about the newest snapshots until `retain` of them (several of one zxid count once) are believed.
/// Fails where `believes` does.
Result<PurgePlan> plan_purge(const restore::SourceListing& listing, std::size_t retain,
                             const Believes& believes);

/// Removes what the plan names; `removed` is told of each file. What somebody else has removed meanwhile is
/// no failure, and not told. A failure leaves the rest for the next time.
Status carry_out(Fs& fs, const PurgePlan& plan,
                 const std::function<void(const restore::SourceFile& file)>& removed);

/// Both, as a server does it beside its work: a snapshot counts where its first and last bytes look right.
Status purge(Fs& fs, const DataPlaces& places, std::size_t retain,
             const std::function<void(const std::string& path)>& removed);

}  // namespace zkark::server
