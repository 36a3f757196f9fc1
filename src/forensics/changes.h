#pragma once
// The logs as a sequence of changes to nodes, with what was there before and what is there after each: for
// patches, histories, undo. Replays like restore does, over the part of the tree that is asked for.
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "formats/base/job.h"
#include "restore/log_walk.h"
#include "restore/source.h"
#include "restore/state.h"
#include "src/forensics/path_pattern.h"

namespace zkark::forensics {

/// A node as it stood at one moment; owns what it shows.
struct NodeCopy {
  std::optional<std::string> data;
  StatPersisted stat;
  std::string acl;         // encoded list; empty: the null list, which means world:anyone everything
  bool acl_known = true;   // false: a fuzzy snapshot names a list that no record defines
  bool stat_known = true;  // false: told from a record alone; version, mzxid and mtime are right
  AclList acl_list() const { return acl.empty() ? AclList() : AclList(as_bytes(acl)); }
};
/// What a tree has at `id`.
NodeCopy copy_node(const restore::Tree& tree, restore::NodeId id);

enum class ChangeKind : std::uint8_t { kCreated, kDataSet, kAclSet, kDeleted };

struct Change {
  ChangeKind kind = ChangeKind::kCreated;
  std::string path;
  TxnType type = TxnType::kCreate;  // of the operation: inside a multi that of the part
  std::uint32_t part = 0;           // its place in a multi, from 1; 0 outside one
  /// Absent: it was not there; or, with !before_known, nothing tells what was there.
  std::optional<NodeCopy> before;
  std::optional<NodeCopy> after;  // absent: it is gone
  bool before_known = true;
  /// Told from the exact state before and after the record; else from the record and what a fuzzy snapshot
  /// shows, whose ACLs may be of later.
  bool exact = false;
};

struct ChangeWalkOptions {
  /// Changes of nodes that match one of them; empty: of all.
  std::vector<PathPattern> paths;
  std::int64_t first_zxid = 0, last_zxid = INT64_MAX;
  /// Where the records come from, when not from the logs of the listing: those of a server at work.
  std::function<std::unique_ptr<restore::RecordStream>(const restore::LogWalkOptions&)> open_records = {};
};

/// How far back what was there before a change is known.
struct ChangeWalkStart {
  const restore::SourceFile* base = nullptr;  // null: the built-in initial tree, or nothing at all
  std::int64_t exact_from = 0;                // INT64_MAX: no base; only records tell
};

/// Calls visit for every record from first_zxid to last_zxid, in order, with the changes that it made to
/// nodes asked for (often none; none for what failed). `state` holds at least the nodes asked for, as they
/// are after the record. Starts from the newest base that is exact before first_zxid, else from the oldest
/// there is; records that no base covers are told from themselves (before_known is false where that says
/// nothing). Damage and gaps become findings; behind them what is known of nodes ends likewise, up to the
/// next snapshot. Memory: the part of the tree asked for.
using ChangeVisit = std::function<Status(const restore::WalkEntry& walk, std::span<const Change> changes,
                                         const restore::State& state)>;
Result<ChangeWalkStart> walk_changes(restore::Source& source, const restore::SourceListing& listing,
                                     const ChangeWalkOptions& options, const ChangeVisit& visit,
                                     restore::Findings& findings, Job& job);

}  // namespace zkark::forensics
