#pragma once
// The holes of one member's logs filled from the logs of others of its ensemble.
//
// A hole is what lies between two records of the member that do not follow each other: zxids in none of its
// files, bytes that are no records any more, a lost file, the end of a file that a crash cut and later files
// continue; between its logs and a snapshot of its own that is newer, or older. An epoch step may hide one:
// only the others, a snapshot or a digest tell.
//
// Within one epoch there is one leader, and one record for each zxid; members whose records contradict each
// other are of different histories, and nothing is taken. What is taken follows record by record from the
// one before the hole to the one behind it, and both sides must be known to whom it is taken from; where one
// side is no record (a snapshot, the beginning), the servers' digests must reach across. Another epoch
// inside a hole begins where its leader went on, which need not be the last record that somebody logged: the
// step must be shown by the first digest of that epoch, by a snapshot, or by two members whose records follow
// each other so. At last all of it is replayed as one history, and no digest may differ.
//
// What nobody fills is treated as a repair treats it (repair.h): the copy boots, to a state that existed.
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "formats/base/job.h"
#include "restore/certificate.h"
#include "restore/merged_view.h"
#include "restore/repair.h"
#include "restore/source.h"

namespace zkark::restore {

struct MergeMember {
  std::string name;
  Source* source = nullptr;  // borrowed
  SourceListing listing;
  std::optional<std::int64_t> limit;  // no record above it is taken

  // ---- found by plan_merge
  std::uint64_t records = 0, shared = 0;              // shared: the member to heal has the same
  std::optional<std::int64_t> first_zxid, last_zxid;  // of records
  std::optional<ZxidRange> common;                    // the first and last shared one
  std::vector<std::int64_t> shared_epochs;            // of which it shares a record, ascending
  Findings findings;                                  // what is wrong with its own files
};

enum class HoleKind : std::uint8_t {
  kGap,     // in no file
  kDamage,  // bytes that are no records any more
  kTorn,    // an older file's last write that a crash cut short, and what the next file lacks
  kStep,    // an old epoch's end that nothing of its own shows to be missing
  kTail,    // behind all that the member has: filled on request
};
constexpr std::string_view hole_kind_name(HoleKind kind) {
  switch (kind) {
    case HoleKind::kGap:
      return "gap";
    case HoleKind::kDamage:
      return "damage";
    case HoleKind::kTorn:
      return "torn";
    case HoleKind::kStep:
      return "epoch step";
    case HoleKind::kTail:
      return "tail";
  }
  return "gap";
}

/// A run of records taken from one file of one member.
struct TakenRun {
  std::size_t member = 0;  // index
  std::string file;
  std::int64_t first_zxid = 0, last_zxid = 0;
  std::uint64_t txns = 0;
  std::string into;  // name of the log in the copy that holds them
};

struct MergeHole {
  HoleKind kind = HoleKind::kGap;
  std::int64_t first = 0;            // the lowest zxid that may be missing
  std::optional<std::int64_t> last;  // the highest; absent where nothing follows
  std::string file;                  // of the member to heal: where it shows
  std::optional<std::uint64_t> offset;
  bool filled = false;  // with nothing, where the others show that nothing was there
  std::uint64_t txns = 0;
  std::vector<TakenRun> taken;
  bool proven = false;  // digests agree from before it to beyond it
  std::string proof;    // of a filled one: what shows it
  std::string reason;   // of one that is not: why
};

struct MergeOptions {
  /// Also what others hold behind the last record. Of that nobody can say that it was committed: a leader
  /// logs a proposal before anybody agreed, and a later leader may never have had it.
  bool extend = false;
};

struct MergePlan {
  std::vector<MergeHole> holes;          // ascending
  std::vector<std::string> made;         // names of logs that the member did not have
  std::vector<std::string> dropped;      // paths of logs in which no record is intact, now made up for
  std::vector<ZxidRange> proven;         // by digests, in the replay of all
  std::unique_ptr<MergedView> view;      // what `repair` is of: the source for write_repair()
  RepairPlan repair;                     // of the view; paths are the member's own
  std::optional<std::int64_t> extended;  // the last zxid that was taken behind its own
  std::uint64_t txns_filled() const;
  bool complete() const;  // every hole is filled
};

/// `findings` get what is wrong with the member to heal and is not healed; what is, as notes. Errors:
/// kRefused when two members' records contradict each other; kDigestMismatch when what would be filled in
/// does not lead to what the servers had; kGap, or the damage, when no state can be had; storage. Memory: 16
/// bytes a record of the member to heal, 32 for each record of the others that lies in a hole.
Result<MergePlan> plan_merge(MergeMember& target, std::vector<MergeMember>& others,
                             const MergeOptions& options, Findings& findings, Job& job);

}  // namespace zkark::restore
