#include "src/forensics/changes.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "formats/snapshot.h"
#include "restore/apply.h"
#include "restore/base_choice.h"
#include "restore/replay.h"
#include "src/forensics/filter.h"

namespace zkark::forensics {
namespace {

using restore::Findings;
using restore::NodeId;
using restore::SourceFile;
using restore::SourceListing;
using restore::State;
using restore::WalkEntry;

/// The deepest node that all patterns lie below; "" for the root. Also for /zookeeper: what the server counts
/// below its quotas comes from the whole tree.
std::string common_root(const std::vector<PathPattern>& patterns) {
  if (patterns.empty()) return "";
  std::string common = patterns.front().below();
  for (const PathPattern& pattern : patterns) {
    while (!common.empty() && !(pattern.below() == common || pattern.below().starts_with(common + "/")))
      common.resize(common.rfind('/'));
  }
  return common.starts_with("/zookeeper") ? std::string() : common;
}

/// The node, something below it or above it.
bool on_the_line(std::string_view path, std::string_view root) {
  const std::string_view shorter = path.size() < root.size() ? path : root;
  const std::string_view longer = path.size() < root.size() ? root : path;
  return longer.starts_with(shorter) && (longer.size() == shorter.size() || longer[shorter.size()] == '/');
}

NodeCopy created_by(const Txn& txn, const std::optional<Bytes>& data, const AclList& acl,
                    std::int64_t owner) {
  NodeCopy copy;
  if (data) copy.data = std::string(as_text(*data));
  copy.acl = std::string(as_text(acl.is_null() ? Bytes() : acl.encoded()));
  copy.stat.czxid = copy.stat.mzxid = copy.stat.pzxid = txn.header.zxid;
  copy.stat.ctime = copy.stat.mtime = txn.header.time_ms;
  copy.stat.ephemeral_owner = owner;
  return copy;
}

/// Collects what apply() says it changed.
class Collector : public restore::Effects {
 public:
  Collector(const State& state, const std::vector<PathPattern>& wanted) : state_(state), wanted_(wanted) {}

  /// Remembers what is at the paths that the record names, before it is applied.
  void look_at(const Txn& txn) {
    changes.clear();
    now_.clear();
    const auto remember = [&](std::string_view path) {
      if (!matches_any(wanted_, path)) return;
      const auto [at, is_new] = now_.try_emplace(std::string(path));
      if (!is_new) return;
      if (const NodeId id = state_.tree.find(path); id != restore::kNoNode)
        at->second = copy_node(state_.tree, id);
    };
    for_each_path(txn, remember);
    if (txn.header.type == TxnType::kCloseSession)
      for (const std::string& path : state_.tree.ephemerals_of(txn.header.client_id)) remember(path);
    txn_ = &txn;
  }

  void created(std::string_view path, NodeId) override { add(ChangeKind::kCreated, path); }
  void deleted(std::string_view path) override { add(ChangeKind::kDeleted, path); }
  void data_changed(std::string_view path, NodeId) override { add(ChangeKind::kDataSet, path); }
  void acl_changed(std::string_view path, NodeId) override { add(ChangeKind::kAclSet, path); }

  std::vector<Change> changes;

 private:
  void add(ChangeKind kind, std::string_view path) {
    if (!matches_any(wanted_, path)) return;
    Change change;
    change.kind = kind;
    change.path = path;
    std::optional<NodeCopy>& now = now_[change.path];
    change.before = std::move(now);
    now.reset();
    if (const NodeId id = state_.tree.find(path); id != restore::kNoNode) now = copy_node(state_.tree, id);
    change.after = now;
    change.exact = true;
    change.type = txn_->header.type;
    if (const auto* multi = std::get_if<MultiTxn>(&txn_->body)) find_part(*multi, change);
    changes.push_back(std::move(change));
  }

  /// The parts are applied in order, so the next one that says the same is the one.
  void find_part(const MultiTxn& multi, Change& change) const {
    const std::uint32_t from = changes.empty() ? 0 : changes.back().part;
    std::uint32_t part = 0;
    for (const SubTxn& sub : multi.txns) {
      if (++part <= from) continue;
      const Result<TxnBody> body = decode_sub_txn(sub);
      if (!body || txn_path(*body) != change.path || sub.type == TxnType::kCheck) continue;
      change.part = part;
      change.type = sub.type;
      return;
    }
  }

  const State& state_;
  const std::vector<PathPattern>& wanted_;
  std::map<std::string, std::optional<NodeCopy>, std::less<>> now_;
  const Txn* txn_ = nullptr;
};

/// Changes as a record alone tells them, where no exact state stands behind it.
class RecordTeller {
 public:
  RecordTeller(const State& state, const std::vector<PathPattern>& wanted) : state_(state), wanted_(wanted) {}

