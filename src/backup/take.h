#pragma once
// One backup, now: full or incremental, from any source (design section 5: What a backup takes, Continuity,
// Timelines).
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>

#include "formats/base/job.h"
#include "restore/source.h"
#include "src/backup/repository.h"

namespace zkark::backup {

enum class TakeType : std::uint8_t {
  kAuto,  // incremental when the source goes on from what is stored, else full
  kFull,
  kIncr,  // kRefused when the source does not go on from what is stored
};

struct TakeOptions {
  std::string cluster = "default";
  TakeType type = TakeType::kAuto;
  /// Replay against the servers' digests before publication. Default: a full is proven, an increment is not.
  std::optional<bool> prove;
  /// false: only the newest valid snapshot and the logs after it.
  bool history = true;
  /// Start a timeline for data that have nothing in common with what is stored.
  bool accept_new_history = false;
  std::map<std::string, std::string> tags;
  SourceInfo source;  // kind, paths, data_dir, log_dir; the rest is read here
  /// Asks the running server of the source for the last zxid it applied (`srvr`); nothing when it cannot be
  /// reached. Called after the logs were read: what lies above may never be committed and is stored as
  /// unconfirmed, until the server has applied it or records are found behind it. May be empty.
  std::function<std::optional<std::int64_t>()> last_applied;
  /// What opening the source already told, damage to its tarballs for one: reported and stored with the rest.
  restore::Findings source_findings;
  std::int64_t lock_wait_ms = 0;
};

struct TakeReport {
  /// Nothing: nothing new to store and nothing new to say of an unconfirmed tail (exit 0).
  std::optional<HeadEntry> published;
  Manifest manifest;  // as published; empty where nothing was
  /// Published before it by this run: the old timeline's end, where the source holds a stale tail and goes on
  /// elsewhere.
  std::optional<HeadEntry> stale_tail;
  restore::Findings findings;  // of reading and proving the source
  std::uint64_t snapshots_compared = 0;
  bool source_behind = false;  // the source ends before the last stored record
  std::int64_t stored_to = 0;  // last zxid of the timeline afterwards
  /// Records from here on were unconfirmed before and are not now, as far as `manifest` says.
  std::optional<std::int64_t> confirmed_from;
  std::string verdict;  // one line for people: what is proven and what is not yet
};

/// Reads the source, stores, proves, publishes. Errors: kLocked, kWrongCluster, kRefused, kNoData, kDiskFull,
/// storage; kNoFile when the source's files vanish faster than they can be read. A source that changes
/// meanwhile is read again; a gap is never left unnamed. After an error the repository is as it was, or has
/// the backup whole; the next run completes the work with what is stored already. Memory without the proof:
/// some 40 MiB, whatever the source's size.
Result<TakeReport> take_backup(const RepositoryEnvironment& env, restore::Source& source,
                               const TakeOptions& options, Job& job);

}  // namespace zkark::backup
