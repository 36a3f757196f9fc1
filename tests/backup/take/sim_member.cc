#include "tests/backup/take/sim_member.h"

#include <fmt/format.h>

#include <algorithm>

#include "formats/base/check.h"
#include "formats/digest.h"
#include "formats/file_names.h"
#include "formats/snapshot.h"
#include "formats/txn_log.h"
#include "restore/apply.h"

namespace zkark::test {
namespace {

using restore::NodeId;
using restore::State;

class StringSink : public ByteSink {
 public:
  Status write(Bytes bytes) override {
    content.append(as_text(bytes));
    return {};
  }
  Status finish() override { return {}; }
  std::string content;
};

class StringSource : public ByteSource {
 public:
  explicit StringSource(std::string_view content) : content_(content) {}
  Result<std::size_t> read(MutableBytes into) override {
    const std::size_t n = std::min(into.size(), content_.size());
    std::copy_n(as_bytes(content_).begin(), n, into.begin());
    content_.remove_prefix(n);
    return n;
  }

 private:
  std::string_view content_;
};

template <class T>
T must(Result<T> result) {
  ZK_CHECK(result.has_value());
  return std::move(result).value();
}
void must(const Status& status) { ZK_CHECK(status.has_value()); }

std::string exact_snapshot(const State& state, bool sections) {
  StringSink sink;
  Job job;
  must(restore::write_snapshot(state, sink, {state.last_zxid, sections}, job));
  return std::move(sink.content);
}

std::unique_ptr<State> load(std::string_view snapshot, std::int64_t zxid) {
  StringSource source(snapshot);
  SnapshotReader reader(source, "sim");
  Job job;
  return std::make_unique<State>(std::move(must(restore::load_snapshot(reader, {zxid, false}, job)).state));
}

}  // namespace

std::uint64_t hash_of(const State& state) {
  std::uint64_t hash = 0xcbf29ce484222325;
  restore::canonical_dump(state, [&](std::string_view text) {
    for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  });
  return hash;
}

/// The nodes still to be written, and what was known when it began.
struct SimMember::FuzzySnapshot {
  std::int64_t name = 0;
  StringSink sink;
  SnapshotWriter writer{sink};
  std::map<std::string, std::int64_t> acls;  // encoded list -> id
  std::vector<std::string> stack;            // paths, next last
};

SimMember::SimMember(SimFs& fs, std::string dir, std::uint64_t seed, Ledger& ledger, SimMemberOptions options)
    : fs_(fs),
      dir_(std::move(dir)),
      random_(seed),
      ledger_(ledger),
      options_(options),
      state_(std::make_unique<State>(restore::initial_state())) {
  start_ = exact_snapshot(*state_, options_.digests);
  ledger_.add(0, hash_of(*state_));
  fs_.put(path_of("snapshot.0"), start_);
  fs_.put(dir_ + "/myid", "1\n");
}
SimMember::~SimMember() = default;
SimMember::SimMember(SimMember&&) noexcept = default;

void SimMember::write_epochs(std::uint32_t epoch) {
  fs_.put(path_of("currentEpoch"), fmt::format("{}", epoch));
  fs_.put(path_of("acceptedEpoch"), fmt::format("{}", epoch));
}

/// A random txn that fits the state, as a server would log it; applied.
std::string SimMember::make_payload(std::int64_t zxid) {
  const restore::Tree& tree = state_->tree;
  std::vector<std::string> own, leaves;  // nodes a client may touch
  tree.walk(restore::kRoot, [&](NodeId id, std::string_view path) {
    if (id != restore::kRoot && path.substr(0, 10) != "/zookeeper") {
      own.emplace_back(path);
      if (tree.child_count(id) == 0 && path.substr(0, 5) != "/keep") leaves.emplace_back(path);
    }
    return true;
  });
  const auto any = [&](const std::vector<std::string>& paths) -> const std::string& {
    return paths[below(paths.size())];
  };
  const Acl open{Perms::kAll, "world", "anyone"}, other{Perms::kRead, "digest", "user:hash"};
  const std::string open_acl = encode_acls(std::span(&open, 1));
  const Acl both[] = {other, open};
  const std::string other_acl = encode_acls(both);
  const std::string value = fmt::format("value {} of {:x} {}", ++made_, zxid, std::string(below(40), 'x'));

  Txn txn;
  txn.header.zxid = zxid;
  txn.header.cxid = static_cast<std::int32_t>(made_);
  time_ms_ += static_cast<std::int64_t>(below(20));
  if (below(200) == 0) time_ms_ -= 3000;  // another leader's clock
  txn.header.time_ms = time_ms_;
  const std::int64_t session =
      state_->sessions.empty()
          ? 0
          : std::next(state_->sessions.begin(), static_cast<std::ptrdiff_t>(below(state_->sessions.size())))
                ->first;
  txn.header.client_id = session;
  std::string path, path2, encoded;

  const auto new_path = [&] {
    std::string parent;
    if (!own.empty() && below(3) != 0) {
      parent = any(own);
      const std::int64_t owner = tree.stat(tree.find(parent)).ephemeral_owner;
      if (owner != 0 && owner != kContainerOwner)
        parent.clear();  // neither ephemerals nor TTL nodes here have children
    }
    return fmt::format("{}/n{:x}", parent, zxid);
  };
  const auto next_cversion = [&](const std::string& of) {
    return tree.stat(tree.find_parent(of)).cversion + 1;
  };
  const auto create = [&](const std::string& at) {
    CreateTxn body;
    body.path = at;
    if (below(10) != 0) body.data = as_bytes(value);
    body.acl = AclList(as_bytes(below(4) == 0 ? other_acl : open_acl));
    body.parent_cversion = next_cversion(at);
    return body;
  };
  const auto set = [&](const std::string& at) {
    return SetDataTxn{at, as_bytes(value), tree.stat(tree.find(at)).version + 1};
  };
  const auto set_type = [&](TxnType type, TxnBody body) {
    txn.header.type = type;
    txn.body = std::move(body);
  };

  const std::uint64_t dice = below(100);
  if (session == 0 || (dice < 4 && state_->sessions.size() < 6)) {
    txn.header.client_id = 0x1000000000000000 + zxid;
    set_type(TxnType::kCreateSession, CreateSessionTxn{30000});
  } else if (dice < 6 && state_->sessions.size() > 1) {
    const std::vector<std::string> paths = tree.ephemerals_of(session);
    const std::vector<std::string_view> views(paths.begin(), paths.end());
    encoded = encode_paths(views);
    CloseSessionTxn body;
    body.has_body = true;
    body.paths = PathList(as_bytes(encoded));
    set_type(TxnType::kCloseSession, body);
  } else if (kept_ < options_.kept_nodes && below(2) == 0) {
    path = fmt::format("/keep{:02}", kept_);
    while (tree.find(path) != restore::kNoNode) path = fmt::format("/keep{:02}", ++kept_);
    set_type(TxnType::kCreate, create(path));
  } else if (dice < 12) {
    set_type(TxnType::kError, ErrorTxn{-101});
  } else if (own.empty() || (dice < 45 && own.size() < options_.nodes)) {
    path = new_path();
    switch (below(8)) {
      case 0: {
        CreateTxn body = create(path);
        body.ephemeral = 1;
        set_type(TxnType::kCreate, body);
        break;
      }
      case 1: {
        CreateContainerTxn body;
        body.path = path;
        body.data = as_bytes(value);
        body.acl = AclList(as_bytes(open_acl));
        body.parent_cversion = next_cversion(path);
        set_type(TxnType::kCreateContainer, body);
        break;
      }
      case 2: {
        CreateTtlTxn body;
        body.path = path;
        body.acl = AclList(as_bytes(open_acl));
        body.parent_cversion = next_cversion(path);
        body.ttl_ms = 600000;
        set_type(TxnType::kCreateTtl, body);
        break;
      }
      case 3:
        set_type(TxnType::kCreate2, create(path));
        break;
      default:
        set_type(TxnType::kCreate, create(path));
    }
  } else if (dice < 60 && !leaves.empty()) {
    path = any(leaves);
    set_type(TxnType::kDelete, DeleteTxn{path});
  } else if (dice < 66) {
    path = any(own);
    set_type(TxnType::kSetAcl, SetAclTxn{path, AclList(as_bytes(below(2) == 0 ? other_acl : open_acl)),
                                         tree.stat(tree.find(path)).aversion + 1});
  } else if (dice < 80) {
    path = any(own);
    path2 = fmt::format("/m{:x}", zxid);
    const bool fails = below(3) == 0;
    std::vector<SubTxnValue> parts{{TxnType::kCreate, create(path2)}};
    if (fails) {
      parts.push_back({TxnType::kError, ErrorTxn{-103}});
      parts.push_back({TxnType::kError, ErrorTxn{-2}});
    } else {
      parts.push_back({TxnType::kSetData, set(path)});
      parts.push_back({TxnType::kCheck, CheckVersionTxn{path, 1}});
    }
    encoded = encode_sub_txns(parts);
    set_type(TxnType::kMulti, MultiTxn{JuteVector<SubTxn>(as_bytes(encoded))});
  } else {
    path = any(own);
    set_type(TxnType::kSetData, set(path));
  }
  must(restore::apply(*state_, txn));
  if (options_.digests && txn.header.type != TxnType::kError)
    txn.digest = TxnDigest{2, static_cast<std::int64_t>(tree.digest())};
  std::string payload;
  encode_txn(txn, payload);
  return payload;
}

std::shared_ptr<const SimRecord> SimMember::write() {
  if (pending_) finish_write();
  if (zxid_ < state_->last_zxid) zxid_ = state_->last_zxid;
  auto record = std::make_shared<SimRecord>();
  record->zxid = ++zxid_;
  append_record(as_bytes(make_payload(record->zxid)), record->bytes);
  history_.push_back(record);
  ledger_.add(record->zxid, hash_of(*state_));
  append(*record, record->bytes.size());
  return record;
}

void SimMember::begin_write() {
  if (pending_) finish_write();
  if (zxid_ < state_->last_zxid) zxid_ = state_->last_zxid;
  // The state follows when the record is whole: make it on a copy of the state.
  const std::string before = exact_snapshot(*state_, false);
  const std::int64_t zxid = state_->last_zxid;
  auto record = std::make_shared<SimRecord>();
  record->zxid = zxid_ + 1;
  append_record(as_bytes(make_payload(record->zxid)), record->bytes);
  state_ = load(before, zxid);
  pending_ = record;
  append(*record, 1 + below(record->bytes.size() - 1));
}

void SimMember::finish_write() {
  if (!pending_) return;
  const auto record = std::move(pending_);
  pending_.reset();
  zxid_ = record->zxid;
  receive(record);
}

void SimMember::apply(const SimRecord& record) {
  const Bytes payload =
      as_bytes(record.bytes).subspan(kRecordPrefixBytes, record.bytes.size() - kRecordPrefixBytes - 1);
  must(restore::apply(*state_, must(decode_txn(payload))));
}

void SimMember::receive(const std::shared_ptr<const SimRecord>& record) {
  apply(*record);
  history_.push_back(record);
  ledger_.add(record->zxid, hash_of(*state_));
  append(*record, record->bytes.size());
}

/// The whole record, or its first bytes alone.
void SimMember::append(const SimRecord& record, std::size_t bytes) {
  if (!open_) {
    Log log;
    log.name = log_file_name(record.zxid);
    append_log_header(log.content);
    // A file of that name holds only a torn first record: it is written anew.
    std::erase_if(logs_, [&](const Log& old) { return old.name == log.name; });
    logs_.push_back(std::move(log));
    open_ = logs_.size() - 1;
  }
  Log& log = logs_[*open_];
  const std::uint64_t position = log.content.size(), step = options_.preallocate;
  if (step != 0 && position + record.bytes.size() >= log.size)
    log.size = position > log.size ? (position + step) / step * step : log.size + step;
  log.size = std::max<std::uint64_t>(log.size, position + record.bytes.size());
  if (bytes < record.bytes.size()) {
    put_log(log, std::string_view(record.bytes).substr(0, bytes));
    return;
  }
  log.content += record.bytes;
  log.ends.emplace_back(record.zxid, log.content.size());
  put_log(log);
}

void SimMember::put_log(const Log& log, std::string_view torn) {
  std::string file = log.content + std::string(torn);
  if (file.size() < log.size && options_.preallocate != 0) file.resize(log.size);
  fs_.put(path_of(log.name), file);
}

void SimMember::truncate_to(std::int64_t zxid) {
  pending_.reset();
  snapshot_.reset();
  open_.reset();
  bool cut = false;
  std::vector<Log> kept;
  for (Log& log : logs_) {
    if (cut) {
      fs_.erase(path_of(log.name));
      continue;
    }
    for (std::size_t i = 0; i < log.ends.size() && !cut; ++i) {
      if (log.ends[i].first < zxid) continue;
      cut = true;
      log.content.resize(log.ends[i].second);
      log.ends.resize(i + 1);
      log.size = log.content.size();
      fs_.put(path_of(log.name), log.content);
    }
    kept.push_back(std::move(log));
  }
  logs_ = std::move(kept);
  // It starts anew from its snapshot and what is left of the logs.
  ZK_CHECK(zxid >= start_zxid_);
  state_ = load(start_, start_zxid_);
  std::erase_if(history_, [&](const auto& record) { return record->zxid > zxid; });
  for (const auto& record : history_) apply(*record);
  zxid_ = state_->last_zxid;
}

void SimMember::put_snapshot(std::int64_t name, bool synced) {
  StringSink sink;
  if (!synced) {
    sink.content = exact_snapshot(*state_, options_.digests);
  } else {
    // Nothing was applied since the sync: the digest section says (0, 2, 0).
    Job job;
    must(restore::write_snapshot(*state_, sink, {0, options_.digests}, job));
  }
  if (options_.digests && !options_.last_processed) {
    // 33 bytes of digest section and seal stay, the 21 of lastProcessedZxid go: releases before 3.9.
    sink.content.resize(sink.content.size() - 21);
  }
  fs_.put(path_of(snapshot_file_name(name)), sink.content);
}

void SimMember::take_snapshot_of(const SimMember& leader) {
  pending_.reset();
  snapshot_.reset();
  start_ = exact_snapshot(*leader.state_, false);
  start_zxid_ = leader.last_zxid();
  state_ = load(start_, start_zxid_);
  history_.clear();
  zxid_ = start_zxid_;
  ledger_.add(start_zxid_, hash_of(*state_));
  put_snapshot(start_zxid_, true);
  open_.reset();
}

void SimMember::snapshot() {
  if (pending_) finish_write();
  put_snapshot(state_->last_zxid, false);
  roll();
}

void SimMember::begin_snapshot() {
  if (pending_) finish_write();
  snapshot_ = std::make_unique<FuzzySnapshot>();
  snapshot_->name = state_->last_zxid;
  must(snapshot_->writer.begin({}, state_->sessions.size()));
  for (const auto& [id, timeout] : state_->sessions) must(snapshot_->writer.session({id, timeout}));
  const restore::Tree& tree = state_->tree;
  tree.walk(restore::kRoot, [&](NodeId id, std::string_view) {
    const restore::AclSlot slot = tree.get(id).acl;
    if (slot != restore::kOpenAcl) {
      const auto next = static_cast<std::int64_t>(snapshot_->acls.size()) + 1;
      snapshot_->acls.emplace(as_text(tree.acls().list(slot).encoded()), next);
    }
    return true;
  });
  must(snapshot_->writer.begin_acls(snapshot_->acls.size()));
  for (const auto& [list, id] : snapshot_->acls) must(snapshot_->writer.acl({id, AclList(as_bytes(list))}));
  snapshot_->stack.emplace_back("");
  roll();
  step_snapshot(0);
}

void SimMember::step_snapshot(unsigned nodes) {
  const restore::Tree& tree = state_->tree;
  for (; nodes > 0 && !snapshot_->stack.empty(); --nodes) {
    const std::string path = snapshot_->stack.back();
    snapshot_->stack.pop_back();
    const NodeId id = tree.find(path);
    if (id == restore::kNoNode) continue;  // gone since its parent listed it
    // A parent that went and came back without being visited again has no place in the file for this child.
    const restore::NodeView view = tree.get(id);
    std::int64_t acl = -1;
    if (view.acl != restore::kOpenAcl) {
      const std::string list(as_text(tree.acls().list(view.acl).encoded()));
      const auto known = snapshot_->acls.find(list);
      acl = known != snapshot_->acls.end() ? known->second : 1'000'000;  // younger than the table
    }
    must(snapshot_->writer.node({path, view.data, acl, view.stat}));
    const std::vector<NodeId> children = tree.sorted_children(id);
    for (auto child = children.rbegin(); child != children.rend(); ++child)
      snapshot_->stack.push_back(tree.path(*child));
  }
  fs_.put(path_of(snapshot_file_name(snapshot_->name)), snapshot_->sink.content);
}

void SimMember::finish_snapshot() {
  while (!snapshot_->stack.empty()) step_snapshot(100);
  std::optional<SnapDigest> digest;
  if (options_.digests) {
    digest = SnapDigest{state_->last_zxid, 2, static_cast<std::int64_t>(state_->tree.digest()), {}};
    if (state_->last_zxid == 0) digest->digest = 0;
  }
  std::optional<std::int64_t> processed;
  if (options_.digests && options_.last_processed) processed = state_->last_zxid;
  must(snapshot_->writer.end(digest, processed));
  fs_.put(path_of(snapshot_file_name(snapshot_->name)), snapshot_->sink.content);
  snapshot_.reset();
}

std::vector<std::int64_t> SimMember::snapshots() const {
  std::vector<std::int64_t> zxids;
  for (const std::string& path : fs_.files(dir_)) {
    const DataFileName name = parse_data_file_name(path.substr(path.rfind('/') + 1));
    if (name.kind == DataFileKind::kSnapshot) zxids.push_back(name.zxid);
  }
  std::sort(zxids.begin(), zxids.end());
  return zxids;
}

void SimMember::purge(unsigned count) {
  const std::vector<std::int64_t> zxids = snapshots();
  if (zxids.size() <= count) return;
  const std::int64_t oldest = zxids[zxids.size() - count];
  for (const std::int64_t zxid : zxids)
    if (zxid < oldest && (!snapshot_ || snapshot_->name != zxid))
      fs_.erase(path_of(snapshot_file_name(zxid)));
  std::int64_t before = -1;
  for (const Log& log : logs_) {
    const std::int64_t zxid = parse_data_file_name(log.name).zxid;
    if (zxid < oldest) before = std::max(before, zxid);
  }
  const std::string open_name = open_ ? logs_[*open_].name : std::string();
  std::vector<Log> kept;
  for (Log& log : logs_) {
    if (parse_data_file_name(log.name).zxid < before)
      fs_.erase(path_of(log.name));
    else
      kept.push_back(std::move(log));
  }
  logs_ = std::move(kept);
  open_.reset();
  for (std::size_t i = 0; i < logs_.size(); ++i)
    if (logs_[i].name == open_name) open_ = i;
}

void SimMember::restart(bool torn) {
  snapshot_.reset();
  if (pending_ && !torn) finish_write();
  pending_.reset();
  open_.reset();
  put_snapshot(state_->last_zxid, false);
}

}  // namespace zkark::test
