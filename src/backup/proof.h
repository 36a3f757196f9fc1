#pragma once
// The proof of a backup before it is published: what was stored is read back from the repository and replayed
// against the digests that the servers wrote; the source's other snapshots are compared on the way (design:
// Prove it; Continuity).
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "formats/base/executor.h"
#include "formats/base/job.h"
#include "restore/source.h"
#include "src/backup/manifest.h"
#include "src/backup/source.h"

namespace zkark::backup {

/// An epoch step that is not continuous: behind `last` the member went on from another state.
struct BrokenStep {
  std::int64_t last = 0;   // of the old epoch, stored
  std::int64_t first = 0;  // of the new one, stored
  std::string message;
  /// The snapshot between the two that the member went on from.
  std::optional<std::int64_t> snapshot;
  /// The record before `last` whose state that snapshot is: what follows it up to `last` is stale, never
  /// committed.
  std::optional<std::int64_t> fork_zxid;
  std::uint64_t fork_checksum = 0;
};

struct Proof {
  StoredCertificate certificate;
  restore::Findings findings;
  std::uint64_t snapshots_compared = 0;
  std::optional<std::uint64_t> znodes, sessions;  // of the last state
  std::vector<Landmark> landmarks;                // of that state
  std::vector<BrokenStep> broken;                 // ascending
};

/// `stored`: the backup with everything it needs. `compare`: also with the snapshots in `listing` of `source`
/// that lie above its oldest base; those that vanish meanwhile are passed over. Memory: one or two trees.
Result<Proof> prove(StoredSource& stored, restore::Source& source, const restore::SourceListing& listing,
                    bool compare, Executor& executor, Job& job);

}  // namespace zkark::backup
