#include "src/forensics/sessions.h"

#include <fmt/format.h>

#include <algorithm>

#include "formats/snapshot.h"
#include "src/forensics/filter.h"

namespace zkark::forensics {

using restore::Finding;
using restore::Findings;
using restore::SourceFile;
using restore::SourceListing;
using restore::WalkEntry;

// ---- SessionHistory ----

std::map<std::int64_t, std::vector<std::string>> SessionHistory::holding() const {
  std::map<std::int64_t, std::vector<std::string>> all;
  for (const auto& [path, live] : nodes_) all[lives_[live.life].id].push_back(path);
  return all;
}

std::size_t SessionHistory::begin_life(std::int64_t id, SessionOrigin origin, Moment now) {
  SessionLife& life = lives_.emplace_back();
  life.id = id;
  life.origin = origin;
  life.first_seen = life.last_seen = now;
  current_[id] = lives_.size() - 1;
  courses_[lives_.size() - 1];
  return lives_.size() - 1;
}

/// The life that a record of that session belongs to; a new one where it shows up out of nothing. Records
/// that trail behind the end of a session (requests under way when it expired) belong to the old life.
std::size_t SessionHistory::life_of(std::int64_t id, Moment now, std::optional<SessionOrigin> origin) {
  if (const auto at = current_.find(id); at != current_.end()) return at->second;
  return begin_life(id, origin.value_or(sees_all_ ? SessionOrigin::kLocal : SessionOrigin::kBeforeTheLogs),
                    now);
}

void SessionHistory::hold(std::string_view path, std::size_t life, std::optional<Moment> from) {
  // It was deleted in a stretch that is lost.
  if (const auto there = nodes_.find(path); there != nodes_.end())
    let_go(there, std::nullopt, HeldEnd::kUnknown, 0);
  Live live;
  live.life = life;
  live.from = from;
  SessionLife& owner = lives_[life];
  ++owner.ephemerals;
  ++owner.ephemerals_now;
  if (!options_.paths.empty() && matches_any(options_.paths, path)) owner.touched = true;
  if (keeps(owner.id)) {
    live.held = held_.size();
    HeldNode& held = held_.emplace_back();
    held.path = path;
    held.life = life;
    held.from = from;
  }
  paths_of_[life].emplace(path);
  nodes_.emplace(path, live);
}

void SessionHistory::let_go(LiveNodes::iterator node, std::optional<Moment> until, HeldEnd end,
                            std::int64_t by) {
  const Live& live = node->second;
  --lives_[live.life].ephemerals_now;
  if (live.held) {
    HeldNode& held = held_[*live.held];
    held.until = until;
    held.end = end;
    held.deleted_by = by;
  }
  if (const auto paths = paths_of_.find(live.life); paths != paths_of_.end()) {
    paths->second.erase(node->first);
    if (paths->second.empty()) paths_of_.erase(paths);
  }
  nodes_.erase(node);
}

void SessionHistory::count(SessionLife& life, TxnType type, const TxnBody& body, Moment now) {
  switch (type) {
    case TxnType::kCreate:
    case TxnType::kCreate2:
    case TxnType::kCreateContainer:
    case TxnType::kCreateTtl:
      ++life.creates;
      break;
    case TxnType::kSetData:
      ++life.sets;
      break;
    case TxnType::kDelete:
    case TxnType::kDeleteContainer:
      ++life.deletes;
      break;
    case TxnType::kSetAcl:
      ++life.set_acls;
      break;
    case TxnType::kReconfig:
      ++life.others;
      break;
    default:  // a check changes nothing
      return;
  }
  if (!life.first_write) life.first_write = now;
  life.last_write = now;
  if (!options_.paths.empty() && !life.touched) life.touched = matches_any(options_.paths, txn_path(body));
}

void SessionHistory::see_body(std::size_t life, TxnType type, const TxnBody& body, Moment now) {
  const std::int64_t session = life == kServer ? 0 : lives_[life].id;
  if (life != kServer) count(lives_[life], type, body, now);
  if (const auto* made = std::get_if<CreateTxn>(&body)) {
    const bool held = made->ephemeral != 0 && node_kind(session) == NodeKind::kEphemeral;
    if (held) {
      hold(made->path, life, now);
    } else if (const auto there = nodes_.find(made->path); there != nodes_.end()) {
      let_go(there, std::nullopt, HeldEnd::kUnknown, 0);
    }
  } else if (const auto* gone = std::get_if<DeleteTxn>(&body)) {
    if (const auto there = nodes_.find(gone->path); there != nodes_.end())
      let_go(there, now, HeldEnd::kDeleted, session);
  }
}

void SessionHistory::end_life(std::size_t life, const WalkEntry& walk) {
  const Txn& txn = walk.entry.txn;
  const Moment now{txn.header.zxid, txn.header.time_ms};
  if (const auto* close = std::get_if<CloseSessionTxn>(&txn.body))
    for (const PathItem& item : close->paths) {
      auto there = nodes_.find(item.path);
      if (there == nodes_.end() && !sees_all_ && !item.path.empty()) {
        hold(item.path, life, std::nullopt);  // it was held before anything is known of it
        there = nodes_.find(item.path);
      }
      if (there != nodes_.end()) let_go(there, now, HeldEnd::kWithSession, 0);
    }
  if (const auto left = paths_of_.find(life); left != paths_of_.end()) {
    const std::set<std::string, std::less<>> paths = left->second;
    for (const std::string& path : paths) let_go(nodes_.find(path), now, HeldEnd::kWithSession, 0);
  }
  if (courses_.erase(life) == 0) return;  // ended twice: closed while it expired
  lives_[life].end = txn.header.cxid == 0 ? SessionEnd::kExpired : SessionEnd::kClosed;
  lives_[life].ended = now;
}

void SessionHistory::see(const WalkEntry& walk) {
  const Txn& txn = walk.entry.txn;
  const std::int64_t id = txn.header.client_id;
  const Moment now{txn.header.zxid, txn.header.time_ms};
  std::size_t life = kServer;
  if (id == 0) {  // the server itself reaps containers and TTL nodes, and has no life
    if (std::holds_alternative<DeleteTxn>(txn.body)) see_body(kServer, txn.header.type, txn.body, now);
    return;
  }
  if (const auto* made = std::get_if<CreateSessionTxn>(&txn.body)) {
    life = life_of(id, now, SessionOrigin::kLogged);
    if (!courses_.contains(life)) life = begin_life(id, SessionOrigin::kLogged, now);
    SessionLife& born = lives_[life];
    // A snapshot taken meanwhile, or the writes of a local session before it became a global one, may have
    // shown it already.
    if (!born.created) born.created = now;
    born.origin = SessionOrigin::kLogged;
    born.timeout_ms = made->timeout_ms;
    courses_[life].in_table = true;
  } else {
    life = life_of(id, now);
  }
  SessionLife& seen = lives_[life];
  seen.last_seen = now;
  seen.bytes += walk.entry.record.size();
  if (const auto course = courses_.find(life); course != courses_.end()) course->second.out_of_sight = false;
  if (std::holds_alternative<ErrorTxn>(txn.body)) {
    ++seen.errors;
  } else if (std::holds_alternative<CloseSessionTxn>(txn.body)) {
    end_life(life, walk);
  } else if (const auto* multi = std::get_if<MultiTxn>(&txn.body)) {
    if (multi_failed(*multi)) {
      ++seen.errors;
      return;
    }
    ++seen.multis;
    for (const SubTxn& sub : multi->txns)
      if (const Result<TxnBody> body = decode_sub_txn(sub)) see_body(life, sub.type, *body, now);
  } else {
    see_body(life, txn.header.type, txn.body, now);
  }
}

void SessionHistory::lose_sight(std::int64_t last_lost) {
  sees_all_ = false;
  blind_until_ = last_lost;
  for (auto& [life, course] : courses_) course.out_of_sight = true;
  for (auto& [path, live] : nodes_) live.out_of_sight = true;
}

void SessionHistory::see_snapshot(const Shown& shown, std::int64_t next) {
  const Moment now{shown.zxid, 0};
  for (const auto& [id, timeout_ms] : shown.sessions) {
    const auto known = current_.find(id);
    if (known != current_.end() && !courses_.contains(known->second)) continue;  // it has ended since
    const std::size_t life = life_of(id, now, SessionOrigin::kBeforeTheLogs);
    lives_[life].timeout_ms = timeout_ms;
    courses_[life].in_table = true;
    courses_[life].out_of_sight = false;
  }
  for (const Shown::Node& node : shown.ephemerals) {
    if (node.czxid >= next) continue;  // the snapshot ran ahead; the record is still to come
    if (const auto there = nodes_.find(node.path); there != nodes_.end()) {
      Live& live = there->second;
      if (lives_[live.life].id == node.owner && (!live.from || live.from->zxid == node.czxid)) {
        live.out_of_sight = false;
        continue;
      }
      let_go(there, std::nullopt, HeldEnd::kUnknown, 0);
    }
    const auto known = current_.find(node.owner);
    if (known != current_.end()) {
      const SessionLife& owner = lives_[known->second];
      if (owner.ended && owner.ended->zxid >= shown.zxid) continue;
    }
    hold(node.path, life_of(node.owner, now, SessionOrigin::kBeforeTheLogs), Moment{node.czxid, node.ctime});
  }
  if (shown.zxid < blind_until_) return;
  sees_all_ = true;
  for (const auto& [life, course] : courses_)
    if (!course.in_table && !paths_of_.contains(life)) lives_[life].origin = SessionOrigin::kLocal;
}

void SessionHistory::finish() {
  for (const auto& [life, course] : courses_)
    if (course.out_of_sight || lives_[life].origin == SessionOrigin::kLocal)
      lives_[life].end = SessionEnd::kUnknown;
  for (const auto& [path, live] : nodes_)
    if (live.held && (live.out_of_sight || lives_[live.life].end == SessionEnd::kUnknown))
      held_[*live.held].end = HeldEnd::kUnknown;
}

// ---- the walk ----

namespace {

Result<SessionHistory::Shown> read_snapshot(restore::Source& source, const SourceFile& file, Job& job) {
  ZK_TRY(const std::unique_ptr<ByteSource> stream, restore::open_snapshot(source, file));
  SnapshotReader reader(*stream, file.path);
  SessionHistory::Shown shown;
  shown.zxid = file.zxid;
  ZK_TRY_STATUS(reader.read_header());
  for (;;) {
    ZK_TRY(const std::optional<SnapSession> session, reader.next_session());
    if (!session) break;
    shown.sessions[session->id] = session->timeout_ms;
  }
  for (std::uint64_t n = 0;; ++n) {
    if ((n & 1023) == 0) ZK_TRY_STATUS(job.check());
    ZK_TRY(const std::optional<SnapNode> node, reader.next_node());
    if (!node) break;
    if (node_kind(node->stat.ephemeral_owner) == NodeKind::kEphemeral)
      shown.ephemerals.push_back(
          {std::string(node->path), node->stat.ephemeral_owner, node->stat.czxid, node->stat.ctime});
  }
  ZK_TRY_STATUS(reader.read_tail());
  return shown;
}

class SessionWalk {
 public:
  SessionWalk(restore::Source& source, const SourceListing& listing, SessionOptions options,
              Findings& findings, Job& job)
      : source_(source),
        listing_(listing),
        last_zxid_(options.last_zxid),
        findings_(findings),
        job_(job),
        history_(std::move(options)) {}

