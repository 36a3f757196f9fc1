#pragma once
// From files of a source to stored bases and segments: read, check, store, in bounded memory. One call a
// file; calls for different files may run at the same time.
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "formats/base/clock.h"
#include "formats/base/executor.h"
#include "formats/base/job.h"
#include "restore/base_choice.h"
#include "restore/finding.h"
#include "restore/source.h"
#include "src/backup/manifest.h"
#include "src/backup/writer.h"

namespace zkark::backup {

/// The oldest persistent znodes outside /zookeeper met so far, at most kLandmarks, by (czxid, path).
inline constexpr std::size_t kLandmarks = 16;
class LandmarkCollector {
 public:
  void add(std::string_view path, const StatPersisted& stat);
  /// Whether a node created then could still be one of them.
  bool wants(std::int64_t czxid) const {
    return found_.size() < kLandmarks || czxid < std::prev(found_.end())->first.first;
  }
  std::vector<Landmark> take() const;

 private:
  std::map<std::pair<std::int64_t, std::string>, std::int64_t> found_;
};

struct CollectLogOptions {
  /// Records up to this zxid are checked, not stored.
  std::int64_t after_zxid = -1;
  /// Where reading begins: the end of the record `after_zxid`, found there by the caller; or 0.
  std::uint64_t start_offset = 0;
  /// The newest log of a source that may be live: an unreadable record at its end is read again (3 times, 50
  /// ms) and then left for the next backup.
  bool newest = false;
  /// How far behind the last record the padding is looked through for records that a damaged length hides.
  std::uint64_t padding_look_bytes = UINT64_MAX;
};

struct CollectedLog {
  std::vector<StoredSegment> segments;  // ascending; a new one begins behind a hole, an epoch step, damage
  restore::Findings findings;
  std::uint64_t bytes_read = 0;
};
/// Stores the records of one log, byte for byte. Records that go backwards are a finding and not stored: the
/// first history seen stands. kNoFile when it was purged meanwhile.
Result<CollectedLog> collect_log(RepositoryWriter& writer, restore::Source& source,
                                 const restore::SourceFile& log, const CollectLogOptions& options,
                                 Executor& executor, Clock& clock, Job& job);

struct CollectedBase {
  /// Nothing when the snapshot is damaged: then `findings` says where.
  std::optional<StoredBase> base;
  std::vector<Landmark> landmarks;
  restore::SnapshotFacts facts;
  restore::Findings findings;
  std::uint64_t bytes_read = 0;
};
/// Stores one snapshot, decoding it to its last seal on the way. A base without sections gets fuzzy_end = its
/// name and FuzzyEndFrom::kObserved: the caller knows the logs and sets it. A snapshot that was never
/// finished (no seal at its end: being written, or its server died) is a note; any other damage is one.
Result<CollectedBase> collect_base(RepositoryWriter& writer, restore::Source& source,
                                   const restore::SourceFile& snapshot, Executor& executor, Job& job);

/// How many of `landmarks` stand in the snapshot with equal czxid and ctime.
Result<std::size_t> count_landmarks(restore::Source& source, const restore::SourceFile& snapshot,
                                    const std::vector<Landmark>& landmarks, Job& job);

}  // namespace zkark::backup
