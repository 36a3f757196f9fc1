#pragma once
// Every check there is over one source, collecting findings and never stopping at the first. Three depths: a
// quick look at names, headers and ends; all bytes decoded and hashed (the default); replay as a server would
// start, or from the oldest base through every log, comparing every snapshot and digest on the way.
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "formats/base/executor.h"
#include "formats/base/job.h"
#include "restore/replay.h"
#include "restore/source.h"

namespace zkark::restore {

enum class VerifyDepth : std::uint8_t {
  kQuick,      // names, sizes, headers, the cheap test of snapshots, epoch files
  kRead,       // every byte of every file: framing, checksums, decoding, seals, order and gaps
  kStart,      // what a server would load: the newest valid snapshot and the logs after it, replayed
  kProve,      // everything replayed from the oldest base, snapshots compared on the way; nothing read twice
  kReplayAll,  // kRead, then everything replayed from the oldest base, snapshots compared on the way
};

/// What became of one file.
struct FileReport {
  SourceFile file;
  bool is_log = false;
  bool checked = false;                   // read as far as the depth asks; false: not needed, or not readable
  std::uint64_t txns = 0;                 // logs
  std::uint64_t nodes = 0, sessions = 0;  // snapshots
  std::optional<std::int64_t> first_zxid, last_zxid;
  std::optional<std::int64_t> fuzzy_end;  // snapshots that say so
  SnapshotTail tail;                      // snapshots
  std::size_t damage = 0;                 // findings of Severity::kDamage about this file
};

/// From base.zxid's fuzzy end to `last`: points that a restore can reach from one base without a gap.
struct RestorableWindow {
  std::int64_t first = 0, last = 0;
  std::string base;  // the snapshot's path; empty: the built-in tree
};

struct VerifyReport {
  std::vector<FileReport> files;  // snapshots, then logs, each ascending
  Findings findings;
  std::optional<Certificate> certificate;  // after a replay
  /// What the (last) replay began with, or the newest snapshot that it met and agreed with; empty text: the
  /// built-in tree.
  std::optional<std::string> base;
  std::uint64_t replayed_txns = 0;
  std::uint64_t nodes = 0, sessions = 0, ephemerals = 0;  // of the final state
  std::optional<std::uint64_t> digest;                    // of the final state
  std::optional<std::int64_t> last_zxid;                  // of the final state
  std::uint64_t snapshots_compared = 0;                   // kReplayAll: equal to the replayed tree
  std::vector<RestorableWindow> windows;                  // kReplayAll
  bool damaged() const { return has_severity(findings, Severity::kGap); }
};

/// Fails only when the source cannot be listed or the system refuses to read. `on_final` is shown the last
/// state that a replay reached; where several were needed (gaps), each one's, the last being the newest.
Result<VerifyReport> verify(Source& source, VerifyDepth depth, Executor& executor, Job& job,
                            std::function<void(const State&)> on_final = {});

}  // namespace zkark::restore