  void tell(const Txn& txn, std::vector<Change>& changes) const {
    if (const auto* multi = std::get_if<MultiTxn>(&txn.body)) {
      if (multi_failed(*multi)) return;
      std::uint32_t part = 0;
      for (const SubTxn& sub : multi->txns) {
        ++part;
        if (const Result<TxnBody> body = decode_sub_txn(sub)) tell_body(txn, sub.type, part, *body, changes);
      }
      return;
    }
    if (const auto* close = std::get_if<CloseSessionTxn>(&txn.body)) {
      std::vector<std::string> paths;
      for (const PathItem& item : close->paths) paths.emplace_back(item.path);
      for (std::string& path : state_.tree.ephemerals_of(txn.header.client_id))
        paths.push_back(std::move(path));
      std::sort(paths.begin(), paths.end());
      paths.erase(std::unique(paths.begin(), paths.end()), paths.end());
      for (const std::string& path : paths)
        add(txn, ChangeKind::kDeleted, txn.header.type, 0, path, {}, changes);
      return;
    }
    tell_body(txn, txn.header.type, 0, txn.body, changes);
  }

 private:
  void add(const Txn& txn, ChangeKind kind, TxnType type, std::uint32_t part, std::string_view path,
           std::optional<NodeCopy> after, std::vector<Change>& changes) const {
    if (path.empty() || !matches_any(wanted_, path)) return;
    Change change;
    change.kind = kind;
    change.path = path;
    change.type = type;
    change.part = part;
    change.after = std::move(after);
    change.before_known = kind == ChangeKind::kCreated;
    // What a fuzzy snapshot shows of a node that was not touched since is right all the same.
    const NodeId id = kind == ChangeKind::kCreated ? restore::kNoNode : state_.tree.find(path);
    if (id != restore::kNoNode) {
      NodeCopy seen = copy_node(state_.tree, id);
      const std::int64_t stamp = std::max(seen.stat.czxid, seen.stat.mzxid);
      if (stamp < txn.header.zxid && seen.stat.czxid != 0) {
        change.before = std::move(seen);
        change.before_known = true;
      }
    }
    changes.push_back(std::move(change));
  }

  void tell_body(const Txn& txn, TxnType type, std::uint32_t part, const TxnBody& body,
                 std::vector<Change>& changes) const {
    const auto made = [&](std::string_view path, const std::optional<Bytes>& data, const AclList& acl,
                          std::int64_t owner) {
      add(txn, ChangeKind::kCreated, type, part, path, created_by(txn, data, acl, owner), changes);
    };
    if (const auto* t = std::get_if<CreateTxn>(&body)) {
      made(t->path, t->data, t->acl, t->ephemeral != 0 ? txn.header.client_id : 0);
    } else if (const auto* c = std::get_if<CreateContainerTxn>(&body)) {
      made(c->path, c->data, c->acl, kContainerOwner);
    } else if (const auto* ttl = std::get_if<CreateTtlTxn>(&body)) {
      made(ttl->path, ttl->data, ttl->acl, ttl_owner(ttl->ttl_ms));
    } else if (const auto* d = std::get_if<DeleteTxn>(&body)) {
      add(txn, ChangeKind::kDeleted, type, part, d->path, {}, changes);
    } else if (const auto* s = std::get_if<SetDataTxn>(&body)) {
      NodeCopy after = as_it_was(s->path);
      after.data.reset();
      if (s->data) after.data = std::string(as_text(*s->data));
      after.stat.version = s->version;
      after.stat.mzxid = txn.header.zxid;
      after.stat.mtime = txn.header.time_ms;
      add(txn, ChangeKind::kDataSet, type, part, s->path, std::move(after), changes);
    } else if (const auto* a = std::get_if<SetAclTxn>(&body)) {
      NodeCopy after = as_it_was(a->path);
      after.acl = std::string(as_text(a->acl.is_null() ? Bytes() : a->acl.encoded()));
      after.acl_known = true;
      after.stat.aversion = a->version;
      add(txn, ChangeKind::kAclSet, type, part, a->path, std::move(after), changes);
    }
  }

  NodeCopy as_it_was(std::string_view path) const {
    const NodeId id = state_.tree.find(path);
    NodeCopy copy = id == restore::kNoNode ? NodeCopy() : copy_node(state_.tree, id);
    copy.stat_known = false;
    if (id == restore::kNoNode) copy.acl_known = false;
    return copy;
  }

