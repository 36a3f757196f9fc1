#include "src/server/prep.h"

#include <fmt/format.h>

#include <cstring>
#include <set>

#include "formats/base/wrapping.h"
#include "formats/digest.h"
#include "src/server/sweep.h"

namespace zkark::server {
namespace {

using restore::kNoNode;
using restore::NodeId;

/// The root is "" everywhere here: a txn may name it "/".
std::string_view key_of(std::string_view path) { return path == "/" ? std::string_view() : path; }
std::string_view parent_of(std::string_view path) { return path.substr(0, path.rfind('/')); }

/// As Apache decodes requests: a null path is no error yet, a count below -1 is an empty list.
constexpr Limits kAsJava{INT64_MAX, true};
bool is_null(std::string_view path) { return path.data() == nullptr; }

/// What every request needs of its path before anything is looked up.
bool has_parent(std::string_view path) {
  return path.find('/') != std::string_view::npos && path.find('\0') == std::string_view::npos;
}

/// Nodes without which a server does not start.
bool is_special(std::string_view path) {
  return path == "/" || path == "/zookeeper" || path == "/zookeeper/quota" || path == "/zookeeper/config";
}

bool version_fits(std::int32_t wanted, std::int32_t is) { return wanted == -1 || wanted == is; }

std::int32_t next(std::int32_t number) { return wrapping_add(number, 1); }

std::optional<CreateMode> mode_of(std::int32_t flags) {
  if (flags < 0 || flags > 6) return std::nullopt;
  return static_cast<CreateMode>(flags);
}

/// Inside a multi the flags say what kind of node it is, not the operation (Op.create).
OpCode op_in_multi(OpCode op, std::int32_t flags) {
  if (flags == static_cast<std::int32_t>(CreateMode::kContainer)) return OpCode::kCreateContainer;
  const auto mode = mode_of(flags);
  if (mode && is_ttl(*mode)) return OpCode::kCreateTtl;
  return op == OpCode::kCreate2 ? OpCode::kCreate2 : OpCode::kCreate;
}

}  // namespace

Prep::Prep(const restore::State& state, const Settings& settings, const AuthRules& rules)
    : state_(state),
      settings_(settings),
      rules_(rules),
      last_zxid_(state.last_zxid),
      digest_(state.tree.digest()) {}

bool Prep::look_up(std::string_view path, Record& record) const {
  if (!changes_.empty())
    if (const auto at = changes_.find(path); at != changes_.end()) {
      if (!at->second.exists) return false;
      record = at->second;
      return true;
    }
  const NodeId id = state_.tree.find(path);
  if (id == kNoNode) return false;
  const restore::NodeView node = state_.tree.get(id);
  record.zxid = 0;
  record.exists = true;
  record.stat = node.stat;
  record.children = node.children;
  record.digest = state_.tree.digest_of(id);
  record.id = id;
  record.acl = nullptr;
  record.data = nullptr;
  record.null_data = false;
  return true;
}

void Prep::Record::set_data(std::optional<Bytes> bytes) {
  null_data = !bytes.has_value();
  data = nullptr;
  if (!bytes) return;
  auto copy = std::make_shared_for_overwrite<char[]>(bytes->size());
  if (!bytes->empty()) std::memcpy(copy.get(), bytes->data(), bytes->size());
  data = std::move(copy);
  data_bytes = static_cast<std::uint32_t>(bytes->size());
}

// The node is in the state as long as a record refers to what the state has of it: a txn that deletes it
// leaves a record of a node that is gone.
AclList Prep::acl_of(const Record& record) const {
  if (record.acl != nullptr) return AclList(as_bytes(*record.acl));
  return record.id == kNoNode ? AclList() : state_.tree.acls().list(state_.tree.get(record.id).acl);
}

std::optional<Bytes> Prep::data_of(const Record& record) const {
  if (record.null_data) return std::nullopt;
  if (record.data != nullptr) return as_bytes(std::string_view(record.data.get(), record.data_bytes));
  return record.id == kNoNode ? std::nullopt : state_.tree.data(record.id);
}

/// Keeps the record, remembering what was there for a txn that fails after all.
void Prep::put(std::string_view path, Record record) {
  record.zxid = last_zxid_ + 1;
  const auto at = changes_.find(path);
  if (at == changes_.end()) {
    undo_.push_back({&*changes_.emplace(path, std::move(record)).first, false, {}});
    return;
  }
  undo_.push_back({&*at, true, std::move(at->second)});
  at->second = std::move(record);
}

/// The same, with the node's share of the digest computed anew.
void Prep::put_changed(std::string_view path, Record record) {
  const std::uint64_t before = record.digest;
  record.digest = node_digest(path, data_of(record), record.stat, state_.tree.ascii_digest());
  digest_ += record.digest - before;
  put(path, std::move(record));
}

void Prep::roll_back() {
  for (auto at = undo_.rbegin(); at != undo_.rend(); ++at) {
    if (at->had)
      at->at->second = std::move(at->before);
    else
      changes_.erase(changes_.find(at->at->first));
  }
  undo_.clear();
  digest_ = digest_before_;
}

void Prep::applied(std::int64_t zxid) {
  while (!order_.empty() && order_.front().first <= zxid) {
    const auto [by, change] = order_.front();
    if (change->second.zxid == by) changes_.erase(changes_.find(change->first));
    order_.pop_front();
  }
  while (!new_ephemerals_.empty() && new_ephemerals_.front().zxid <= zxid) new_ephemerals_.pop_front();
}

bool Prep::allowed(const Record& record, std::int32_t perms, const WriteRequest& request) const {
  return rules_.allows(acl_of(record), perms, *request.who);
}

ZkCode Prep::check_quota(std::string_view path, std::int64_t bytes, std::int64_t count) const {
  if (!settings_.enforce_quota) return ZkCode::kOk;
  const auto quota = state_.quotas.find(state_.tree, path);
  if (!quota) return ZkCode::kOk;
  const restore::QuotaValues& limits = quota->limits;
  if (count != 0 && limits.count_hard > -1 && wrapping_add(quota->used.count, count) > limits.count_hard)
    return ZkCode::kQuotaExceeded;
  if (bytes != 0 && limits.bytes_hard > -1 && wrapping_add(quota->used.bytes, bytes) > limits.bytes_hard)
    return ZkCode::kQuotaExceeded;
  return ZkCode::kOk;
}

ZkCode Prep::create(OpCode op, const CreateRequest& create, const WriteRequest& request, MadeTxn& made) {
  const auto mode = mode_of(create.flags);
  if (!mode) return ZkCode::kBadArguments;
  if (is_ttl(*mode) && !settings_.extended_types) return ZkCode::kUnimplemented;
  if (is_ttl(*mode) ? create.ttl_ms < 1 || create.ttl_ms > kMaxTtlMs : create.ttl_ms >= 0)
    return ZkCode::kBadArguments;
  // Apache takes it, dies of it, and cannot read the log again.
  if (op == OpCode::kCreateTtl && !is_ttl(*mode))
    return settings_.extended_types ? ZkCode::kBadArguments : ZkCode::kUnimplemented;
  if (is_null(create.path)) return ZkCode::kMarshallingError;
  if (!has_parent(create.path)) return ZkCode::kBadArguments;
  if (const ZkCode err = rules_.fix_up(create.acl, *request.who, acl_); err != ZkCode::kOk) return err;
  const std::string_view parent_path = parent_of(create.path);
  Record parent;
  if (!look_up(parent_path, parent)) return ZkCode::kNoNode;
  if (!allowed(parent, Perms::kCreate, request)) return ZkCode::kNoAuth;
  path_ = create.path;
  if (is_sequential(*mode)) path_ += fmt::format("{:010d}", parent.stat.cversion);
  // Limits of the root itself: Apache takes them, dies of them, and cannot read the log again.
  if (!valid_request_path(path_) || path_ == "/zookeeper/quota/zookeeper_limits")
    return ZkCode::kBadArguments;
  Record node;
  if (look_up(key_of(path_), node)) return ZkCode::kNodeExists;
  if (node_kind(parent.stat.ephemeral_owner) == NodeKind::kEphemeral) return ZkCode::kNoChildrenForEphemerals;
  const std::int64_t bytes = create.data ? static_cast<std::int64_t>(create.data->size()) : 0;
  if (const ZkCode err = check_quota(path_, bytes, 1); err != ZkCode::kOk) return err;

  const AclList list{as_bytes(acl_)};
  const std::int32_t cversion = next(parent.stat.cversion);
  node = Record{};
  if (op == OpCode::kCreateContainer) {
    made = {TxnType::kCreateContainer, CreateContainerTxn{path_, create.data, list, cversion}};
    node.stat.ephemeral_owner = kContainerOwner;
  } else if (op == OpCode::kCreateTtl) {
    made = {TxnType::kCreateTtl, CreateTtlTxn{path_, create.data, list, cversion, create.ttl_ms}};
    node.stat.ephemeral_owner = ttl_owner(create.ttl_ms);
  } else {
    CreateTxn txn{path_, create.data, list, 0, cversion};
    if (is_ephemeral(*mode)) txn.ephemeral = 1, node.stat.ephemeral_owner = request.session;
    made = {op == OpCode::kCreate2 ? TxnType::kCreate2 : TxnType::kCreate, txn};
  }
  const std::int64_t zxid = last_zxid_ + 1;
  parent.children += 1;
  if (cversion > parent.stat.cversion) {  // as the txn is applied: the count ends at 2147483647
    parent.stat.cversion = cversion;
    parent.stat.pzxid = zxid;
  }
  if (node_kind(node.stat.ephemeral_owner) == NodeKind::kEphemeral)
    new_ephemerals_.push_back({zxid, request.session, path_});
  put_changed(parent_path, std::move(parent));
  node.stat.czxid = node.stat.mzxid = node.stat.pzxid = zxid;
  node.stat.ctime = node.stat.mtime = request.time_ms;
  node.acl = std::make_shared<const std::string>(acl_);
  node.set_data(create.data);
  put_changed(path_, std::move(node));
  return ZkCode::kOk;
}

/// The node will be gone, and its parent one child shorter.
void Prep::remove_record(std::string_view path, const Record& node) {
  Record parent;
  const std::string_view parent_path = parent_of(path);
  if (look_up(parent_path, parent)) {
    parent.children -= 1;
    parent.stat.pzxid = last_zxid_ + 1;
    put_changed(parent_path, std::move(parent));
  }
  digest_ -= node.digest;
  Record gone;
  gone.exists = false;
  put(path, std::move(gone));
}

ZkCode Prep::remove(std::string_view path, std::int32_t version, const WriteRequest& request, MadeTxn& made) {
  if (is_null(path)) return ZkCode::kMarshallingError;
  if (!has_parent(path) || is_special(path)) return ZkCode::kBadArguments;
  const std::string_view parent_path = parent_of(path);
  Record parent, node;
  if (!look_up(parent_path, parent)) return ZkCode::kNoNode;
  if (!allowed(parent, Perms::kDelete, request)) return ZkCode::kNoAuth;
  if (!look_up(path, node)) return ZkCode::kNoNode;
  if (!version_fits(version, node.stat.version)) return ZkCode::kBadVersion;
  if (node.children > 0) return ZkCode::kNotEmpty;
  path_ = path;
  made = {TxnType::kDelete, DeleteTxn{path_}};
  remove_record(path_, node);
  return ZkCode::kOk;
}

ZkCode Prep::set_data(const SetDataRequest& set, const WriteRequest& request, MadeTxn& made) {
  if (!valid_request_path(set.path)) return ZkCode::kBadArguments;
  const std::string_view key = key_of(set.path);
  Record node;
  if (!look_up(key, node)) return ZkCode::kNoNode;
  if (!allowed(node, Perms::kWrite, request)) return ZkCode::kNoAuth;
  if (settings_.enforce_quota) {
    const std::optional<Bytes> before = data_of(node);
    const auto size_of = [](const std::optional<Bytes>& data) {
      return data ? static_cast<std::int64_t>(data->size()) : 0;
    };
    const ZkCode err = check_quota(set.path, size_of(set.data) - size_of(before), 0);
    if (err != ZkCode::kOk) return err;
  }
  if (!version_fits(set.version, node.stat.version)) return ZkCode::kBadVersion;
  const std::int32_t version = next(node.stat.version);
  path_ = set.path;
  made = {TxnType::kSetData, SetDataTxn{path_, set.data, version}};
  node.stat.version = version;
  node.stat.mtime = request.time_ms;
  node.stat.mzxid = last_zxid_ + 1;
  node.set_data(set.data);
  put_changed(key, std::move(node));
  return ZkCode::kOk;
}

ZkCode Prep::set_acl(const SetAclRequest& set, const WriteRequest& request, MadeTxn& made) {
  if (!valid_request_path(set.path)) return ZkCode::kBadArguments;
  if (const ZkCode err = rules_.fix_up(set.acl, *request.who, acl_); err != ZkCode::kOk) return err;
  const std::string_view key = key_of(set.path);
  Record node;
  if (!look_up(key, node)) return ZkCode::kNoNode;
  if (!allowed(node, Perms::kAdmin, request)) return ZkCode::kNoAuth;
  if (!version_fits(set.version, node.stat.aversion)) return ZkCode::kBadVersion;
  const std::int32_t version = next(node.stat.aversion);
  path_ = set.path;
  made = {TxnType::kSetAcl, SetAclTxn{path_, AclList(as_bytes(acl_)), version}};
  node.stat.aversion = version;
  node.acl = std::make_shared<const std::string>(acl_);
  put_changed(key, std::move(node));
  return ZkCode::kOk;
}

ZkCode Prep::check(const PathVersionRequest& check, const WriteRequest& request, MadeTxn& made) {
  if (!valid_request_path(check.path)) return ZkCode::kBadArguments;
  const std::string_view key = key_of(check.path);
  Record node;
  if (!look_up(key, node)) return ZkCode::kNoNode;
  if (!allowed(node, Perms::kRead, request)) return ZkCode::kNoAuth;
  if (!version_fits(check.version, node.stat.version)) return ZkCode::kBadVersion;
  path_ = check.path;
  made = {TxnType::kCheck, CheckVersionTxn{path_, next(node.stat.version)}};
  return ZkCode::kOk;
}

/// One operation, alone or inside a multi. kMarshallingError when the body cannot be decoded.
ZkCode Prep::write(OpCode op, const WriteRequest& request, JuteReader& in, MadeTxn& made) {
  switch (op) {
    case OpCode::kCreate:
    case OpCode::kCreate2:
    case OpCode::kCreateContainer:
    case OpCode::kCreateTtl: {
      const CreateRequest create = CreateRequest::read(in, op == OpCode::kCreateTtl);
      if (!in.ok()) return ZkCode::kMarshallingError;
      return this->create(op, create, request, made);
    }
    case OpCode::kDelete: {
      const PathVersionRequest remove = PathVersionRequest::read(in);
      if (!in.ok()) return ZkCode::kMarshallingError;
      return this->remove(remove.path, remove.version, request, made);
    }
    case OpCode::kSetData: {
      const SetDataRequest set = SetDataRequest::read(in);
      if (!in.ok()) return ZkCode::kMarshallingError;
      return set_data(set, request, made);
    }
    case OpCode::kSetAcl: {
      const SetAclRequest set = SetAclRequest::read(in);
      if (!in.ok()) return ZkCode::kMarshallingError;
      return set_acl(set, request, made);
    }
    case OpCode::kCheck: {
      const PathVersionRequest check = PathVersionRequest::read(in);
      if (!in.ok()) return ZkCode::kMarshallingError;
      return this->check(check, request, made);
    }
    default:
      return ZkCode::kMarshallingError;
  }
}

namespace {

/// Reads one operation of a multi over without looking at it: all of the request is decoded before any of it
/// is judged. False for what may not stand in a multi, a null path included.
bool skip_operation(OpCode op, JuteReader& in) {
  switch (op) {
    case OpCode::kCreate:
    case OpCode::kCreate2:
    case OpCode::kCreateContainer:
    case OpCode::kCreateTtl:
      return !is_null(CreateRequest::read(in, op == OpCode::kCreateTtl).path) && in.ok();
    case OpCode::kDelete:
    case OpCode::kCheck:
      return !is_null(PathVersionRequest::read(in).path) && in.ok();
    case OpCode::kSetData:
      return !is_null(SetDataRequest::read(in).path) && in.ok();
    default:
      return false;
  }
}

/// The operations of a multi, each with its body; nullopt when the request cannot be decoded.
std::optional<std::vector<std::pair<OpCode, Bytes>>> operations_of(Bytes body) {
  std::vector<std::pair<OpCode, Bytes>> operations;
  JuteReader in(body, kAsJava);
  for (;;) {
    const MultiHeader header = MultiHeader::read(in);
    if (!in.ok()) return std::nullopt;
    if (header.done) return operations;
    const std::size_t start = in.offset();
    const auto op = static_cast<OpCode>(header.op);
    if (!skip_operation(op, in)) return std::nullopt;
    operations.emplace_back(op, body.subspan(start, in.offset() - start));
  }
}

}  // namespace

ZkCode Prep::multi(const WriteRequest& request, MadeTxn& made, std::vector<OpCode>& ops) {
  const auto operations = operations_of(request.body);
  if (!operations) return ZkCode::kMarshallingError;
  std::string encoded;
  JuteWriter out(encoded);
  out.i32(static_cast<std::int32_t>(operations->size()));
  ZkCode failed = ZkCode::kOk;
  std::string sub;
  for (const auto& [op_on_wire, body] : *operations) {
    OpCode op = op_on_wire;
    MadeTxn part;
    if (failed != ZkCode::kOk) {
      part = {TxnType::kError, ErrorTxn{static_cast<std::int32_t>(ZkCode::kRuntimeInconsistency)}};
    } else {
      JuteReader in(body, kAsJava);
      if (op == OpCode::kCreate || op == OpCode::kCreate2 || op == OpCode::kCreateContainer ||
          op == OpCode::kCreateTtl) {
        CreateRequest create = CreateRequest::read(in, op == OpCode::kCreateTtl);
        op = op_in_multi(op, create.flags);
        if (op != OpCode::kCreateTtl) create.ttl_ms = -1;
        // Flags of a TTL node in a request that has none: Apache stumbles over it.
        const bool without_ttl = op == OpCode::kCreateTtl && op_on_wire != op;
        failed = without_ttl ? ZkCode::kMarshallingError : this->create(op, create, request, part);
        // 3.8.0 cannot replay a create2 inside a multi; the two mean the same.
        if (part.type == TxnType::kCreate2) part.type = TxnType::kCreate;
      } else {
        failed = write(op, request, in, part);
      }
      if (failed == ZkCode::kMarshallingError) return failed;  // no operation's result, but the request's
      if (failed != ZkCode::kOk) {
        roll_back();
        part = {TxnType::kError, ErrorTxn{static_cast<std::int32_t>(failed)}};
      }
    }
    ops.push_back(op);
    sub.clear();
    encode_body(part.body, sub);
    out.i32(static_cast<std::int32_t>(part.type));
    out.buffer(as_bytes(sub));
    // finish() would refuse it. A few bytes may stand for many: "auth" for all identities, each time.
    if (encoded.size() > most_bytes()) return ZkCode::kMarshallingError;
  }
  list_ = std::move(encoded);
  made = {TxnType::kMulti, MultiTxn{JuteVector<SubTxn>(as_bytes(list_))}};
  return ZkCode::kOk;
}

/// Of a txn that Apache can read back.
std::size_t Prep::most_bytes() const {
  return static_cast<std::size_t>(settings_.jute_max_buffer + settings_.jute_max_extra);
}

/// Ends the txn: an error takes the zxid, too. One that Apache's limit would keep from being read back is
/// refused.
Prepared Prep::finish(const WriteRequest& request, ZkCode err, const MadeTxn& made, std::string& payload) {
  Txn txn;
  txn.header = {request.session, request.cxid, last_zxid_ + 1, request.time_ms, made.type};
  txn.body = made.body;
  const std::size_t start = payload.size();
  if (err == ZkCode::kOk) {
    if (settings_.digest_enabled) txn.digest = TxnDigest{kDigestVersion, static_cast<std::int64_t>(digest_)};
    encode_txn(txn, payload);
    if (payload.size() - start > most_bytes()) {
      payload.resize(start);
      err = ZkCode::kMarshallingError;
    }
  }
  if (err != ZkCode::kOk) {
    roll_back();
    txn.header.type = TxnType::kError;
    txn.body = ErrorTxn{static_cast<std::int32_t>(err)};
    txn.digest.reset();
    encode_txn(txn, payload);
  }
  ++last_zxid_;
  for (const Undo& change : undo_)  // a place that one txn changes twice counts once
    if (!change.had || change.before.zxid != last_zxid_) order_.emplace_back(last_zxid_, change.at);
  undo_.clear();
  Prepared prepared;
  prepared.zxid = last_zxid_;
  prepared.err = err;
  return prepared;
}

Prepared Prep::prepare(const WriteRequest& request, std::string& payload) {
  digest_before_ = digest_;
  MadeTxn made;
  std::vector<OpCode> ops;
  ZkCode err = ZkCode::kOk;
  if (request.op == OpCode::kMulti) {
    err = multi(request, made, ops);
  } else if (request.op == OpCode::kReconfig) {
    // A standalone server has no ensemble to change.
    err = settings_.reconfig_enabled ? ZkCode::kUnimplemented : ZkCode::kReconfigDisabled;
  } else {
    JuteReader in(request.body, kAsJava);
    err = write(request.op, request, in, made);
  }
  Prepared prepared = finish(request, err, made, payload);
  prepared.multi_ops = std::move(ops);
  return prepared;
}

Prepared Prep::create_session(std::int64_t session, std::int32_t timeout_ms, std::int64_t time_ms,
                              std::string& payload) {
  digest_before_ = digest_;
  WriteRequest request;
  request.session = session;
  request.op = OpCode::kCreateSession;
  request.time_ms = time_ms;
  return finish(request, ZkCode::kOk, {TxnType::kCreateSession, CreateSessionTxn{timeout_ms}}, payload);
}

Prepared Prep::close_session(std::int64_t session, std::int32_t cxid, std::int64_t time_ms,
                             std::string& payload) {
  digest_before_ = digest_;
  std::set<std::string> paths;
  for (std::string& path : state_.tree.ephemerals_of(session)) paths.insert(std::move(path));
  for (const NewEphemeral& made : new_ephemerals_)
    if (made.session == session) paths.insert(made.path);
  std::vector<std::string_view> views;
  std::size_t bytes = 4;
  for (const std::string& path : paths) {
    Record node;
    if (!look_up(path, node) || node.stat.ephemeral_owner != session) continue;  // deleted, not applied yet
    remove_record(path, node);
    views.push_back(path);
    bytes += 4 + path.size();
  }
  WriteRequest request;
  request.session = session;
  request.cxid = cxid;
  request.op = OpCode::kCloseSession;
  request.time_ms = time_ms;
  CloseSessionTxn close;
  // Without the list every release deletes what the session owns; a list longer than the limit is a record
  // that Apache writes and then cannot read (ZOOKEEPER-4306).
  const auto most = static_cast<std::size_t>(settings_.jute_max_buffer);
  if (settings_.close_session_txn && bytes <= most) {
    list_ = encode_paths(views);
    close.has_body = true;
    close.paths = PathList(as_bytes(list_));
  }
  return finish(request, ZkCode::kOk, {TxnType::kCloseSession, close}, payload);
}

Prepared Prep::delete_container(std::string_view path, std::int64_t time_ms, std::string& payload) {
  digest_before_ = digest_;
  WriteRequest request;
  request.op = OpCode::kDeleteContainer;
  request.time_ms = time_ms;
  MadeTxn made;
  Record node;
  ZkCode err = ZkCode::kOk;
  if (!has_parent(path) || is_special(path))
    err = ZkCode::kBadArguments;
  else if (!look_up(path, node))
    err = ZkCode::kNoNode;
  else if (node.children > 0)
    err = ZkCode::kNotEmpty;
  else if (!is_due(node.stat, node.children, time_ms, settings_))
    err = ZkCode::kBadVersion;  // a write before this one made another node of it, or renewed it
  if (err == ZkCode::kOk) {
    path_ = path;
    made = {TxnType::kDeleteContainer, DeleteTxn{path_}};
    remove_record(path_, node);
  }
  return finish(request, err, made, payload);
}

}  // namespace zkark::server
