#include "src/forensics/history.h"

#include <algorithm>

namespace zkark::forensics {
namespace {

using What = Version::What;

What what_of(ChangeKind kind) {
  switch (kind) {
    case ChangeKind::kCreated:
      return What::kCreated;
    case ChangeKind::kDataSet:
      return What::kDataSet;
    case ChangeKind::kAclSet:
      return What::kAclSet;
    case ChangeKind::kDeleted:
      return What::kDeleted;
  }
  return What::kDataSet;
}

class HistoryTeller {
 public:
  HistoryTeller(const restore::SourceListing& listing, const HistoryOptions& options,
                const std::function<Status(const Version&)>& visit)
      : listing_(listing), options_(options), visit_(visit) {}

  Status see(const restore::WalkEntry& walk, std::span<const Change> changes, const restore::State& state) {
    const std::int64_t zxid = walk.entry.zxid();
    if (!first_zxid_) first_zxid_ = zxid;
    if (walk.step == restore::Step::kGap || walk.step == restore::Step::kBackwards) lost_ = true;
    for (const Change& change : changes) {
      if (change.path == options_.path)
        ZK_TRY_STATUS(own(walk.entry.txn.header, change));
      else if (options_.children && is_child(change))
        ZK_TRY_STATUS(tell(told(walk.entry.txn.header, change, 0)));
    }
    // What the walk knows comes from somewhere else only where it takes up a snapshot.
    bool took_up = !looked_;
    for (; next_snapshot_ < listing_.snapshots.size() && listing_.snapshots[next_snapshot_].zxid < zxid;
         ++next_snapshot_)
      took_up = true;
    looked_ = true;
    return took_up ? look(state, zxid) : Status();
  }

 private:
  enum class Known : std::uint8_t { kNothing, kAbsent, kPresent };

  bool is_child(const Change& change) const {
    if (change.kind != ChangeKind::kCreated && change.kind != ChangeKind::kDeleted) return false;
    const std::string_view base = options_.path == "/" ? std::string_view() : std::string_view(options_.path);
    return change.path.size() > base.size() + 1 && change.path.starts_with(base) &&
           change.path[base.size()] == '/' && change.path.rfind('/') == base.size();
  }

  static Version told(const TxnHeader& header, const Change& change, std::uint32_t life) {
    Version version;
    version.what = what_of(change.kind);
    version.path = change.path;
    version.life = life;
    version.zxid = header.zxid;
    version.time_ms = header.time_ms;
    version.session = header.client_id;
    version.cxid = header.cxid;
    version.type = change.type;
    version.part = change.part;
    version.before = change.before;
    version.after = change.after;
    return version;
  }

  Status tell(const Version& version) { return visit_(version); }

  Status own(const TxnHeader& header, const Change& change) {
    if (change.before_known)
      ZK_TRY_STATUS(reconcile(change.before ? &*change.before : nullptr));
    else if (known_ != Known::kPresent)
      ZK_TRY_STATUS(tell_unseen(nullptr, true));
    if (change.kind == ChangeKind::kCreated) ++life_;
    remember(change.after ? &*change.after : nullptr);
    return tell(told(header, change, life_));
  }

  /// A snapshot was taken up: it may show what no record told. Not being in it says nothing, because without
  /// a base there is an empty tree; and a fuzzy one may be ahead of the record.
  Status look(const restore::State& state, std::int64_t zxid) {
    const restore::NodeId id = state.tree.find(options_.path);
    if (id == restore::kNoNode) return {};
    const NodeCopy there = copy_node(state.tree, id);
    if (id == restore::kRoot && there.stat == StatPersisted()) return {};
    if (std::max(there.stat.czxid, there.stat.mzxid) > zxid) return {};
    return reconcile(&there);
  }

  /// `now`: what surely stands there; null: nothing does.
  Status reconcile(const NodeCopy* now) {
    if (known_ == Known::kPresent && now != nullptr) {
      const bool comparable = now->stat_known && last_stat_known_;
      const bool same = now->stat.czxid == last_.czxid && now->stat.mzxid == last_.mzxid &&
                        now->stat.aversion == last_.aversion;
      if (!comparable || same) return {};
      if (now->stat.czxid != last_.czxid) ++life_;
      return tell_unseen(now, true);
    }
    if (now != nullptr) return tell_unseen(now, true);
    if (known_ == Known::kPresent) return tell_unseen(nullptr, false);
    known_ = Known::kAbsent;
    return {};
  }

  /// `there`: it stands there, like `now` if that tells.
  Status tell_unseen(const NodeCopy* now, bool there) {
    Version version;
    // Behind a gap only a last write older than the logs tells.
    const bool from_before = known_ == Known::kNothing &&
                             (now != nullptr ? now->stat.mzxid < first_zxid_.value_or(INT64_MAX) : !lost_);
    version.what = from_before ? What::kBefore : What::kMissing;
    if (there && known_ != Known::kPresent) ++life_;
    version.path = options_.path;
    version.life = life_;
    if (now != nullptr) {
      version.zxid = now->stat.mzxid;
      version.time_ms = now->stat.mtime;
      version.after = *now;
    } else if (there) {
      version.after.emplace();
      version.after->stat_known = version.after->acl_known = false;
    }
    if (there)
      remember(version.after ? &*version.after : nullptr);
    else
      known_ = Known::kAbsent;
    return tell(version);
  }

  void remember(const NodeCopy* node) {
    known_ = node == nullptr ? Known::kAbsent : Known::kPresent;
    if (node == nullptr) return;
    last_ = node->stat;
    last_stat_known_ = node->stat_known;
  }

  const restore::SourceListing& listing_;
  const HistoryOptions& options_;
  const std::function<Status(const Version&)>& visit_;
  std::optional<std::int64_t> first_zxid_;  // of the records
  std::size_t next_snapshot_ = 0;
  bool looked_ = false;
  bool lost_ = false;  // records are missing between those seen
  Known known_ = Known::kNothing;
  StatPersisted last_;  // kPresent: of the node as told last
  bool last_stat_known_ = true;
  std::uint32_t life_ = 0;
};

}  // namespace

Status walk_history(restore::Source& source, const restore::SourceListing& listing,
                    const HistoryOptions& options, const std::function<Status(const Version&)>& visit,
                    restore::Findings& findings, Job& job) {
  HistoryTeller teller(listing, options, visit);
  ChangeWalkOptions walk;
  walk.last_zxid = options.last_zxid;
  walk.paths.push_back(options.children ? PathPattern::subtree(options.path)
                                        : PathPattern::exactly(options.path));
  const Result<ChangeWalkStart> start = walk_changes(
      source, listing, walk,
      [&](const restore::WalkEntry& entry, std::span<const Change> changes, const restore::State& state) {
        return teller.see(entry, changes, state);
      },
      findings, job);
  if (!start) return fail(start.error().clone());
  return {};
}

}  // namespace zkark::forensics
