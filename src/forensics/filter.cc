#include "src/forensics/filter.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "formats/base/text.h"
#include "formats/snapshot.h"
#include "restore/log_walk.h"

namespace zkark::forensics {
namespace {

constexpr TxnType kAllTypes[] = {TxnType::kCreateSession,   TxnType::kCloseSession, TxnType::kError,
                                 TxnType::kCreate,          TxnType::kDelete,       TxnType::kSetData,
                                 TxnType::kSetAcl,          TxnType::kCheck,        TxnType::kMulti,
                                 TxnType::kCreate2,         TxnType::kReconfig,     TxnType::kCreateContainer,
                                 TxnType::kDeleteContainer, TxnType::kCreateTtl};

struct Group {
  std::string_view name;
  std::array<TxnType, 4> types;
};
constexpr Group kGroups[] = {
    {"create", {TxnType::kCreate, TxnType::kCreate2, TxnType::kCreateContainer, TxnType::kCreateTtl}},
    {"set", {TxnType::kSetData, TxnType::kSetData, TxnType::kSetData, TxnType::kSetData}},
    {"delete", {TxnType::kDelete, TxnType::kDeleteContainer, TxnType::kDelete, TxnType::kDelete}},
    {"session",
     {TxnType::kCreateSession, TxnType::kCloseSession, TxnType::kCreateSession, TxnType::kCreateSession}},
};

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return result;
}

template <class T>
bool among(const std::vector<T>& list, T value) {
  return list.empty() || std::find(list.begin(), list.end(), value) != list.end();
}

std::optional<Bytes> value_of(const TxnBody& body) {
  return std::visit(
      [](const auto& record) -> std::optional<Bytes> {
        if constexpr (requires { record.data; })
          return record.data;
        else
          return std::nullopt;
      },
      body);
}

/// A session's end deletes nodes, each of which is an operation of its own here.
bool matches_close(const TxnFilter& filter, const Txn& txn, const CloseSessionTxn& close,
                   const EphemeralOwners* owners) {
  if (filter.value) return false;
  const bool as_itself = filter.types.empty() || filter.types.has(TxnType::kCloseSession);
  if (!as_itself && !filter.types.has(TxnType::kDelete)) return false;
  if (as_itself && filter.paths.empty()) return true;
  const auto wanted = [&](std::string_view path) { return matches_any(filter.paths, path); };
  if (std::any_of(close.paths.begin(), close.paths.end(),
                  [&](const PathItem& item) { return wanted(item.path); }))
    return true;
  if (owners == nullptr) return false;
  const std::vector<std::string> taken = owners->taken_along(txn);
  return std::any_of(taken.begin(), taken.end(), wanted);
}

/// False: the snapshot cannot be read to its end.
Result<bool> load_ephemerals(restore::Source& source, const restore::SourceFile& snapshot,
                             EphemeralOwners& owners, Job& job) {
  const auto passable = [](const Error& error) -> Result<bool> {
    if (exit_code(error.id()) == 6 || error.id() == ErrorId::kNoFile) return false;
    return fail(error.clone());
  };
  const Result<std::unique_ptr<ByteSource>> stream = restore::open_snapshot(source, snapshot);
  if (!stream) return passable(stream.error());
  SnapshotReader reader(**stream, snapshot.path);
  for (std::uint64_t n = 1;; ++n) {
    if ((n & 4095) == 0) ZK_TRY_STATUS(job.check());
    const auto node = reader.next_node();
    if (!node) return passable(node.error());
    if (!*node) break;
    owners.load((*node)->path, (*node)->stat.ephemeral_owner);
  }
  const auto tail = reader.read_tail();
  return tail ? Result<bool>(true) : passable(tail.error());
}

}  // namespace

