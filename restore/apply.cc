#include "restore/apply.h"

#include <fmt/format.h>

#include <algorithm>

#include "formats/base/wrapping.h"

namespace zkark::restore {
namespace {

std::string_view parent_path_of(std::string_view path) { return path.substr(0, path.rfind('/')); }

struct Applier {
  State& state;
  Effects* effects;
  std::int64_t zxid;
  std::int64_t time_ms;
  std::int64_t session;
  Tolerated tolerated{};

  Tree& tree() { return state.tree; }

  Status bad(std::string_view what, std::string_view path) const {
    return fail(Error(ErrorId::kBadRecord, fmt::format("{}: {}", what, path)).at_zxid(zxid));
  }

  /// A larger cversion wins: replay over a fuzzy snapshot must not turn it back (rule 4; 3.6+).
  void touch_parent(NodeId parent, std::string_view path, std::int32_t parent_cversion) {
    StatPersisted stat = tree().stat(parent);
    if (parent_cversion == -1) parent_cversion = wrapping_add(stat.cversion, 1);
    if (parent_cversion <= stat.cversion) return;
    stat.cversion = parent_cversion;
    stat.pzxid = zxid;
    tree().set_stat(parent, parent_path_of(path), stat);
  }

  Status create(std::string_view path, std::optional<Bytes> data, const AclList& acl, std::int64_t owner,
                std::int32_t parent_cversion, bool type_create) {
    if (!Tree::valid_path(path)) return bad("a create names no valid path", path);
    const PathHash hash = tree().prepare(path);
    const NodeId parent = tree().find_parent(path);
    if (parent == kNoNode) {
      ++tolerated.create_without_parent;
      return {};
    }
    if (const NodeId existing = tree().find_below(parent, path, hash); existing != kNoNode) {
      ++tolerated.create_existing;
      // ZOOKEEPER-4846 (3.8.5/3.9.4): the list the id of a fuzzy snapshot stood for is the txn's.
      tree().set_acl(existing, path, tree().acls().add(acl), tree().stat(existing));
      if (type_create) touch_parent(parent, path, parent_cversion);
      return {};
    }
    touch_parent(parent, path, parent_cversion);
    StatPersisted stat;
    stat.czxid = stat.mzxid = stat.pzxid = zxid;
    stat.ctime = stat.mtime = time_ms;
    stat.ephemeral_owner = owner;
    const NodeId id = tree().create(path, hash, parent, data, tree().acls().add(acl), stat);
    state.quotas.created(tree(), path, data ? static_cast<std::int64_t>(data->size()) : 0);
    if (effects) effects->created(path, id);
    return {};
  }

  Status remove(std::string_view path) {
    if (!Tree::valid_path(path)) return bad("a delete names no valid path", path);
    const PathHash hash = tree().prepare(path);
    const NodeId parent = tree().find_parent(path);
    if (parent == kNoNode) {
      ++tolerated.delete_missing;
      return {};
    }
    // Even for a child that is gone already: it was when the fuzzy snapshot reached it.
    if (StatPersisted stat = tree().stat(parent); zxid > stat.pzxid) {
      stat.pzxid = zxid;
      tree().set_stat(parent, parent_path_of(path), stat);
    }
    const NodeId id = tree().find_below(parent, path, hash);
    if (id == kNoNode) {
      ++tolerated.delete_missing;
      return {};
    }
    if (tree().child_count(id) != 0) {
      ++tolerated.delete_with_children;
      std::vector<std::string> below;
      tree().walk(id, [&](NodeId, std::string_view p) {
        below.emplace_back(p);
        return true;
      });
      for (auto at = below.rbegin(); at != below.rend(); ++at) remove_one(tree().find(*at), *at);
      return {};
    }
    remove_one(id, path);
    return {};
  }

  void remove_one(NodeId id, std::string_view path) {
    const std::optional<Bytes> data = tree().data(id);
    const std::int64_t bytes = data ? static_cast<std::int64_t>(data->size()) : 0;
    if (effects) effects->deleting(path, id);
    tree().remove(id);
    state.quotas.deleted(tree(), path, bytes);
    if (effects) effects->deleted(path);
  }

  Status set_data(const SetDataTxn& txn) {
    const NodeId id = tree().find(txn.path);
    if (id == kNoNode) {
      ++tolerated.change_missing;
      return {};
    }
    const std::optional<Bytes> before = tree().data(id);
    const std::int64_t difference = static_cast<std::int64_t>(txn.data ? txn.data->size() : 0) -
                                    static_cast<std::int64_t>(before ? before->size() : 0);
    StatPersisted stat = tree().stat(id);
    stat.mtime = time_ms;
    stat.mzxid = zxid;
    stat.version = txn.version;
    tree().set_data(id, txn.path, txn.data, stat);
    state.quotas.data_changed(tree(), txn.path, difference);
    if (effects) effects->data_changed(txn.path, id);
    return {};
  }

