#pragma once
// apply(): the only code that changes a State after it was built. Restore, forensics and the server share it.
// Rules: reference/on-disk-formats section 4.4 and 7; Apache: DataTree.processTxn,
// FileTxnSnapLog.processTransaction.
#include <cstdint>
#include <string_view>

#include "formats/txn.h"
#include "restore/state.h"

namespace zkark::restore {

/// Outcomes that replaying a log over a fuzzy snapshot has to tolerate. Past the fuzzy end each one says that
/// the log and the base do not belong together, or that records are missing.
struct Tolerated {
  std::uint32_t create_existing = 0;  // create of a node that is there
  std::uint32_t create_without_parent = 0;
  std::uint32_t delete_missing = 0;
  std::uint32_t delete_with_children = 0;  // children from the future went with it; their creates follow
  std::uint32_t change_missing = 0;        // setData or setACL on a node that is not there
  std::uint32_t any() const {
    return create_existing + create_without_parent + delete_missing + delete_with_children + change_missing;
  }
  Tolerated& operator+=(const Tolerated& o) {
    create_existing += o.create_existing, create_without_parent += o.create_without_parent;
    delete_missing += o.delete_missing, delete_with_children += o.delete_with_children;
    change_missing += o.change_missing;
    return *this;
  }
};

/// Told of every change of the tree, after it was made. Paths borrow for the call.
class Effects {
 public:
  virtual ~Effects() = default;
  /// Before deleted(), while the node is still there.
  virtual void deleting(std::string_view /*path*/, NodeId /*id*/) {}
  virtual void created(std::string_view path, NodeId id) = 0;
  virtual void deleted(std::string_view path) = 0;
  virtual void data_changed(std::string_view path, NodeId id) = 0;
  virtual void acl_changed(std::string_view path, NodeId id) = 0;
};

/// Applies one txn: state.last_zxid = its zxid afterwards (never lowered). A failed multi and an error txn
/// move only the zxid. Fails (kBadRecord, with zxid) for a txn no server writes: a malformed path, a check
/// outside multi, a TTL out of range; the state is then as before, except inside a multi.
Result<Tolerated> apply(State& state, const Txn& txn, Effects* effects = nullptr);

/// What a standalone server, or a new leader, does at start without logging it: deletes the ephemerals of
/// sessions that are not in the table (ZooKeeperServer.killSession at loadData). Without extendedTypesEnabled
/// a TTL node counts as an ephemeral of such a session and goes too (`ttl_nodes_too`). Returns how many nodes
/// went.
std::uint64_t drop_orphaned_ephemerals(State& state, bool ttl_nodes_too = false);

/// What a restore with a new epoch does: closes every session, parents get pzxid = last zxid, as closeSession
/// does.
std::uint64_t close_all_sessions(State& state);

/// What a restore of one subtree does: of the tree stay the root, the ancestors of `path` without their other
/// children, `path` with all below it, and /zookeeper, /zookeeper/config and /zookeeper/quota, without which
/// no server starts. Stats stay as they are. `path` is valid and there. Returns how many nodes went.
std::uint64_t keep_subtree(State& state, std::string_view path);

}  // namespace zkark::restore
