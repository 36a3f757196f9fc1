#pragma once
// A corrected copy of a damaged data directory, or of single files: what is kept, what is lost, and the copy
// itself.
//
// A directory is made to boot, and to boot to a state that existed. ZooKeeper replays whatever logs it finds
// over the newest snapshot it can load, and looks for no hole: a copy must not hold one that any of its
// snapshots would be replayed across. Kept is therefore one stretch of the history without a hole, the latest
// that a sound snapshot (or the beginning of all) leads into, and the snapshots that lead into it: a hole is
// what ends it, unless a later snapshot bridges the hole; then what lies before is left out. Where no
// snapshot is left and the logs begin with the first transaction, one is made by replay.
//
// Single files are judged each on its own: a log ends at its first damage.
//
// Salvaging keeps every intact record around damage. The result has holes and is for reading, so it is laid
// out flat, where no server looks for it.
//
// Records are copied with the checksums that the server gave them; none is computed anew. Behind the last
// record a copied log ends: the zeros that a server preallocates are left out.
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "formats/base/job.h"
#include "restore/base_choice.h"
#include "restore/source.h"
#include "restore/target_dir.h"

namespace zkark::restore {

struct RepairOptions {
  bool directory = true;                // of a server; or files, each judged on its own
  bool salvage = false;                 // every intact record; not together with `chop`
  bool chop = false;                    // before the first damage, even where a snapshot bridges it; or at:
  std::optional<std::int64_t> chop_at;  // nothing above this zxid is kept
  bool flat() const { return salvage || !directory; }
};

enum class Fate : std::uint8_t {
  kKept,     // byte for byte; of a log, up to the zeros behind its last record
  kCut,      // a log, less some of its bytes
  kDropped,  // not in the copy
  kMade,     // a snapshot that the source does not have
};
constexpr std::string_view fate_name(Fate fate) {
  switch (fate) {
    case Fate::kKept:
      return "kept";
    case Fate::kCut:
      return "cut";
    case Fate::kDropped:
      return "dropped";
    case Fate::kMade:
      return "made";
  }
  return "kept";
}

struct Extent {
  std::uint64_t begin = 0, end = 0;
};

struct RepairedFile {
  SourceFile file;  // without a path where the file is made
  bool is_log = false;
  Fate fate = Fate::kKept;
  std::string name;             // in the copy
  std::vector<Extent> extents;  // of a log: whole records, behind the header
  std::uint64_t txns = 0;       // in them
  std::optional<std::int64_t> first_zxid, last_zxid;
  std::string reason;  // why it is not kept as it is; empty where it is
};

enum class LossKind : std::uint8_t {
  kDamaged,  // bytes that are no records any more
  kTorn,     // a last write that a crash cut short
  kLeftOut,  // intact, and not in the copy
};
constexpr std::string_view loss_name(LossKind kind) {
  return kind == LossKind::kDamaged ? "damaged" : kind == LossKind::kTorn ? "torn" : "left out";
}

/// Bytes of the source that held records, and are not in the copy.
struct Loss {
  LossKind kind = LossKind::kDamaged;
  std::string file;
  std::uint64_t begin = 0, end = 0;
  std::optional<std::int64_t> first_zxid, last_zxid;
  /// kLeftOut: how many. kDamaged: at most so many, 0 where the records around them follow each other; absent
  /// where nobody can say.
  std::optional<std::uint64_t> txns;
  std::string reason;
};

struct RepairPlan {
  std::vector<RepairedFile> files;  // snapshots, then logs, as in the listing; a made one last
  std::vector<Loss> losses;         // in the order of the files
  // Of a directory that is made to boot:
  std::optional<std::int64_t> point;  // the last zxid of the copy
  std::optional<Rebuilt> rebuilt;     // the state there, of which the copy is the source; its base is null
  std::string base;                   // the snapshot a server will load; empty: the one that is made
  /// The highest zxid that the source shows to have been given, where the copy ends before it.
  std::optional<std::int64_t> dropped_to;
  bool flat = false;

  bool changes() const;  // the copy is not the same files again
};

/// `findings` get what is wrong with the source, also where no plan comes of it.
/// Errors: kPointNotFound when `chop_at` is no stored record (with its neighbours), or cannot be reached;
/// kGap, or the damage, when no state can be had; kDamaged when nothing of single files is intact; storage.
Result<RepairPlan> plan_repair(Source& source, const SourceListing& listing, const RepairOptions& options,
                               Findings& findings, Job& job);

/// What a bootable copy holds beside snapshots and logs.
struct RepairExtras {
  std::optional<std::int64_t> current_epoch, accepted_epoch, server_id;
  std::vector<std::pair<std::string, std::string>> conf;  // name in conf/, content
  std::string lineage;                                    // zkark-lineage.json as it was; "" = none
};
/// The epochs that a server starts with at `point`: as they were, where they are sound; else raised to what
/// the zxids say, with a finding. Absent where the source has no such files.
RepairExtras repaired_extras(const SourceListing& listing, std::int64_t point, std::int64_t highest_zxid,
                             Findings& findings);

struct RepairedCopy {
  std::uint64_t bytes = 0, txns = 0;
  std::uint64_t nodes = 0, sessions = 0, digest = 0;  // of the state, where there is one
};
/// Writes, syncs, reads everything back (each record by its checksum and all by their count, snapshots by
/// their seals; a directory is replayed as a server will, and its state compared), puts it into place. The
/// target is claimed.
Result<RepairedCopy> write_repair(Fs& fs, TargetDir target, Source& source, RepairPlan plan,
                                  const RepairExtras& extras, Job& job);

}  // namespace zkark::restore
