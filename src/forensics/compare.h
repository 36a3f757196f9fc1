#pragma once
// Do the members of an ensemble agree, as far as their files tell? Logs are compared record by record (zxid
// and checksum), trees by fingerprint at the last zxid that all of them have. What ZooKeeper itself brings
// about is no difference: a member that is behind, logs purged earlier, a hole behind which a snapshot from
// the leader stands, a tail that a later leader never had.
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "formats/base/executor.h"
#include "formats/base/job.h"
#include "restore/certificate.h"
#include "restore/source.h"
#include "src/forensics/diff.h"
#include "src/forensics/tree_since.h"

namespace zkark::forensics {

struct ComparedMember {
  std::string name;
  restore::Source* source = nullptr;  // borrowed
  restore::SourceListing listing;

  // ---- found by compare_members
  std::uint64_t records = 0;
  std::optional<std::int64_t> first_zxid, last_zxid;  // of records
  std::uint64_t behind = 0;                           // records of others after its last one
  /// Zxids in none of its logs, with a snapshot that was taken behind them.
  struct Hole {
    restore::ZxidRange zxids;
    std::int64_t snapshot = 0;
  };
  std::vector<Hole> holes;
  /// Records that most of the members never had and a later epoch went on without.
  struct StaleTail {
    restore::ZxidRange zxids;
    std::uint64_t records = 0;
    bool cut_off = false;  // it has taken part in a later epoch; else it will be when it joins again
  };
  std::vector<StaleTail> stale_tails;
  std::optional<std::size_t> tree_group;  // equal numbers: equal trees
  std::string not_compared;               // why its tree was not; empty where it was
  restore::Findings findings;             // damage in its files, digests that its tree does not give
};

/// A record as one member holds it; owns what it shows.
struct MemberRecord {
  std::uint32_t checksum = 0;
  std::int64_t session = 0, time_ms = 0;
  std::int32_t cxid = 0;
  TxnType type = TxnType::kError;
  std::string path;
  std::optional<std::string> data;
};

/// The first zxid that not all have alike.
struct FirstDifference {
  std::int64_t zxid = 0;
  std::int64_t last_common = 0;  // the last one before it that at least two have alike; 0: none
  /// By member; nullopt: it does not have it although it has what follows (missing), or cannot have it
  /// (absent).
  std::vector<std::optional<MemberRecord>> records;
  std::vector<bool> missing;
  std::uint64_t zxids = 0;  // so many differ
};

struct Comparison {
  std::uint64_t compared = 0;  // zxids that at least two members hold
  std::optional<std::int64_t> first_compared, last_compared;
  std::optional<FirstDifference> difference;
  std::optional<std::int64_t> tree_zxid;  // where the trees were compared
  std::size_t tree_groups = 0;
  std::size_t tree_a = 0, tree_b = 0;   // members of the two largest groups: whose trees tree_diff is of
  std::optional<TreeDiff> tree_diff;    // with more than one group; node ids mean nothing any more
  std::optional<TreeSince> tree_since;  // of tree_a and tree_b, where the logs agree
  std::vector<std::size_t> minority;    // by the first difference, else by the trees; empty: undecided
  restore::Findings incomplete;         // what could not be compared, and why

  bool differs() const { return difference.has_value() || tree_groups > 1; }
};

struct CompareOptions {
  bool trees = true;
};

/// Fills in `members`. Memory: 16 bytes a record, and two trees at a time. Fails only when reading does.
Result<Comparison> compare_members(std::vector<ComparedMember>& members, const CompareOptions& options,
                                   Executor& executor, Job& job);

}  // namespace zkark::forensics