  Result<SessionHistory> run(const std::function<void(const WalkEntry&, const SessionHistory&)>& on_record);

 private:
  Result<bool> look_at(const SourceFile& snapshot, std::int64_t next);
  Status begin(std::int64_t first);
  void lose_sight(std::int64_t last, std::int64_t next);
  /// Nothing after `last` is in a log, and still a snapshot has it: the member was sent that (SNAP).
  bool snapshot_between(std::int64_t last, std::int64_t next) {
    const auto& snapshots = listing_.snapshots;
    while (next_snapshot_ < snapshots.size() && snapshots[next_snapshot_].zxid <= last) ++next_snapshot_;
    return next_snapshot_ < snapshots.size() && snapshots[next_snapshot_].zxid < next;
  }
  Status catch_up(std::int64_t next);
  Status end(std::optional<std::int64_t> last);
  bool lost_something(const WalkEntry& walk, std::size_t told) const;

  restore::Source& source_;
  const SourceListing& listing_;
  const std::int64_t last_zxid_;
  Findings& findings_;
  Job& job_;
  SessionHistory history_;
  std::size_t next_snapshot_ = 0;  // not behind us yet
};

/// False: it is damaged, which is a finding.
Result<bool> SessionWalk::look_at(const SourceFile& snapshot, std::int64_t next) {
  const Result<SessionHistory::Shown> shown = read_snapshot(source_, snapshot, job_);
  if (shown) {
    history_.see_snapshot(*shown, next);
    return true;
  }
  const ErrorId id = shown.error().id();
  if (exit_code(id) != 6 && id != ErrorId::kNoFile) return fail(shown.error().clone());
  Finding finding = restore::finding_of(shown.error().clone().at(snapshot.path));
  finding.message = "not used: " + finding.message;
  findings_.push_back(std::move(finding));
  return false;
}

/// What was there before the first record.
Status SessionWalk::begin(std::int64_t first) {
  history_.lose_sight(first - 1);
  const auto& snapshots = listing_.snapshots;
  while (next_snapshot_ < snapshots.size() && snapshots[next_snapshot_].zxid < first) ++next_snapshot_;
  if (first <= 1) {
    history_.see_all();
    return {};
  }
  for (std::size_t i = next_snapshot_; i-- > 0;) {
    ZK_TRY(const bool seen, look_at(snapshots[i], first));
    if (!seen) continue;
    const std::int64_t base = snapshots[i].zxid;
    if (restore::step_between(base, first, TxnType::kCreate) != restore::Step::kGap) {
      history_.see_all();
      return {};
    }
    Finding gap;
    gap.severity = restore::Severity::kGap;
    gap.id = ErrorId::kGap;
    gap.first_zxid = base + 1;
    gap.last_zxid = first - 1;
    gap.message = fmt::format("transactions {:#x} to {:#x}, behind the snapshot, are in no file",
                              static_cast<std::uint64_t>(base + 1), static_cast<std::uint64_t>(first - 1));
    gap.file = snapshots[i].path;
    findings_.push_back(std::move(gap));
    history_.lose_sight(first - 1);
    return {};
  }
  return {};
}

/// What lies between the two records is lost. Only a snapshot behind the first of them shows more than is
/// known.
void SessionWalk::lose_sight(std::int64_t last, std::int64_t next) {
  const auto& snapshots = listing_.snapshots;
  std::int64_t last_lost = next - 1;
  if (snapshot_between(last, next)) {
    std::size_t newest = next_snapshot_;
    while (newest + 1 < snapshots.size() && snapshots[newest + 1].zxid < next) ++newest;
    const std::int64_t shown = snapshots[newest].zxid;
    if (restore::step_between(shown, next, TxnType::kCreate) != restore::Step::kGap) last_lost = shown;
  }
  history_.lose_sight(last_lost);
}

/// The newest snapshot between the record before and the one that comes next, where not all is known.
Status SessionWalk::catch_up(std::int64_t next) {
  if (history_.sees_all()) return {};
  const auto& snapshots = listing_.snapshots;
  std::size_t behind = next_snapshot_;
  while (behind < snapshots.size() && snapshots[behind].zxid < next) ++behind;
  for (std::size_t i = behind; i-- > next_snapshot_;) {
    ZK_TRY(const bool seen, look_at(snapshots[i], next));
    if (seen) break;
  }
  next_snapshot_ = behind;
  return {};
}

/// A snapshot newer than the last record: what lies between is in no log.
Status SessionWalk::end(std::optional<std::int64_t> last) {
  for (std::size_t i = listing_.snapshots.size(); i-- > 0;) {
    const SourceFile& snapshot = listing_.snapshots[i];
    if (snapshot.zxid > last_zxid_) continue;
    if (last && snapshot.zxid <= *last) break;
    history_.lose_sight(snapshot.zxid);
    ZK_TRY(const bool seen, look_at(snapshot, snapshot.zxid + 1));
    if (!seen) continue;
    if (last && zxid_epoch(*last) == zxid_epoch(snapshot.zxid)) {
      Finding gap;
      gap.severity = restore::Severity::kGap;
      gap.id = ErrorId::kGap;
      gap.first_zxid = *last + 1;
      gap.last_zxid = snapshot.zxid;
      gap.message =
          fmt::format("transactions {:#x} to {:#x}, before the snapshot, are in no file",
                      static_cast<std::uint64_t>(*last + 1), static_cast<std::uint64_t>(snapshot.zxid));
      gap.file = snapshot.path;
      findings_.push_back(std::move(gap));
    }
    break;
  }
  return {};
}

bool SessionWalk::lost_something(const WalkEntry& walk, std::size_t told) const {
  if (walk.step == restore::Step::kGap || walk.step == restore::Step::kBackwards) return true;
  return std::any_of(findings_.begin() + static_cast<std::ptrdiff_t>(told), findings_.end(),
                     [](const Finding& finding) {
                       return finding.severity == restore::Severity::kDamage && finding.first_zxid;
                     });
}

Result<SessionHistory> SessionWalk::run(
    const std::function<void(const WalkEntry&, const SessionHistory&)>& on_record) {
  restore::LogWalkOptions options;
  options.overlaps = listing_.logs_overlap;
  restore::LogWalk walk(source_, listing_.logs, options, findings_);
  WalkEntry walked;
  std::optional<std::int64_t> last;
  const SourceFile* file = nullptr;
  std::uint64_t before = 0;
  for (const SourceFile& log : listing_.logs) job_.progress.total += log.size_bytes;
  for (std::uint64_t n = 0;; ++n) {
    if ((n & 1023) == 0) ZK_TRY_STATUS(job_.check());
    const std::size_t told = findings_.size();
    ZK_TRY(const bool more, walk.next_into(walked));
    if (!more || walked.entry.zxid() > last_zxid_) break;
    if (walked.file != file) {
      if (file != nullptr) before += file->size_bytes;
      file = walked.file;
    }
    if ((n & 1023) == 0) job_.progress.done = before + walked.entry.end_offset();
    const std::int64_t zxid = walked.entry.zxid();
    if (!last)
      ZK_TRY_STATUS(begin(zxid));
    else if (lost_something(walked, told) ||
             (walked.step == restore::Step::kEpoch && snapshot_between(*last, zxid)))
      lose_sight(*last, zxid);
    ZK_TRY_STATUS(catch_up(zxid));
    history_.see(walked);
    if (on_record) on_record(walked, history_);
    last = std::max(last.value_or(zxid), zxid);
  }
  ZK_TRY_STATUS(end(last));
  history_.finish();
  return std::move(history_);
}

}  // namespace

Result<SessionHistory> walk_sessions(
    restore::Source& source, const SourceListing& listing, SessionOptions options, Findings& findings,
    Job& job, const std::function<void(const WalkEntry&, const SessionHistory&)>& on_record) {
  return SessionWalk(source, listing, std::move(options), findings, job).run(on_record);
}

}  // namespace zkark::forensics
