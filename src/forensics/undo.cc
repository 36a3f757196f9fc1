#include "src/forensics/undo.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "restore/log_walk.h"
#include "restore/target.h"
#include "src/forensics/undo_goals.h"

namespace zkark::forensics {
namespace {

using restore::Findings;
using restore::WalkEntry;

template <class T>
bool among(const std::vector<T>& list, T value) {
  return list.empty() || std::find(list.begin(), list.end(), value) != list.end();
}

std::int64_t lowest_zxid(const UndoChoice& choice) {
  if (choice.zxids.empty()) return choice.first_zxid;
  std::int64_t lowest = INT64_MAX;
  for (const restore::ZxidRange& range : choice.zxids) lowest = std::min(lowest, range.first);
  return std::max(choice.first_zxid, lowest);
}

bool names_a_path(const Txn& txn, const std::vector<PathPattern>& paths) {
  bool found = paths.empty();
  for_each_path(txn, [&](std::string_view path) { found = found || matches_any(paths, path); });
  return found;
}

bool same_finding(const restore::Finding& a, const restore::Finding& b) {
  return a.id == b.id && a.file == b.file && a.offset == b.offset && a.first_zxid == b.first_zxid &&
         a.message == b.message;
}

/// One pass over the headers: where the chosen records begin, and whether every zxid that was named is there.
class ChosenRecords {
 public:
  ChosenRecords(const UndoChoice& choice, std::int64_t point)
      : choice_(choice), point_(point), lowest_(lowest_zxid(choice)) {
    for (const restore::ZxidRange& range : choice.zxids)
      if (range.first == range.last) missing_.insert(range.first);
  }

  Status look(restore::Source& source, const restore::SourceListing& listing, Findings& findings, Job& job) {
    restore::LogWalkOptions options;
    // One record before the first is looked at, to see that nothing is missing between the two.
    options.after_zxid = std::max<std::int64_t>(lowest_ - 2, 0);
    options.overlaps = listing.logs_overlap;
    restore::LogWalk walk(source, listing.logs, options, findings);
    WalkEntry record;
    for (std::uint64_t n = 1;; ++n) {
      if ((n & 1023) == 0) ZK_TRY_STATUS(job.check());
      ZK_TRY(const bool more, walk.next_into(record));
      if (!more || record.entry.zxid() > point_) break;
      see(record, findings);
    }
    if (missing_.empty()) return {};
    return not_there(source, listing, *missing_.begin(), job);
  }

  bool any() const { return first_ != INT64_MAX; }
  std::int64_t first() const { return first_; }
  std::int64_t lowest() const { return lowest_; }

 private:
  void see(const WalkEntry& record, Findings& findings) {
    const Txn& txn = record.entry.txn;
    const TxnHeader& header = txn.header;
    if (record.step == restore::Step::kFirst && choice_.begins_at_a_point) check_beginning(header, findings);
    missing_.erase(header.zxid);
    if (any() || !choice_.takes(header)) return;
    // A session's end may not say which nodes went with it.
    if (header.type == TxnType::kCloseSession || names_a_path(txn, choice_.paths)) first_ = header.zxid;
  }

  void check_beginning(const TxnHeader& header, Findings& findings) const {
    const std::int64_t before = std::max<std::int64_t>(lowest_ - 1, 0);
    if (header.zxid <= before ||
        restore::step_between(before, header.zxid, header.type) != restore::Step::kGap)
      return;
    restore::Finding gap;
    gap.severity = restore::Severity::kGap;
    gap.id = ErrorId::kGap;
    gap.first_zxid = before + 1;
    gap.last_zxid = header.zxid - 1;
    gap.message = fmt::format("transactions 0x{:x} to 0x{:x} are in no file: the oldest one here is 0x{:x}",
                              *gap.first_zxid, *gap.last_zxid, header.zxid);
    findings.push_back(std::move(gap));
  }

