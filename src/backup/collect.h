#pragma once
// From files of a source to stored bases and segments: read, check, store, in bounded memory. One call a file; calls
// for different files may run at the same time.
#include <cstdint>
#include <optional>
#include <vector>

#include "formats/base/clock.h"
#include "formats/base/executor.h"
#include "formats/base/job.h"
#include "restore/finding.h"
#include "restore/source.h"
#include "src/backup/manifest.h"
#include "src/backup/writer.h"

namespace zkark::backup {

struct CollectLogOptions {
  /// Records up to this zxid are checked, not stored.
  std::int64_t after_zxid = 0;
  /// Where reading begins: a record boundary that the caller has proven, or 0.
  std::uint64_t start_offset = 0;
  /// The newest log of a source that may be live: an unreadable record at its end is read again (3 times, 50 ms) and
  /// then left for the next backup.
  bool newest = false;
};

struct CollectedLog {
  std::vector<StoredSegment> segments;  // ascending; a new one begins behind a hole, an epoch step, damage
  restore::Findings findings;
  std::uint64_t bytes_read = 0;
};
/// Stores the records of one log, byte for byte. kNoFile when it was purged meanwhile.
Result<CollectedLog> collect_log(RepositoryWriter& writer, restore::Source& source, const restore::SourceFile& log,
                                 const CollectLogOptions& options, Executor& executor, Clock& clock, Job& job);

struct CollectedBase {
  /// Nothing when the snapshot is damaged: then `findings` says where.
  std::optional<StoredBase> base;
  std::vector<Landmark> landmarks;
  restore::Findings findings;
  std::uint64_t bytes_read = 0;
};
/// Stores one snapshot, decoding it to its last seal on the way. A base without sections gets fuzzy_end = its name and
/// FuzzyEndFrom::kObserved: the caller knows the logs and sets it.
Result<CollectedBase> collect_base(RepositoryWriter& writer, restore::Source& source,
                                   const restore::SourceFile& snapshot, Executor& executor, Job& job);

/// The oldest persistent znodes outside /zookeeper of a snapshot, at most 16, by (czxid, path).
inline constexpr std::size_t kLandmarks = 16;
/// How many of `landmarks` stand in the snapshot with equal czxid and ctime.
Result<std::size_t> count_landmarks(restore::Source& source, const restore::SourceFile& snapshot,
                                    const std::vector<Landmark>& landmarks, Job& job);

}  // namespace zkark::backup