  const State& state_;
  const std::vector<PathPattern>& wanted_;
};

class ChangeWalker {
 public:
  ChangeWalker(restore::Source& source, const SourceListing& listing, const ChangeWalkOptions& options,
               const ChangeVisit& visit, Findings& findings, Job& job)
      : source_(source),
        listing_(listing),
        options_(options),
        visit_(visit),
        findings_(findings),
        job_(job),
        root_(common_root(options.paths)) {}

  Result<ChangeWalkStart> run();

 private:
  Result<bool> load(const SourceFile& snapshot);
  Status choose_base();
  Status catch_up(std::int64_t zxid);
  Status step(const WalkEntry& walk);
  bool concerns(const Txn& txn) const;
  void forget(std::int64_t behind);
  void check_beginning(const TxnHeader& first);

  restore::Source& source_;
  const SourceListing& listing_;
  const ChangeWalkOptions& options_;
  const ChangeVisit& visit_;
  Findings& findings_;
  Job& job_;
  const std::string root_;
  State state_;
  const SourceFile* base_ = nullptr;
  bool initial_ = false;
  std::int64_t exact_from_ = INT64_MAX;
  std::size_t next_snapshot_ = 0;  // of the listing: not passed yet
  bool wants_base_ = true;
  Collector collector_{state_, options_.paths};
  RecordTeller teller_{state_, options_.paths};
};

/// False: it is damaged, which is a finding.
Result<bool> ChangeWalker::load(const SourceFile& snapshot) {
  Result<std::unique_ptr<ByteSource>> stream = restore::open_snapshot(source_, snapshot);
  Result<restore::LoadedSnapshot> loaded = fail(ErrorId::kInternal, "");
  if (stream) {
    SnapshotReader reader(**stream, snapshot.path);
    restore::LoadOptions options;
    options.zxid = snapshot.zxid;
    options.below = root_;
    loaded = restore::load_snapshot(reader, options, job_);
  } else {
    loaded = fail(std::move(stream).error());
  }
  if (!loaded) {
    const ErrorId id = loaded.error().id();
    if (exit_code(id) != 6 && id != ErrorId::kNoFile) return fail(std::move(loaded).error());
    restore::Finding finding = restore::finding_of(std::move(loaded).error().at(snapshot.path));
    finding.message = "not used: " + finding.message;
    findings_.push_back(std::move(finding));
    return false;
  }
  state_ = std::move(loaded->state);
  base_ = &snapshot;
  initial_ = false;
  auto end = restore::fuzzy_end(snapshot.zxid, loaded->tail, loaded->digest);
  if (!end) end = snapshot.known_fuzzy_end;
  // Where no section tells, only the next snapshot is surely behind it.
  exact_from_ =
      end.value_or(restore::assumed_fuzzy_end(listing_, snapshot, INT64_MAX, loaded->highest_stamp));
  wants_base_ = false;
  return true;
}

Status ChangeWalker::choose_base() {
  const auto& snapshots = listing_.snapshots;
  while (next_snapshot_ < snapshots.size() && snapshots[next_snapshot_].zxid < options_.first_zxid)
    ++next_snapshot_;
  const SourceFile* newest = nullptr;
  for (std::size_t i = next_snapshot_; i-- > 0;) {
    ZK_TRY(const bool loaded, load(snapshots[i]));
    if (!loaded) continue;
    if (exact_from_ < options_.first_zxid) return {};
    if (newest == nullptr) newest = &snapshots[i];
  }
  if (!listing_.logs.empty() && listing_.logs.front().zxid <= 1) {
    state_ = restore::initial_state();
    base_ = nullptr;
    initial_ = true;
    exact_from_ = 0;
    wants_base_ = false;
    return {};
  }
  if (newest == nullptr) return {};
  const Result<bool> again = load(*newest);
  return again ? Status() : Status(fail(again.error().clone()));
}

/// Nothing is known of the state any more: records behind `behind` are missing.
void ChangeWalker::forget(std::int64_t behind) {
  state_ = State();
  initial_ = false;
  exact_from_ = INT64_MAX;
  wants_base_ = true;
  next_snapshot_ = 0;
  while (next_snapshot_ < listing_.snapshots.size() && listing_.snapshots[next_snapshot_].zxid <= behind)
    ++next_snapshot_;
}

/// The walk sees no record before the first one: what is missing between the base and that shows here.
void ChangeWalker::check_beginning(const TxnHeader& first) {
  if (base_ == nullptr || restore::step_between(base_->zxid, first.zxid, first.type) != restore::Step::kGap)
    return;
  restore::Finding gap;
  gap.severity = restore::Severity::kGap;
  gap.id = ErrorId::kGap;
  gap.first_zxid = base_->zxid + 1;
  gap.last_zxid = first.zxid - 1;
  gap.message = fmt::format("transactions {} to {} are in no file, between {} and the oldest log",
                            zxid_text(*gap.first_zxid), zxid_text(*gap.last_zxid), base_->path);
  findings_.push_back(std::move(gap));
}

/// Takes the newest snapshot that lies before the record, where one is wanted.
Status ChangeWalker::catch_up(std::int64_t zxid) {
  if (!wants_base_) return {};
  std::size_t end = next_snapshot_;
  while (end < listing_.snapshots.size() && listing_.snapshots[end].zxid < zxid) ++end;
  for (std::size_t i = end; i-- > next_snapshot_;) {
    ZK_TRY(const bool loaded, load(listing_.snapshots[i]));
    if (loaded) break;
  }
  next_snapshot_ = end;
  return {};
}

bool ChangeWalker::concerns(const Txn& txn) const {
  if (root_.empty() || txn.header.type == TxnType::kCloseSession) return true;
  bool on_it = false;
  for_each_path(txn, [&](std::string_view path) { on_it = on_it || on_the_line(path, root_); });
  return on_it;
}

Status ChangeWalker::step(const WalkEntry& walk) {
  const Txn& txn = walk.entry.txn;
  const std::int64_t zxid = txn.header.zxid;
  const bool asked_for = zxid >= options_.first_zxid;
  collector_.changes.clear();
  if (concerns(txn)) {
    const bool exact = zxid > exact_from_ || initial_;
    if (asked_for && exact) collector_.look_at(txn);
    std::vector<Change> told;
    if (asked_for && !exact) teller_.tell(txn, told);
    const bool covered = base_ != nullptr || initial_;
    if (covered && !wants_base_) {
      const Result<restore::Tolerated> applied =
          restore::apply(state_, txn, asked_for && exact ? &collector_ : nullptr);
      if (!applied) {
        if (applied.error().id() != ErrorId::kBadRecord) return fail(applied.error().clone());
        findings_.push_back(restore::finding_of(applied.error()));
        findings_.back().file = walk.file->path;
        findings_.back().offset = walk.entry.offset;
        forget(zxid);
      }
    }
    if (!exact) collector_.changes = std::move(told);
  }
  return asked_for ? visit_(walk, collector_.changes, state_) : Status();
}

Result<ChangeWalkStart> ChangeWalker::run() {
  ZK_TRY_STATUS(choose_base());
  const ChangeWalkStart start{base_, wants_base_ ? INT64_MAX : exact_from_};
  restore::LogWalkOptions walk_options;
  walk_options.overlaps = listing_.logs_overlap;
  walk_options.after_zxid = wants_base_        ? std::max<std::int64_t>(options_.first_zxid - 1, 0)
                            : base_ != nullptr ? base_->zxid
                                               : 0;
  const std::unique_ptr<restore::RecordStream> records =
      options_.open_records
          ? options_.open_records(walk_options)
          : std::make_unique<restore::LogWalk>(source_, listing_.logs, walk_options, findings_);
  WalkEntry walked;
  std::size_t told = findings_.size();
  for (std::uint64_t n = 0;; ++n) {
    if ((n & 1023) == 0) ZK_TRY_STATUS(job_.check());
    ZK_TRY(const bool more, records->next_into(walked));
    if (!more) break;
    const std::int64_t zxid = walked.entry.zxid();
    if (zxid > options_.last_zxid) break;
    const bool lost =
        walked.step == restore::Step::kGap || walked.step == restore::Step::kBackwards ||
        std::any_of(findings_.begin() + static_cast<std::ptrdiff_t>(told), findings_.end(),
                    [](const restore::Finding& finding) {
                      return finding.severity == restore::Severity::kDamage && finding.first_zxid;
                    });
    told = findings_.size();
    if (lost) forget(walked.previous_zxid);
    ZK_TRY_STATUS(catch_up(zxid));
    if (walked.step == restore::Step::kFirst) check_beginning(walked.entry.txn.header);
    ZK_TRY_STATUS(step(walked));
  }
  return start;
}

}  // namespace

NodeCopy copy_node(const restore::Tree& tree, NodeId id) {
  const restore::NodeView view = tree.get(id);
  NodeCopy copy;
  if (view.data) copy.data = std::string(as_text(*view.data));
  copy.stat = view.stat;
  copy.acl_known = !tree.acls().dangling(view.acl);
  if (view.acl != restore::kOpenAcl && copy.acl_known)
    copy.acl = std::string(as_text(tree.acls().list(view.acl).encoded()));
  return copy;
}

Result<ChangeWalkStart> walk_changes(restore::Source& source, const SourceListing& listing,
                                     const ChangeWalkOptions& options, const ChangeVisit& visit,
                                     Findings& findings, Job& job) {
  return ChangeWalker(source, listing, options, visit, findings, job).run();
}

}  // namespace zkark::forensics
