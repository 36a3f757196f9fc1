#pragma once
// A point on a timeline: as somebody asked for it, and what it is in the data (design section 6, Points).
#include <cstdint>
#include <optional>
#include <string>

#include "formats/base/clock.h"
#include "formats/base/job.h"
#include "formats/ops.h"
#include "restore/source.h"

namespace zkark::restore {

struct PointSpec {
  enum class Kind : std::uint8_t {
    kLatest,  // the end of what is there; of a repository, the newest backup
    kZxid,    // exactly that transaction
    kTime,    // the last transaction not later than that
    kBackup,  // the end of the backup whose id begins with `id`
  };
  Kind kind = Kind::kLatest;
  std::int64_t zxid = 0;   // kZxid
  WallTime time;           // kTime
  std::string id;          // kBackup: lower-case hex digits
  std::uint32_t back = 0;  // kLatest, kBackup: that many backups before it (latest~2)
  std::string text;        // as typed, for messages
};

/// A stored record, as people are shown it.
struct RecordNote {
  std::int64_t zxid = 0;
  std::int64_t time_ms = 0;
  TxnType type = TxnType::kError;
  std::string path;            // of a multi: its first operation's; empty for sessions and errors
  std::size_t operations = 0;  // of a multi
};

/// What a time T means where a leader's clock stepped and its two readings differ.
enum class TimeRule : std::uint8_t {
  kRefuse,  // kAmbiguousTime with both
  kFirst,   // everything before the first txn later than T
  kLast,    // everything up to the last txn not later than T
};

struct TargetOptions {
  PointSpec point;
  /// Stop just before the txn that the point names; with a time, before every txn of that very millisecond.
  bool exclusive = false;
  TimeRule time_rule = TimeRule::kRefuse;
};

/// An exact zxid: everything up to it, nothing after it.
struct Target {
  std::int64_t zxid = 0;
  std::optional<RecordNote> record;    // at zxid; none where the point is a snapshot's own zxid, or 0
  std::optional<RecordNote> previous;  // stored before it
  std::optional<RecordNote> next;      // stored after it: the first one that is not applied
};

/// Looks a point up in the logs and snapshots of a source. Reads the logs around it; all of them for a time,
/// because clocks step. Whether a base covers the point is base_choice.h's business. Errors: kPointNotFound
/// with both neighbours, kAmbiguousTime with both readings, kGap where the time falls into a hole, kBadPoint
/// for a backup id, the damage (exit 6) that hides the end asked for.
Result<Target> resolve_target(Source& source, const SourceListing& listing, const TargetOptions& options,
                              Job& job);

/// "0x30002b7bf 2026-11-21 05:31:30.412Z setData /kafka/config/x". Paths are as stored: escape before
/// showing.
std::string note_text(const RecordNote& note);

/// The highest zxid that anything in the source knows of: names, records, epoch files as epoch << 32. Reads
/// the newest log to its end.
Result<std::int64_t> highest_zxid(Source& source, const SourceListing& listing, Job& job);

}  // namespace zkark::restore