  /// The error of whoever asks for such a point: it names the neighbours.
  Status not_there(restore::Source& source, const restore::SourceListing& listing, std::int64_t zxid,
                   Job& job) const {
    if (zxid > point_)
      return fail(Error(ErrorId::kPointNotFound,
                        fmt::format("0x{:x} is later than 0x{:x}, the point that is looked at", zxid, point_))
                      .at_zxid(zxid));
    restore::TargetOptions wanted;
    wanted.point.kind = restore::PointSpec::Kind::kZxid;
    wanted.point.zxid = zxid;
    wanted.point.text = fmt::format("zxid:0x{:x}", zxid);
    const auto found = restore::resolve_target(source, listing, wanted, job);
    if (!found && exit_code(found.error().id()) != 5) return fail(found.error().clone());
    std::string text = fmt::format("no stored record has zxid 0x{:x}", zxid);
    if (!found) text = found.error().message();
    return fail(Error(ErrorId::kPointNotFound, std::move(text)).at_zxid(zxid));
  }

  const UndoChoice& choice_;
  const std::int64_t point_, lowest_;
  std::int64_t first_ = INT64_MAX;
  std::set<std::int64_t> missing_;
};

/// Goes over the changes and keeps, for each node that chosen ones concern, what it would be without them.
class GoalKeeper {
 public:
  GoalKeeper(const UndoChoice& choice, UndoPlan& plan) : choice_(choice), plan_(plan) {}

  Status see(const WalkEntry& walk, std::span<const Change> changes) {
    const Txn& txn = walk.entry.txn;
    const bool taken = choice_.takes(txn.header);
    bool any = false;
    for (const Change& change : changes) {
      const Deed deed{txn.header.zxid, txn.header.time_ms, txn.header.client_id, txn.header.cxid,
                      change.type,     change.part,        change.kind};
      const bool chosen = taken && choice_.takes(txn.header, change);
      any = any || chosen;
      if (chosen)
        choose(deed, change);
      else
        pass(deed, change);
    }
    if (taken && !any) note_ineffective(txn);
    if (any) count(txn.header.zxid);
    return {};
  }

  UndoGoals goals;
  GoneNodes gone;

 private:
  void count(std::int64_t zxid) {
    if (plan_.records++ == 0) plan_.first_zxid = zxid;
    plan_.last_zxid = zxid;
  }

  void note_ineffective(const Txn& txn) {
    if (!names_a_path(txn, choice_.paths)) return;
    if (!choice_.types.empty() && !choice_.types.has(txn.header.type)) return;
    Ineffective one;
    one.deed.zxid = txn.header.zxid;
    one.deed.time_ms = txn.header.time_ms;
    one.deed.session = txn.header.client_id;
    one.deed.cxid = txn.header.cxid;
    one.deed.type = txn.header.type;
    one.result = result_code(txn);
    plan_.ineffective.push_back(one);
    count(txn.header.zxid);
  }

  static void remember(UndoGoal& goal, const Change& change) {
    goal.last_known = !change.after || change.after->stat_known;
    goal.last.reset();
    if (change.after) goal.last = change.after->stat;
  }

  void choose(const Deed& deed, const Change& change) {
    ++plan_.changes;
    const auto [at, is_new] = goals.try_emplace(change.path);
    UndoGoal& goal = at->second;
    if (is_new) {
      goal.then = change.before;
      // A record alone says that nothing was there before a create, and nothing else for certain.
      goal.then_known = change.exact || change.kind == ChangeKind::kCreated;
    }
    goal.existence |= change.kind == ChangeKind::kCreated || change.kind == ChangeKind::kDeleted;
    goal.data |= change.kind == ChangeKind::kDataSet;
    goal.acl |= change.kind == ChangeKind::kAclSet;
    goal.chosen.push_back(deed);
    gone.erase(change.path);
    remember(goal, change);
  }

