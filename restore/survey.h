#pragma once
// What a set of files looks like: what is in each of them, who can have written it, where epochs begin and
// clocks jump. One pass, no tree, little memory. Judging is verify.h's work: what cannot be read is passed
// over here.
#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string_view>
#include <vector>

#include "formats/base/job.h"
#include "formats/txn.h"
#include "restore/base_choice.h"
#include "restore/source.h"

namespace zkark::restore {

/// Traits of files that only some releases write (reference/on-disk-formats sections 3 and 4). They add up:
/// what is not seen says little, what is seen bounds the release from below.
struct Traits {
  bool early_create = false;    // create without parentCVersion: early 3.x
  bool bare_close = false;      // closeSession without paths: 3.4, 3.5, or closeSessionTxn.enabled=false
  bool since_3_5 = false;       // create2, container, reconfig; /zookeeper/config in a snapshot
  bool since_3_5_3 = false;     // TTL nodes
  bool since_3_6 = false;       // digests, closeSession with paths, compressed snapshots
  bool since_3_8_2 = false;     // create2 inside a multi: 3.7.2, 3.8.2, 3.9.0
  bool since_3_9 = false;       // an error with the zxid before it; lastProcessedZxid in a snapshot
  bool without_digest = false;  // a record or snapshot that 3.6 with digests on would have given one
};
/// "3.9 or later", "3.4 or 3.5", …
std::string_view release_text(const Traits& traits);

struct LogFacts {
  SourceFile file;
  std::uint64_t txns = 0;
  std::uint64_t ineffective = 0;  // errors and failed multis
  std::uint64_t digests = 0;
  std::uint64_t record_bytes = 0;
  std::uint64_t end_offset = 0;  // behind the last record that could be read
  std::optional<std::int64_t> first_zxid, last_zxid;
  std::int64_t first_time_ms = 0, last_time_ms = 0;  // of the first and last record
  std::uint64_t largest_payload = 0;                 // of a record
  bool bare_close_with_digest = false;               // closeSessionTxn.enabled=false, with digests
  Traits traits;
};

struct SnapshotShape {
  SourceFile file;
  bool sound = false;  // read to its end, seals checked
  SnapshotFacts facts;
  std::array<std::uint64_t, 4> kinds{};  // by NodeKind
  std::uint64_t data_bytes = 0, largest_value = 0;
  std::optional<std::int64_t> fuzzy_end;  // as far as the file says it
  Traits traits;
};

struct TypeCount {
  std::uint64_t txns = 0;   // records of that type
  std::uint64_t parts = 0;  // operations of that type inside multis
  std::uint64_t bytes = 0;  // of the records
};

struct EpochChange {
  std::int64_t from = 0, to = 0;  // zxids
};
struct ClockChange {
  std::int64_t zxid = 0;  // of the record that is earlier than the one before it
  std::int64_t from_ms = 0, to_ms = 0;
};

/// Two logs hold records of the same zxids: a copy under another name, or a history that was written twice.
/// Apache ZooKeeper replays both, one after the other.
struct LogOverlap {
  std::string earlier, later;  // paths
  std::int64_t first = 0, last = 0;
  std::uint64_t records = 0;                     // of the later one, in there
  std::optional<std::int64_t> first_difference;  // a record of the one that the other has not, or otherwise
};

struct Survey {
  std::vector<LogFacts> logs;  // those that could be opened
  std::vector<SnapshotShape> snapshots;
  std::map<TxnType, TypeCount> types;
  std::uint64_t txns = 0;
  /// The first kMaxSteps of each; the counts are of all.
  std::vector<EpochChange> epoch_steps;
  std::vector<ClockChange> clock_steps;  // backwards
  std::uint64_t epoch_step_count = 0, clock_step_count = 0;
  std::int64_t largest_step_ms = 0;
  std::optional<std::int64_t> earliest_ms, latest_ms;  // of any record
  static constexpr std::size_t kMaxSteps = 1000;
};

/// Where the logs overlap, by reading these parts again. Nothing is said of stored segments that are known to
/// agree (SourceListing::logs_overlap).
Result<std::vector<LogOverlap>> log_overlaps(Source& source, const SourceListing& listing,
                                             const Survey& survey, Job& job);

/// Reads every byte of every file. Fails only when the system refuses to read.
Result<Survey> survey(Source& source, const SourceListing& listing, Job& job);

}  // namespace zkark::restore
