#pragma once
// Which base may stand for a point, and the state at exactly that point (design section 6, Base choice;
// reference on-disk-formats 4.3 and 6). Restore, verify, backup and serve share it.
//
// A snapshot named Z is fuzzy up to E (replay.h, fuzzy_end) and serves points >= E only. Where no section
// tells E, the snapshot was complete before its server began the next one, and everything applied by then was
// in the logs: E = the next snapshot's name, else the last record there is; never below the highest zxid
// stamped on a node. A digest section with zxid 0 says that nothing was applied since the tree was loaded (at
// a start, after a SNAP sync): E = Z.
#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "formats/base/job.h"
#include "restore/replay.h"
#include "restore/source.h"

namespace zkark::restore {

/// What a snapshot says without a tree being built: one pass over its bytes, seals checked.
struct SnapshotFacts {
  SnapshotTail tail;
  std::uint64_t digest = 0;        // of the nodes in it
  std::int64_t highest_stamp = 0;  // czxid, mzxid, pzxid of any node
  std::uint64_t nodes = 0;
  std::uint64_t sessions = 0;
};
/// Errors as SnapshotReader's.
Result<SnapshotFacts> scan_snapshot(Source& source, const SourceFile& snapshot, Job& job);

/// E of a snapshot whose sections say nothing about it, from what lies beside it. `last_record`: the last
/// zxid in the logs; `highest_stamp`: 0 when the nodes were not looked at.
std::int64_t assumed_fuzzy_end(const SourceListing& listing, const SourceFile& snapshot,
                               std::int64_t last_record, std::int64_t highest_stamp);
/// The same with all that a scan tells.
std::int64_t fuzzy_end_beside(const SourceListing& listing, const SourceFile& snapshot,
                              std::int64_t last_record, const SnapshotFacts& facts);

struct RebuildOptions {
  /// Where no base reaches the point unharmed, one whose replay differs from the servers' digests or does not
  /// fit its records will do: what it met are findings, and Rebuilt::unproven says so.
  bool accept_unproven = false;
  /// Called when a base is loaded and its replay begins; the last time is that of the base that served.
  std::function<void()> on_base = {};
};

/// The state at one point.
struct Rebuilt {
  ReplayResult replay;  // replay.state.last_zxid <= point: equal unless the point is a snapshot's own zxid
  const SourceFile* base = nullptr;  // of the listing; null: the built-in initial tree
  std::int64_t fuzzy_end = 0;        // the E that the base was judged by
  bool unproven = false;             // taken in spite of a difference: not the tree that the servers had
};

/// Replays to exactly `point` from the newest base that serves it, older ones where it is damaged. Findings
/// tell what was passed over and why, and what the replay met. Errors: kPointNotFound with the windows that
/// are restorable; kGap, kDigestMismatch or the damage that stands between the base and the point, with the
/// same windows.
Result<Rebuilt> rebuild(Source& source, const SourceListing& listing, std::int64_t point, Findings& findings,
                        Job& job, const RebuildOptions& options = {});

/// The runs of points that can be rebuilt, ascending. Reads every log and snapshot. Holes inside an epoch are
/// seen; whether an epoch step is continuous shows only in the replay (rebuild fails there), so a window may
/// promise too much behind one.
/// `broken_at`: a zxid that no replay from an older base gets past.
Result<std::vector<ZxidRange>> restorable_windows(Source& source, const SourceListing& listing, Job& job,
                                                  std::optional<std::int64_t> broken_at = std::nullopt);
/// "0x1 to 0x4d, 0x100000005 to 0x10000000b"; "none".
std::string windows_text(const std::vector<ZxidRange>& windows);

}  // namespace zkark::restore