Result<TypeSet> TypeSet::parse(std::string_view name) {
  const std::string wanted = lower(name);
  TypeSet set;
  for (const Group& group : kGroups) {
    if (group.name != wanted) continue;
    for (TxnType type : group.types) set.add(type);
    return set;
  }
  std::vector<std::string> names;
  for (TxnType type : kAllTypes) {
    names.push_back(lower(txn_type_name(type)));
    if (names.back() == wanted) set.add(type);
  }
  if (!set.empty()) return set;
  for (const Group& group : kGroups) names.emplace_back(group.name);
  const std::vector<std::string_view> candidates(names.begin(), names.end());
  const auto near = nearest_name(wanted, candidates);
  return fail(Error(ErrorId::kUsage, fmt::format("'{}' is no type of transaction", name))
                  .with_hint(near ? fmt::format("did you mean {}?", *near)
                                  : "create, set, delete, setacl, session, multi, error, reconfig, check"));
}

bool TxnFilter::takes_header(const TxnHeader& header) const {
  return header.zxid >= first_zxid && header.zxid <= last_zxid && header.time_ms >= since_ms &&
         header.time_ms <= until_ms && among(sessions, header.client_id) && among(cxids, header.cxid);
}

std::int32_t result_code(const Txn& txn) {
  if (const auto* error = std::get_if<ErrorTxn>(&txn.body)) return error->err;
  const auto* multi = std::get_if<MultiTxn>(&txn.body);
  if (multi == nullptr) return 0;
  for (const SubTxn& sub : multi->txns) {
    if (sub.type != TxnType::kError) continue;
    const Result<TxnBody> body = decode_sub_txn(sub);
    const auto* error = body ? std::get_if<ErrorTxn>(&*body) : nullptr;
    // The parts before the one that failed carry 0 or RuntimeInconsistency.
    if (error != nullptr && error->err != 0 && error->err != -2) return error->err;
  }
  return multi_failed(*multi) ? -2 : 0;
}

bool matches_operation(const TxnFilter& filter, TxnType type, const TxnBody& body) {
  if (!filter.types.empty() && !filter.types.has(type)) return false;
  if (!filter.paths.empty()) {
    const std::string_view path = txn_path(body);
    if (path.empty() || !matches_any(filter.paths, path)) return false;
  }
  return !filter.value || filter.value->matches(value_of(body));
}

bool matches(const TxnFilter& filter, const Txn& txn, const EphemeralOwners* owners) {
  if (!filter.takes_header(txn.header)) return false;
  if (!filter.looks_inside()) return true;
  if (!filter.errors.empty() && !among(filter.errors, result_code(txn))) return false;
  if (const auto* close = std::get_if<CloseSessionTxn>(&txn.body))
    return matches_close(filter, txn, *close, owners);
  const auto* multi = std::get_if<MultiTxn>(&txn.body);
  if (multi == nullptr) return matches_operation(filter, txn.header.type, txn.body);
  // Asked for as a multi, the other conditions are on any of its parts.
  TxnFilter of_parts;
  const TxnFilter* conditions = &filter;
  if (filter.types.has(TxnType::kMulti)) {
    if (filter.paths.empty() && !filter.value) return true;
    of_parts.paths = filter.paths;
    of_parts.value = filter.value;
    conditions = &of_parts;
  }
  if (conditions->types.empty() && conditions->paths.empty() && !conditions->value) return true;
  for (const SubTxn& sub : multi->txns) {
    if (!conditions->types.empty() && !conditions->types.has(sub.type)) continue;
    const Result<TxnBody> body = decode_sub_txn(sub);
    if (body && matches_operation(*conditions, sub.type, *body)) return true;
  }
  return false;
}

void EphemeralOwners::load(std::string_view path, std::int64_t owner) {
  if (node_kind(owner) == NodeKind::kEphemeral) create(path, owner);
}

void EphemeralOwners::create(std::string_view path, std::int64_t owner) {
  if (!matches_any(of_interest_, path)) return;
  remove(path);
  owner_of_.emplace(path, owner);
  paths_of_[owner].emplace_back(path);
}

