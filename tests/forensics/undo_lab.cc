#include "tests/forensics/undo_lab.h"

#include <fmt/format.h>

#include <vector>

#include "restore/apply.h"

namespace zkark::test {
namespace {

using forensics::UndoOperation;
using forensics::UndoRequest;
using restore::kNoNode;
using restore::NodeId;
using restore::State;
using What = UndoOperation::What;

constexpr std::int64_t kSession = 0x7777;

AclList acl_of(const UndoOperation& operation) {
  return operation.then.acl.empty() ? open_acl_unsafe() : operation.then.acl_list();
}
std::optional<Bytes> data_of(const UndoOperation& operation) {
  if (!operation.then.data) return std::nullopt;
  return as_bytes(*operation.then.data);
}

/// PrepRequestProcessor: what it refuses, and the body it makes otherwise.
std::string prepare(const UndoOperation& operation, const State& state, SubTxnValue& made) {
  const restore::Tree& tree = state.tree;
  const NodeId id = tree.find(operation.path);
  if (operation.what != What::kCreate && id == kNoNode) return "NoNode";
  switch (operation.what) {
    case What::kCreate: {
      if (id != kNoNode) return "NodeExists";
      const NodeId parent = tree.find_parent(operation.path);
      if (parent == kNoNode) return "NoNode (parent)";
      if (node_kind(tree.stat(parent).ephemeral_owner) == NodeKind::kEphemeral)
        return "NoChildrenForEphemerals";
      if (acl_of(operation).empty()) return "InvalidACL";
      const std::int64_t owner = operation.then.stat.ephemeral_owner;
      const std::int32_t cversion = tree.stat(parent).cversion + 1;
      switch (node_kind(owner)) {
        case NodeKind::kPersistent:
          made = {TxnType::kCreate,
                  CreateTxn{operation.path, data_of(operation), acl_of(operation), 0, cversion, false}};
          return {};
        case NodeKind::kContainer:
          made = {TxnType::kCreateContainer,
                  CreateContainerTxn{operation.path, data_of(operation), acl_of(operation), cversion}};
          return {};
        case NodeKind::kTtl:
          made = {TxnType::kCreateTtl, CreateTtlTxn{operation.path, data_of(operation), acl_of(operation),
                                                    cversion, ttl_of(owner)}};
          return {};
        case NodeKind::kEphemeral:
          return "an ephemeral of another session";
      }
      return "?";
    }
    case What::kSetData:
      if (operation.version == -1 || tree.stat(id).version != operation.version) return "BadVersion";
      made = {TxnType::kSetData, SetDataTxn{operation.path, data_of(operation), operation.version + 1}};
      return {};
    case What::kDelete:
      if (operation.version == -1 || tree.stat(id).version != operation.version) return "BadVersion";
      if (tree.child_count(id) != 0) return "NotEmpty";
      made = {TxnType::kDelete, DeleteTxn{operation.path}};
      return {};
    case What::kSetAcl:
      if (operation.version == -1 || tree.stat(id).aversion != operation.version) return "BadVersion";
      if (acl_of(operation).empty()) return "InvalidACL";
      made = {TxnType::kSetAcl, SetAclTxn{operation.path, acl_of(operation), operation.version + 1}};
      return {};
  }
  return "?";
}

Txn txn_of(std::int64_t zxid, TxnType type, TxnBody body) {
  Txn txn;
  txn.header = {kSession, 1, zxid, 1795239099000, type};
  txn.body = std::move(body);
  return txn;
}

}  // namespace

Facts facts_of(const State& state) {
  Facts facts;
  state.tree.walk(restore::kRoot, [&](NodeId id, std::string_view path) {
    const forensics::NodeCopy node = forensics::copy_node(state.tree, id);
    NodeFacts& one = facts[std::string(path)];
    if (!path.ends_with("/zookeeper_stats")) one.data = node.data;
    one.acl = node.acl.empty() ? std::string(as_text(open_acl_unsafe().encoded())) : node.acl;
    one.owner = node.stat.ephemeral_owner;
    return true;
  });
  return facts;
}

State clone(const State& state) {
  State copy;
  state.tree.walk(restore::kRoot, [&](NodeId id, std::string_view path) {
    const restore::NodeView view = state.tree.get(id);
    const restore::AclSlot acl = state.tree.acls().dangling(view.acl)
                                     ? copy.tree.acls().add_dangling()
                                     : copy.tree.acls().add(state.tree.acls().list(view.acl));
    if (id == restore::kRoot) {
      copy.tree.set_data(id, "", view.data, view.stat);
      copy.tree.set_acl(id, "", acl, view.stat);
    } else {
      copy.tree.create(path, copy.tree.find_parent(path), view.data, acl, view.stat);
    }
    return true;
  });
  copy.sessions = state.sessions;
  copy.last_zxid = state.last_zxid;
  copy.quotas.load(copy.tree);
  return copy;
}

std::string carry_out(const forensics::UndoPlan& plan, State& state, std::uint64_t max_request_bytes) {
  std::size_t number = 0;
  for (const UndoRequest& request : plan.requests) {
    ++number;
    if (request.operations.empty()) return fmt::format("request {} is empty", number);
    const std::int64_t zxid = state.last_zxid + 1;
    // Each operation of a multi sees what those before it did.
    State scratch = clone(state);
    std::vector<SubTxnValue> parts;
    for (const UndoOperation& operation : request.operations) {
      if (request.multi == (operation.what == What::kSetAcl))
        return fmt::format("request {}: a setACL inside a multi, or something else outside", number);
      SubTxnValue part{TxnType::kError, {}};
      const std::string refusal = prepare(operation, scratch, part);
      if (!refusal.empty()) return fmt::format("request {}: {}: {}", number, operation.path, refusal);
      if (!restore::apply(scratch, txn_of(zxid, part.type, part.body))) return "apply failed";
      parts.push_back(std::move(part));
    }
    if (!request.multi) {
      if (!restore::apply(state, txn_of(zxid, parts[0].type, parts[0].body))) return "apply failed";
      continue;
    }
    // A record's parts take one byte more than those of the request at most; its header and end 23 more.
    const std::string encoded = encode_sub_txns(parts);
    const std::uint64_t sent = request.bytes;
    if (sent > max_request_bytes) return fmt::format("request {} is too large: {}", number, sent);
    if (encoded.size() > sent + parts.size() + 4 || encoded.size() + parts.size() * 8 + 32 < sent)
      return fmt::format("request {} is said to take {} bytes, its record takes {}", number, sent,
                         encoded.size());
    if (!restore::apply(state,
                        txn_of(zxid, TxnType::kMulti, MultiTxn{JuteVector<SubTxn>(as_bytes(encoded))})))
      return "apply failed";
    if (facts_of(state) != facts_of(scratch)) return "a multi is not the sum of its parts";
  }
  return {};
}

}  // namespace zkark::test