  Status set_acl(const SetAclTxn& txn) {
    const NodeId id = tree().find(txn.path);
    if (id == kNoNode) {
      ++tolerated.change_missing;
      return {};
    }
    StatPersisted stat = tree().stat(id);
    stat.aversion = txn.version;
    tree().set_acl(id, txn.path, tree().acls().add(txn.acl), stat);
    if (effects) effects->acl_changed(txn.path, id);
    return {};
  }

  /// The listed paths first, then whatever is still recorded as owned by the session.
  Status close_session(const CloseSessionTxn& txn) {
    for (const PathItem& item : txn.paths) ZK_TRY_STATUS(remove(item.path));
    for (const std::string& path : tree().ephemerals_of(session)) ZK_TRY_STATUS(remove(path));
    state.sessions.erase(session);
    return {};
  }

  Status multi(const MultiTxn& multi) {
    if (multi_failed(multi)) return {};
    for (const SubTxn& sub : multi.txns) {
      ZK_TRY(TxnBody body, decode_sub_txn(sub));
      ZK_TRY_STATUS(body_of(sub.type, body));
    }
    return {};
  }

  Status body_of(TxnType type, const TxnBody& body) {
    if (const auto* t = std::get_if<CreateTxn>(&body))
      return create(t->path, t->data, t->acl, t->ephemeral ? session : 0, t->parent_cversion,
                    type == TxnType::kCreate);
    if (const auto* t = std::get_if<CreateContainerTxn>(&body))
      return create(t->path, t->data, t->acl, kContainerOwner, t->parent_cversion, false);
    if (const auto* t = std::get_if<CreateTtlTxn>(&body)) {
      if (t->ttl_ms <= 0 || t->ttl_ms > kMaxTtlMs) return bad("a TTL out of range for", t->path);
      return create(t->path, t->data, t->acl, ttl_owner(t->ttl_ms), t->parent_cversion, false);
    }
    if (const auto* t = std::get_if<DeleteTxn>(&body)) return remove(t->path);
    if (const auto* t = std::get_if<SetDataTxn>(&body)) return set_data(*t);
    if (const auto* t = std::get_if<SetAclTxn>(&body)) return set_acl(*t);
    if (const auto* t = std::get_if<MultiTxn>(&body)) return multi(*t);
    if (const auto* t = std::get_if<CloseSessionTxn>(&body)) return close_session(*t);
    if (const auto* t = std::get_if<CreateSessionTxn>(&body)) {
      state.sessions[session] = t->timeout_ms;
      return {};
    }
    return {};  // error and check change nothing
  }
};

}  // namespace

Result<Tolerated> apply(State& state, const Txn& txn, Effects* effects) {
  Applier applier{state, effects, txn.header.zxid, txn.header.time_ms, txn.header.client_id};
  ZK_TRY_STATUS(applier.body_of(txn.header.type, txn.body));
  state.last_zxid = std::max(state.last_zxid, txn.header.zxid);
  return applier.tolerated;
}

namespace {

std::uint64_t remove_ephemerals(State& state, std::int64_t owner) {
  Applier applier{state, nullptr, state.last_zxid, 0, owner};
  std::uint64_t removed = 0;
  for (const std::string& path : state.tree.ephemerals_of(owner))
    if (applier.remove(path)) ++removed;
  return removed;
}

}  // namespace

std::uint64_t drop_orphaned_ephemerals(State& state, bool ttl_nodes_too) {
  std::uint64_t removed = 0;
  if (ttl_nodes_too) {
    std::vector<std::string> paths;
    state.tree.walk(kRoot, [&](NodeId id, std::string_view path) {
      if (node_kind(state.tree.stat(id).ephemeral_owner) == NodeKind::kTtl) paths.emplace_back(path);
      return true;
    });
    Applier applier{state, nullptr, state.last_zxid, 0, 0};
    for (const std::string& path : paths)
      if (applier.remove(path)) ++removed;
  }
  for (std::int64_t owner : state.tree.ephemeral_owners())
    if (!state.sessions.contains(owner)) removed += remove_ephemerals(state, owner);
  return removed;
}

std::uint64_t close_all_sessions(State& state) {
  std::uint64_t removed = 0;
  for (std::int64_t owner : state.tree.ephemeral_owners()) removed += remove_ephemerals(state, owner);
  state.sessions.clear();
  return removed;
}

std::uint64_t keep_subtree(State& state, std::string_view path) {
  Tree& tree = state.tree;
  const std::string below = std::string(path) + "/";
  const auto kept = [&](std::string_view node) {
    if (node == path || node.starts_with(below) || node == "/zookeeper") return true;
    if (node == "/zookeeper/config" || node == "/zookeeper/quota") return true;
    return path.starts_with(node) && path[node.size()] == '/';
  };
  const std::size_t before = tree.size();
  std::vector<NodeId> open{kRoot};
  while (!open.empty()) {
    const NodeId parent = open.back();
    open.pop_back();
    for (NodeId child : tree.sorted_children(parent)) {
      const std::string node = tree.path(child);
      if (!kept(node))
        tree.remove(child);
      else if (node != path)
        open.push_back(child);
    }
  }
  state.quotas = Quotas();
  state.quotas.load(tree);
  return before - tree.size();
}

}  // namespace zkark::restore
