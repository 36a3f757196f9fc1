#pragma once
// An exact base made inside the repository: the state at one point, replayed from what is stored and proven
// against the servers' digests, published as a full backup of its own. The chains before it can then be
// pruned without losing the point or anything after it. compact() itself never drops anything.
#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "formats/base/job.h"
#include "restore/finding.h"
#include "src/backup/repository.h"

namespace zkark::backup {

struct CompactOptions {
  std::string cluster = "default";
  std::string timeline;            // empty: that of the newest backup
  std::optional<std::int64_t> at;  // a record or a base; default: the last confirmed point
  std::map<std::string, std::string> tags;
  bool dry_run = false;  // replays and proves, stores nothing
  std::int64_t lock_wait_ms = 0;
};

struct CompactReport {
  std::optional<HeadEntry> published;  // nothing after a dry run, or when there is nothing to do
  bool already = false;                // nothing to do: `manifest` is a live compact of this point
  Manifest manifest;                   // as published; after a dry run without id and base objects
  std::int64_t point = 0;
  std::uint64_t replayed_txns = 0;
  restore::Findings findings;  // of the replay
  std::string verdict;         // one line for people
};

/// The default point is the last one that can be restored and was confirmed: a record that no increment has
/// found again may be cut off by the next leader (Manifest::unconfirmed_from).
///
/// The new backup holds the base and names the stored segments and bases behind it again (no bytes twice),
/// the last record's segment among them: increments go on from it. Errors: kNotFound (no backups),
/// kPointNotFound, kGap, kDigestMismatch (the replay differs from a server's digest: nothing is published),
/// kLocked, storage, what restore::rebuild gives. Memory: one tree.
Result<CompactReport> compact(const RepositoryEnvironment& env, const CompactOptions& options, Job& job);

}  // namespace zkark::backup
