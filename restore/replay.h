#pragma once
// From a base and the logs after it to the state at one zxid, checked against every digest on the way
// (reference/on-disk-formats sections 4.3 to 4.4, 5, 6; Apache: FileTxnSnapLog.restore,
// DataTree.compareDigest).
#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <vector>

#include "formats/base/job.h"
#include "formats/digest.h"
#include "restore/apply.h"
#include "restore/certificate.h"
#include "restore/fingerprint.h"
#include "restore/log_walk.h"
#include "restore/source.h"
#include "restore/state.h"

namespace zkark::restore {

/// The fuzzy end E of a base: replay from it is exact from E on, never before (nodes may carry effects of
/// later txns). E = max(digest-section zxid + 1, lastProcessedZxid); a digest section that names the
/// snapshot's own zxid and equals the loaded tree says that nothing later got in: then E = name. nullopt: no
/// section says anything (3.4, 3.5, digests off, or the section of a SNAP-synced follower, zxid 0).
std::optional<std::int64_t> fuzzy_end(std::int64_t name_zxid, const SnapshotTail& tail,
                                      std::uint64_t tree_digest);

struct ReplayOptions {
  /// No record above it is applied; absent: to the end of the logs.
  std::optional<std::int64_t> stop_at;
  /// Where nothing else says so (no sections): the zxid from which the base is exact. Default: its name.
  std::optional<std::int64_t> assumed_fuzzy_end;
  bool check_digests = true;
  /// Where to take the fingerprint of the state: at the base's own zxid or a record's; ascending.
  struct Checkpoint {
    std::int64_t zxid = 0;
    /// What the server wrote elsewhere as the digest of that state. Where it is, it counts as compared; where
    /// it is not, the caller judges.
    std::optional<std::uint64_t> digest = std::nullopt;
  };
  std::vector<Checkpoint> checkpoints;
  /// Called when the base is loaded, again when the replay starts over.
  std::function<void()> on_base = {};
  /// Called after each applied record with the state at its zxid; a failure ends the replay with it. When a
  /// difference is tried against a known cause, the replay starts over: on_restart is called, then on_record
  /// from the first record.
  std::function<Status(const State&, const WalkEntry&)> on_record;
  std::function<void()> on_restart;
};

/// An epoch step that the replay passed. Continuous only if proven: a member synced by SNAP has logs without
/// a break and still misses txns.
struct EpochStep {
  std::int64_t last = 0;   // of the old epoch
  std::int64_t first = 0;  // of the new one
  bool proven = false;     // by a snapshot between them, or by the first digest of the new epoch
};

struct ReplayResult {
  State state;
  std::int64_t base_zxid = 0;
  bool from_initial = false;  // the built-in tree was the base
  SnapshotTail base_tail;
  std::int64_t fuzzy_end = 0;  // first zxid at which the state is exact
  bool fuzzy_end_assumed = false;
  std::map<std::int64_t, Fingerprint> fingerprints;  // at those of ReplayOptions::checkpoints that were met
  std::uint64_t txns = 0;                            // applied
  std::optional<std::int64_t> first_zxid;            // of the applied records
  std::optional<std::int64_t> first_time_ms, last_time_ms;
  Tolerated tolerated;  // past the fuzzy end; each is a finding too (the first of its kind)
  std::vector<EpochStep> epoch_steps;
  Certificate certificate;
  /// Set when the replay had to end before its goal: a gap, damage, zxids backwards, an epoch
  /// step that is not continuous. The state is the last sound one.
  std::optional<std::size_t> stopped_by;  // index into findings
};

/// Replays the logs of `listing` over `base` (null: the built-in initial tree, whose logs begin at zxid 1).
/// Damage, gaps and differences become findings. The Result fails only when the base cannot be loaded or
/// reading fails.
Result<ReplayResult> replay(Source& source, const SourceListing& listing, const SourceFile* base,
                            const ReplayOptions& options, Findings& findings, Job& job);

}  // namespace zkark::restore