void EphemeralOwners::remove(std::string_view path) {
  const auto at = owner_of_.find(path);
  if (at == owner_of_.end()) return;
  std::vector<std::string>& paths = paths_of_[at->second];
  std::erase(paths, path);
  if (paths.empty()) paths_of_.erase(at->second);
  owner_of_.erase(at);
}

void EphemeralOwners::see_body(std::int64_t session, const TxnBody& body) {
  if (const auto* made = std::get_if<CreateTxn>(&body)) {
    if (made->ephemeral != 0) create(made->path, session);
  } else if (const auto* gone = std::get_if<DeleteTxn>(&body)) {
    remove(gone->path);
  }
}

void EphemeralOwners::see(const Txn& txn) {
  if (const auto* multi = std::get_if<MultiTxn>(&txn.body)) {
    if (multi_failed(*multi)) return;
    for (const SubTxn& sub : multi->txns)
      if (const Result<TxnBody> body = decode_sub_txn(sub)) see_body(txn.header.client_id, *body);
  } else if (std::holds_alternative<CloseSessionTxn>(txn.body)) {
    for (const std::string& path : taken_along(txn)) remove(path);
  } else {
    see_body(txn.header.client_id, txn.body);
  }
}

std::vector<std::string> EphemeralOwners::taken_along(const Txn& txn) const {
  const auto at = paths_of_.find(txn.header.client_id);
  return at == paths_of_.end() ? std::vector<std::string>() : at->second;
}

Result<EphemeralOwners> owners_before(restore::Source& source, const restore::SourceListing& listing,
                                      const std::vector<PathPattern>& of_interest, std::int64_t zxid,
                                      Job& job) {
  EphemeralOwners owners(of_interest);
  restore::LogWalkOptions options;
  options.overlaps = listing.logs_overlap;
  for (auto snapshot = listing.snapshots.rbegin(); snapshot != listing.snapshots.rend(); ++snapshot) {
    if (snapshot->zxid >= zxid) continue;
    EphemeralOwners seen(of_interest);
    const Result<bool> read = load_ephemerals(source, *snapshot, seen, job);
    if (!read) return fail(read.error().clone());
    if (!*read) continue;
    owners = std::move(seen);
    options.after_zxid = snapshot->zxid;
    break;
  }
  restore::Findings ignored;
  restore::LogWalk walk(source, listing.logs, options, ignored);
  restore::WalkEntry entry;
  for (std::uint64_t n = 1;; ++n) {
    if ((n & 1023) == 0) ZK_TRY_STATUS(job.check());
    ZK_TRY(const bool more, walk.next_into(entry));
    if (!more || entry.entry.zxid() >= zxid) return owners;
    owners.see(entry.entry.txn);
  }
}

void TxnChooser::see_time(const TxnHeader& header) {
  if (header.time_ms >= filter_.since_ms && header.time_ms <= filter_.until_ms) {
    ++in_span_;
    if (outside_.count != 0) {
      if (stepped_.count == 0) stepped_.first_zxid = outside_.first_zxid;
      stepped_.last_zxid = outside_.last_zxid;
      stepped_.count += outside_.count;
      outside_ = {};
    }
  } else if (in_span_ != 0) {
    if (outside_.count++ == 0) outside_.first_zxid = header.zxid;
    outside_.last_zxid = header.zxid;
  }
}

Result<bool> TxnChooser::takes(const Txn& txn) {
  const TxnHeader& header = txn.header;
  if (header.zxid >= filter_.first_zxid && header.zxid <= filter_.last_zxid) see_time(header);
  const auto* close = std::get_if<CloseSessionTxn>(&txn.body);
  if (close != nullptr && !close->has_body && !filter_.paths.empty() && !owners_) {
    ZK_TRY(owners_, owners_before(source_, listing_, filter_.paths, header.zxid, job_));
  }
  const bool taken = matches(filter_, txn, owners_ ? &*owners_ : nullptr);
  if (owners_) owners_->see(txn);
  return taken;
}

}  // namespace zkark::forensics