  /// A change by others: it stays, unless what was chosen cannot be undone beside it.
  void pass(const Deed& deed, const Change& change) {
    if (change.kind == ChangeKind::kDeleted && !goals.empty())
      gone[change.path] = deed;
    else if (change.kind == ChangeKind::kCreated)
      gone.erase(change.path);
    const auto at = goals.find(change.path);
    if (at == goals.end()) return;
    UndoGoal& goal = at->second;
    remember(goal, change);
    bool conflict = false;
    switch (change.kind) {
      case ChangeKind::kCreated:
        // Where nothing was before the chosen changes either, this is a beginning of its own.
        conflict = goal.then.has_value() || !goal.then_known;
        break;
      case ChangeKind::kDeleted:
        conflict = goal.then.has_value() || !goal.then_known;
        break;
      case ChangeKind::kDataSet:
        conflict = !goal.then || goal.data || goal.existence;
        if (!conflict && change.after) goal.then->data = change.after->data;
        break;
      case ChangeKind::kAclSet:
        conflict = !goal.then || goal.acl || goal.existence;
        if (!conflict && change.after) {
          goal.then->acl = change.after->acl;
          goal.then->acl_known = change.after->acl_known;
        }
        break;
    }
    if (conflict) {
      goal.later.push_back(deed);
    } else if (change.kind == ChangeKind::kCreated || change.kind == ChangeKind::kDeleted) {
      goal.then = change.after;
      goal.existence = goal.data = goal.acl = false;
      goal.later.clear();
    }
  }

  const UndoChoice& choice_;
  UndoPlan& plan_;
};

}  // namespace

bool UndoChoice::takes(const TxnHeader& header) const {
  if (header.zxid < first_zxid || header.zxid > last_zxid) return false;
  if (header.time_ms < since_ms || header.time_ms > until_ms) return false;
  if (!among(sessions, header.client_id)) return false;
  return zxids.empty() || std::any_of(zxids.begin(), zxids.end(), [&](const restore::ZxidRange& range) {
           return header.zxid >= range.first && header.zxid <= range.last;
         });
}

bool UndoChoice::takes(const TxnHeader& header, const Change& change) const {
  if (!takes(header) || !matches_any(paths, change.path)) return false;
  if (types.empty() || types.has(change.type)) return true;
  // As `log --type` has it: of a multi the whole, of a session's end each node that went with it.
  return types.has(header.type) || (header.type == TxnType::kCloseSession && types.has(TxnType::kDelete));
}

Result<UndoPlan> plan_undo(restore::Source& source, const restore::SourceListing& listing,
                           const restore::State& now, std::int64_t point, const UndoChoice& choice,
                           const UndoOptions& options, Findings& findings, Job& job) {
  UndoPlan plan;
  ChosenRecords records(choice, point);
  Findings met;
  ZK_TRY_STATUS(records.look(source, listing, met, job));
  GoalKeeper keeper(choice, plan);
  if (records.any()) {
    ChangeWalkOptions walk;
    walk.paths = choice.paths;
    walk.first_zxid = records.first();
    walk.last_zxid = point;
    Findings again;
    const Result<ChangeWalkStart> start = walk_changes(
        source, listing, walk,
        [&](const WalkEntry& entry, std::span<const Change> changes, const restore::State&) {
          return keeper.see(entry, changes);
        },
        again, job);
    if (!start) return fail(start.error().clone());
    for (restore::Finding& finding : again)
      if (std::none_of(met.begin(), met.end(),
                       [&](const restore::Finding& one) { return same_finding(one, finding); }))
        met.push_back(std::move(finding));
  }
  for (restore::Finding& finding : met) {
    const bool before = finding.last_zxid && *finding.last_zxid < std::max<std::int64_t>(records.lowest(), 1);
    const bool behind = finding.first_zxid && *finding.first_zxid > point;
    if (!before && !behind) findings.push_back(std::move(finding));
  }
  ZK_TRY_STATUS(arrange_undo(std::move(keeper.goals), keeper.gone, now, options, plan, job));
  return plan;
}

}  // namespace zkark::forensics
