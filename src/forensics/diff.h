#pragma once
// What differs between two trees, node by node, and which transactions made it so.
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "formats/base/job.h"
#include "restore/source.h"
#include "restore/state.h"
#include "src/forensics/path_pattern.h"

namespace zkark::forensics {

enum class NodeChange : std::uint8_t { kAdded, kRemoved, kModified };

/// One node that is not the same on both sides.
struct NodeDifference {
  NodeChange change = NodeChange::kModified;
  std::string path;
  restore::NodeId in_a = restore::kNoNode, in_b = restore::kNoNode;
  // kModified alone: what is different.
  bool data = false, acl = false, stat = false;
  bool kind = false;       // persistent here, ephemeral there; or of another session
  bool recreated = false;  // another node of the same name: created by another transaction
  /// A side's ACL list is unknown (a fuzzy snapshot names one that nothing defines): nothing is said of ACLs.
  bool acl_unknown = false;
};

struct DiffOptions {
  std::vector<PathPattern> paths;  // empty: all
  /// /zookeeper/ too: configuration and quota bookkeeping that every server keeps for itself.
  bool bookkeeping = false;
  /// Nodes of which only the stat differs: a parent whose children changed, a value set to what it was.
  bool stat_only = false;
};

struct TreeDiff {
  std::vector<NodeDifference> differences;  // by path
  std::uint64_t added = 0, removed = 0, modified = 0, unchanged = 0;
  std::uint64_t stat_only = 0;     // counted under unchanged unless asked for
  std::uint64_t acls_unknown = 0;  // nodes whose ACLs could not be compared
  bool equal() const { return added == 0 && removed == 0 && modified == 0; }
};

/// Compares every node that is asked for. Memory: the nodes that differ, and a bit per node.
Result<TreeDiff> diff_trees(const restore::Tree& a, const restore::Tree& b, const DiffOptions& options,
                            Job& job);

/// The transaction that made a node what it is in B.
struct Author {
  std::int64_t zxid = 0, session = 0, time_ms = 0;
};
/// For every difference the record that made the node what it is in B, or took it away, where the logs of B,
/// `source`, hold it; nullopt elsewhere. `since`: where A is an earlier point of the same history that point,
/// else 0. Damage on the way is passed over: findings.
Result<std::vector<std::optional<Author>>> find_authors(restore::Source& source,
                                                        const restore::SourceListing& listing,
                                                        const TreeDiff& diff, const restore::Tree& a,
                                                        const restore::Tree& b, std::int64_t since,
                                                        std::int64_t b_zxid, restore::Findings& findings,
                                                        Job& job);

}  // namespace zkark::forensics
