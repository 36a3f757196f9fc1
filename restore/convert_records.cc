#include "restore/convert_records.h"

#include <algorithm>

namespace zkark::restore {
namespace {

constexpr std::array<ChangeText, kChanges> kTexts = {{
    {"create2", "create", "none: the same effect"},
    {"deleteContainer", "delete", "none: the same effect"},
    {"reconfig", "setData", "none on the tree; the members come from zoo.cfg alone"},
    {"createContainer", "create", "the node is an ordinary one"},
    {"createTTL", "create", "the node is an ordinary one"},
    {"container node", "persistent node", "the server does not delete it when it is empty"},
    {"TTL node", "persistent node", "the server does not delete it when its time is up"},
    {"closeSession paths", "closeSession", "none: the release finds the session's nodes itself"},
    {"digest of a txn", "left out", "no digest proves the copy"},
    {"digest of a snapshot", "left out", "no digest proves the copy"},
    {"lastProcessedZxid", "left out", "none: the name says it"},
    {"digest behind a bare closeSession", "left out", "the server would take it for paths"},
    {"lastProcessedZxid alone", "left out", "a server with digests on would refuse the snapshot"},
}};

/// A create of the kind that a release without container and TTL nodes knows.
TxnBody plain_create(const TxnBody& body) {
  CreateTxn create;
  if (const auto* container = std::get_if<CreateContainerTxn>(&body)) {
    create.path = container->path, create.data = container->data, create.acl = container->acl;
    create.parent_cversion = container->parent_cversion;
  } else if (const auto* ttl = std::get_if<CreateTtlTxn>(&body)) {
    create.path = ttl->path, create.data = ttl->data, create.acl = ttl->acl;
    create.parent_cversion = ttl->parent_cversion;
  }
  return create;
}

/// What a type of 3.5 becomes; nullopt for types that stay.
std::optional<std::pair<TxnType, Change>> older_type(TxnType type) {
  switch (type) {
    case TxnType::kCreate2:
      return std::pair(TxnType::kCreate, Change::kCreate2);
    case TxnType::kDeleteContainer:
      return std::pair(TxnType::kDelete, Change::kDeleteContainer);
    case TxnType::kReconfig:
      return std::pair(TxnType::kSetData, Change::kReconfig);
    case TxnType::kCreateContainer:
      return std::pair(TxnType::kCreate, Change::kCreateContainer);
    case TxnType::kCreateTtl:
      return std::pair(TxnType::kCreate, Change::kCreateTtl);
    default:
      return std::nullopt;
  }
}

bool makes_special_node(TxnType type) {
  return type == TxnType::kCreateContainer || type == TxnType::kCreateTtl;
}

}  // namespace

const ChangeText& change_text(Change change) { return kTexts[static_cast<std::size_t>(change)]; }

RecordConverter::RecordConverter(const std::optional<Release>& release) : keep_(!release) {
  if (release) can_ = abilities_of(*release);
}

void RecordConverter::begin_snapshot(const std::string& path, std::int64_t zxid, bool newest) {
  file_ = path, file_zxid_ = zxid, newest_ = newest;
  sessions_.clear();
  sessions_sorted_ = false;
}

void RecordConverter::begin_log(const std::string& path, std::optional<std::int64_t> newest_snapshot) {
  file_ = path;
  follow_above_ = newest_snapshot.value_or(INT64_MIN);
}

void RecordConverter::count(Change change, std::int64_t zxid) {
  ChangeCount& counted = changes_[static_cast<std::size_t>(change)];
  if (counted.count++ == 0) counted.first_zxid = zxid;
  counted.last_zxid = zxid;
}

void RecordConverter::note_value(std::string_view path, const std::optional<Bytes>& data) {
  if (!data || !path.starts_with("/zookeeper/quota/") || !path.ends_with("/zookeeper_limits")) return;
  if (as_text(*data).find("HardLimit") != std::string_view::npos) hard_quotas_ = true;
}

void RecordConverter::follow_body(TxnType type, const TxnBody& body, std::int64_t zxid) {
  if (const auto* ttl = std::get_if<CreateTtlTxn>(&body)) {
    ttl_nodes_ = true;
    if (!can_.types_of_3_5)
      losses_.try_emplace(std::string(ttl->path), LostKind{NodeKind::kTtl, ttl->ttl_ms, zxid, file_});
  } else if (const auto* container = std::get_if<CreateContainerTxn>(&body)) {
    if (!can_.types_of_3_5)
      losses_.try_emplace(std::string(container->path), LostKind{NodeKind::kContainer, 0, zxid, file_});
  } else if (const auto* gone = std::get_if<DeleteTxn>(&body)) {
    if (!losses_.empty()) losses_.erase(std::string(gone->path));
  } else if (const auto* create = std::get_if<CreateTxn>(&body)) {
    note_value(create->path, create->data);
  } else if (const auto* set = std::get_if<SetDataTxn>(&body); set && type == TxnType::kSetData) {
    note_value(set->path, set->data);
  }
}

/// Which container and TTL nodes are there in the end.
void RecordConverter::follow(const Txn& txn) {
  const std::int64_t zxid = txn.header.zxid;
  if (zxid <= follow_above_) return;
  const auto* multi = std::get_if<MultiTxn>(&txn.body);
  if (multi == nullptr) return follow_body(txn.header.type, txn.body, zxid);
  if (multi_failed(*multi)) return;
  for (const SubTxn& sub : multi->txns)
    if (const Result<TxnBody> body = decode_sub_txn(sub)) follow_body(sub.type, *body, zxid);
}

bool RecordConverter::multi(const Txn& txn, const MultiTxn& multi, std::string& encoded) {
  const auto stays = [&](TxnType type) {
    return type == TxnType::kCreate2 ? can_.create2_in_multi : can_.types_of_3_5 || !older_type(type);
  };
  if (std::all_of(multi.txns.begin(), multi.txns.end(), [&](const SubTxn& sub) { return stays(sub.type); }))
    return false;
  JuteWriter out(encoded);
  out.i32(static_cast<std::int32_t>(multi.txns.size()));
  std::string rewritten;
  for (const SubTxn& sub : multi.txns) {
    TxnType type = sub.type;
    std::optional<Bytes> data = sub.data;
    if (!stays(type)) {
      const auto older = older_type(type);
      count(older->second, txn.header.zxid);
      if (makes_special_node(type)) {
        rewritten.clear();
        const Result<TxnBody> body = decode_sub_txn(sub);
        if (body) encode_body(plain_create(*body), rewritten);
        data = as_bytes(rewritten);
      }
      type = older->first;
    }
    out.i32(static_cast<std::int32_t>(type));
    out.buffer(data);
  }
  return true;
}

bool RecordConverter::txn(const Txn& given, std::string& payload) {
  if (keep_) return false;
  follow(given);
  const std::int64_t zxid = given.header.zxid;
  Txn txn;
  bool changed = false;
  std::string parts;
  const auto change = [&](Change what) {
    if (!changed) txn = given;
    changed = true;
    count(what, zxid);
  };
  if (!can_.types_of_3_5) {
    if (const auto older = older_type(given.header.type)) {
      change(older->second);
      if (makes_special_node(given.header.type)) txn.body = plain_create(given.body);
      txn.header.type = older->first;
    }
  }
  if (const auto* together = std::get_if<MultiTxn>(&given.body); together && multi(given, *together, parts)) {
    if (!changed) txn = given;
    changed = true;
    txn.body = MultiTxn{JuteVector<SubTxn>(as_bytes(parts))};
  }
  if (const auto* close = std::get_if<CloseSessionTxn>(&given.body)) {
    if (close->has_body && !can_.digests) {
      change(Change::kClosePaths);
      txn.body = CloseSessionTxn{};
    } else if (!close->has_body && given.digest && can_.digests) {
      change(Change::kMisreadDigest);
      txn.digest.reset();
    }
  }
  if (given.digest && !can_.digests) {
    change(Change::kTxnDigest);
    txn.digest.reset();
  }
  if (!changed) return false;
  payload.clear();
  encode_txn(txn, payload);
  return true;
}

void RecordConverter::session(const SnapSession& session) { sessions_.push_back(session.id); }

bool RecordConverter::node(SnapNode& node) {
  if (keep_) return false;
  note_value(node.path, node.data);
  const std::int64_t owner = node.stat.ephemeral_owner;
  const NodeKind kind = node_kind(owner);
  if (kind == NodeKind::kPersistent) return false;
  if (kind == NodeKind::kEphemeral) {
    if (owner >= 0) return false;
    if (!sessions_sorted_) std::sort(sessions_.begin(), sessions_.end());
    sessions_sorted_ = true;
    if (!std::binary_search(sessions_.begin(), sessions_.end(), owner)) ++unclear_owners_;
    return false;
  }
  if (kind == NodeKind::kTtl) ttl_nodes_ = true;
  if (can_.types_of_3_5) return false;
  count(kind == NodeKind::kTtl ? Change::kTtlNode : Change::kContainerNode, file_zxid_);
  if (newest_)
    losses_.try_emplace(std::string(node.path),
                        LostKind{kind, kind == NodeKind::kTtl ? ttl_of(owner) : 0, node.stat.czxid, file_});
  node.stat.ephemeral_owner = 0;
  return true;
}

bool RecordConverter::tail(SnapshotTail& tail) {
  if (keep_) return false;
  bool changed = false;
  if (tail.digest && !can_.digests) {
    count(Change::kDigestSection, file_zxid_);
    tail.digest.reset();
    changed = true;
  }
  if (!tail.last_processed_zxid) return changed;
  if (!can_.last_processed_zxid)
    count(Change::kLastProcessedZxid, file_zxid_);
  else if (!tail.digest)
    count(Change::kMisreadSection, file_zxid_);
  else
    return changed;
  tail.last_processed_zxid.reset();
  return true;
}

}  // namespace zkark::restore
