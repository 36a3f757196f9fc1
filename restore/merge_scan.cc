#include "restore/merge_scan.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "formats/txn_log.h"
#include "restore/base_choice.h"
#include "restore/log_walk.h"

namespace zkark::restore {
namespace {

bool by_zxid(const Mark& a, const Mark& b) { return a.zxid < b.zxid; }

bool is_torn(const Finding& finding) {
  return finding.severity == Severity::kNote && finding.id == ErrorId::kTruncated;
}

/// Goes through the records of the member to heal.
class HoleFinder {
 public:
  HoleFinder(MergeMember& target, const MergeOptions& options, Job& job)
      : target_(target), options_(options), job_(job) {
    for (std::size_t i = 0; i < logs().size(); ++i) index_[logs()[i].path] = i;
    scan_.has_records.assign(logs().size(), false);
  }
  Result<HoleScan> run();

 private:
  const std::vector<SourceFile>& logs() const { return target_.listing.logs; }
  void add(const WalkEntry& walk);
  Status end();
  Status look_at_snapshots(std::int64_t highest_record);
  void begin_of_all(Hole& hole, const WalkEntry& walk, bool told);
  Status bridge_to_snapshot(bool any_record);
  Status measure_room(Hole& hole);
  void take_findings(Hole& hole);

  MergeMember& target_;
  const MergeOptions& options_;
  Job& job_;
  HoleScan scan_;
  std::map<std::string, std::size_t> index_;
  std::size_t judged_ = 0;  // findings before the last record
  std::optional<Anchor> last_;
  std::size_t last_log_ = 0;
  std::uint64_t last_end_ = 0;
  bool sorted_ = true;
  std::optional<std::int64_t> newest_;  // what the newest sound snapshot holds, where that is behind all
};

/// What was found since the last record, as bytes of the hole.
void HoleFinder::take_findings(Hole& hole) {
  for (; judged_ < scan_.findings.size(); ++judged_) {
    const Finding& finding = scan_.findings[judged_];
    const auto log = index_.find(finding.file);
    const bool torn = is_torn(finding);
    const bool header = finding.end_offset && *finding.end_offset <= kLogHeaderBytes;
    if (header) continue;  // no record stood there
    if (log != index_.end() && finding.offset && (finding.end_offset || torn))
      hole.bad.push_back(
          {log->second, *finding.offset, finding.end_offset.value_or(logs()[log->second].size_bytes), torn});
    else if (finding.severity != Severity::kGap)
      continue;
    hole.findings.push_back(judged_);
    if (hole.file.empty()) {
      hole.file = finding.file;
      hole.offset = finding.offset;
    }
  }
}

/// A hole in front of all records: snapshots that are older are what it begins with, else what a name says.
void HoleFinder::begin_of_all(Hole& hole, const WalkEntry& walk, bool told) {
  const std::int64_t zxid = walk.entry.zxid();
  for (const SourceFile& snapshot : target_.listing.snapshots)
    if (snapshot.zxid < zxid) hole.left.push_back({snapshot.zxid, {}});
  if (!told) return;
  const std::size_t first_log =
      hole.bad.empty() ? index_.at(walk.file->path)
                       : std::min_element(hole.bad.begin(), hole.bad.end(), [](const auto& a, const auto& b) {
                           return a.log < b.log;
                         })->log;
  std::int64_t begin = logs()[first_log].zxid;
  for (const std::size_t i : hole.findings)
    if (scan_.findings[i].severity == Severity::kGap && scan_.findings[i].first_zxid)
      begin = std::min(begin, *scan_.findings[i].first_zxid);
  if (begin > 0 && begin <= zxid) hole.left.push_back({begin - 1, {}});
}

void HoleFinder::add(const WalkEntry& walk) {
  const std::int64_t zxid = walk.entry.zxid();
  const std::size_t log = index_.at(walk.file->path);
  ++target_.records;
  Hole hole;
  take_findings(hole);
  const bool damaged =
      std::any_of(hole.bad.begin(), hole.bad.end(), [](const auto& one) { return !one.torn; });
  const bool gap = std::any_of(hole.findings.begin(), hole.findings.end(),
                               [&](std::size_t i) { return scan_.findings[i].severity == Severity::kGap; });
  const bool backwards = walk.step == Step::kBackwards;
  bool is_hole = !backwards && (damaged || gap || walk.step == Step::kGap);
  bool epoch = walk.step == Step::kEpoch;
  if (walk.step == Step::kFirst) {
    begin_of_all(hole, walk, damaged || gap);
    // A snapshot that is older shows that there was something in between.
    if (!is_hole && !hole.left.empty()) {
      const Step step = step_between(hole.left.front().zxid, zxid, walk.entry.txn.header.type);
      is_hole = step == Step::kGap;
      epoch = step == Step::kEpoch;
    }
  } else if (last_) {
    hole.left = {*last_};
  }
  const bool torn = std::any_of(hole.bad.begin(), hole.bad.end(), [](const auto& one) { return one.torn; });
  if ((is_hole || epoch) && !backwards && !hole.left.empty()) {
    hole.kind = damaged    ? HoleKind::kDamage
                : !is_hole ? HoleKind::kStep
                : torn     ? HoleKind::kTorn
                           : HoleKind::kGap;
    hole.right = Anchor{zxid, walk.entry.checksum()};
    if (last_) hole.left_log = last_log_;
    hole.left_end = last_end_;
    hole.right_log = log;
    hole.right_begin = walk.entry.offset;
    if (hole.file.empty()) {
      hole.file = walk.file->path;
      hole.offset = walk.entry.offset;
    }
    scan_.holes.push_back(std::move(hole));
  }
  scan_.has_records[log] = true;
  sorted_ = sorted_ && !backwards;
  scan_.marks.push_back({zxid, walk.entry.checksum()});
  last_ = Anchor{zxid, walk.entry.checksum()};
  last_log_ = log;
  last_end_ = walk.entry.end_offset();
}

/// The newest snapshot that can be read, where it holds more than the logs.
Status HoleFinder::look_at_snapshots(std::int64_t highest_record) {
  const auto& snapshots = target_.listing.snapshots;
  for (auto one = snapshots.rbegin(); one != snapshots.rend() && one->zxid > highest_record; ++one) {
    const Result<SnapshotFacts> facts = scan_snapshot(*target_.source, *one, job_);
    if (!facts) {
      if (exit_code(facts.error().id()) != 6 && facts.error().id() != ErrorId::kNoFile)
        return fail(facts.error().clone());
      continue;  // told by whoever plans the copy
    }
    newest_ = std::max({one->zxid, facts->highest_stamp, facts->tail.last_processed_zxid.value_or(0),
                        facts->tail.digest ? facts->tail.digest->zxid : 0});
    return {};
  }
  return {};
}

/// How many bytes somebody wrote behind the last record.
Status HoleFinder::measure_room(Hole& hole) {
  std::uint64_t room = 0;
  std::vector<std::byte> block(64 << 10);
  for (const BadBytes& bad : hole.bad) {
    if (bad.torn) continue;
    ZK_TRY(const auto file, target_.source->open(logs()[bad.log]));
    const std::uint64_t begin = std::max<std::uint64_t>(bad.begin, kLogHeaderBytes);
    std::uint64_t last = begin;  // behind the last byte that is not zero
    for (std::uint64_t at = begin; at < bad.end;) {
      ZK_TRY_STATUS(job_.check());
      const MutableBytes part(block.data(),
                              static_cast<std::size_t>(std::min<std::uint64_t>(block.size(), bad.end - at)));
      ZK_TRY(const std::size_t n, file->read_at(at, part));
      if (n == 0) break;
      for (std::size_t i = 0; i < n; ++i)
        if (part[i] != std::byte{0}) last = at + i + 1;
      at += n;
    }
    room += last - begin;
  }
  hole.room = room;
  return {};
}

/// A snapshot of its own that holds more than its logs: what lies between was there.
Status HoleFinder::bridge_to_snapshot(bool any_record) {
  Hole hole;
  take_findings(hole);
  if (any_record) {
    hole.left = {*last_};
    hole.left_log = last_log_;
    hole.left_end = last_end_;
  } else {
    const auto& snapshots = target_.listing.snapshots;
    if (!snapshots.empty() && snapshots.front().zxid < *newest_)
      hole.left = {{snapshots.front().zxid, {}}};
    else
      return {};
  }
  const bool damaged =
      std::any_of(hole.bad.begin(), hole.bad.end(), [](const auto& one) { return !one.torn; });
  hole.kind = damaged ? HoleKind::kDamage : hole.bad.empty() ? HoleKind::kGap : HoleKind::kTorn;
  hole.right = Anchor{*newest_, {}};
  if (hole.file.empty() && !target_.listing.snapshots.empty())
    hole.file = target_.listing.snapshots.back().path;
  scan_.holes.push_back(std::move(hole));
  last_ = Anchor{*newest_, {}};
  return {};
}

Status HoleFinder::end() {
  ZK_TRY_STATUS(look_at_snapshots(last_ ? last_->zxid : INT64_MIN));
  const bool any_record = last_.has_value();
  bool bridged = false;
  if (newest_ && (!last_ || *newest_ > last_->zxid)) {
    ZK_TRY_STATUS(bridge_to_snapshot(any_record));
    bridged = !scan_.holes.empty() && scan_.holes.back().right == Anchor{*newest_, {}};
    if (!last_) last_ = Anchor{*newest_, {}};
  }
  Hole hole;
  take_findings(hole);
  const bool damaged =
      std::any_of(hole.bad.begin(), hole.bad.end(), [](const auto& one) { return !one.torn; });
  if (last_) {
    hole.left = {*last_};
    if (any_record && !bridged) {
      hole.left_log = last_log_;
      hole.left_end = last_end_;
    }
  } else if (!hole.bad.empty() && logs()[hole.bad.front().log].zxid > 0) {
    hole.left = {{logs()[hole.bad.front().log].zxid - 1, {}}};
  }
  if (hole.left.empty() || !(damaged || options_.extend)) return {};
  hole.kind = options_.extend ? HoleKind::kTail : HoleKind::kDamage;
  if (!options_.extend) ZK_TRY_STATUS(measure_room(hole));
  if (hole.file.empty() && !logs().empty()) hole.file = logs().back().path;
  scan_.holes.push_back(std::move(hole));
  return {};
}

Result<HoleScan> HoleFinder::run() {
  LogWalkOptions options;
  options.after_zxid = INT64_MIN;
  options.overlaps = target_.listing.logs_overlap;
  LogWalk walk(*target_.source, logs(), options, scan_.findings);
  WalkEntry entry;
  for (std::uint64_t n = 0;; ++n) {
    if ((n & 4095) == 0) ZK_TRY_STATUS(job_.check());
    ZK_TRY(const bool more, walk.next_into(entry));
    if (!more) break;
    add(entry);
  }
  ZK_TRY_STATUS(end());
  if (!sorted_) std::stable_sort(scan_.marks.begin(), scan_.marks.end(), by_zxid);
  if (!scan_.marks.empty()) {
    target_.first_zxid = scan_.marks.front().zxid;
    target_.last_zxid = scan_.marks.back().zxid;
  }
  std::stable_sort(scan_.holes.begin(), scan_.holes.end(),
                   [](const Hole& a, const Hole& b) { return a.from() < b.from(); });
  return std::move(scan_);
}

/// Goes through the records of another one.
class MemberScan {
 public:
  MemberScan(const MergeMember& target, const HoleScan& scan, MergeMember& member)
      : target_(target), scan_(scan), member_(member), held_(scan.holes.size()) {
    for (std::size_t i = 0; i < member.listing.logs.size(); ++i)
      index_[member.listing.logs[i].path] = static_cast<std::uint32_t>(i);
    disordered_.assign(scan.holes.size(), false);
  }

  Status add(const WalkEntry& walk) {
    const std::int64_t zxid = walk.entry.zxid();
    // Behind damage nobody can say how many records the old epoch had.
    bool lost = false;
    for (; judged_ < member_.findings.size(); ++judged_)
      lost |= member_.findings[judged_].severity == Severity::kDamage &&
              member_.findings[judged_].first_zxid.has_value();
    const bool joined =
        walk.step == Step::kNext || walk.step == Step::kSameZxid || (walk.step == Step::kEpoch && !lost);
    if (group_.empty() || zxid != group_zxid_) ZK_TRY_STATUS(close_group());
    group_zxid_ = zxid;
    group_.push_back(walk.entry.checksum());
    ++member_.records;
    member_.first_zxid = std::min(member_.first_zxid.value_or(zxid), zxid);
    member_.last_zxid = std::max(member_.last_zxid.value_or(zxid), zxid);
    if (walk.file != file_) {
      file_ = walk.file;
      log_ = index_.at(file_->path);
    }
    hold({zxid, walk.entry.offset, static_cast<std::uint32_t>(walk.entry.record.size()),
          walk.entry.checksum(), log_, joined});
    return {};
  }
  Result<HeldByHole> finish() {
    ZK_TRY_STATUS(close_group());
    for (std::size_t i = 0; i < held_.size(); ++i)
      if (disordered_[i]) held_[i].clear();
    return std::move(held_);
  }

 private:
  void hold(const HeldRecord& record) {
    const auto& holes = scan_.holes;
    if (holes.empty()) return;
    if (at_ == holes.size() && record.zxid <= holes.back().to()) at_ = 0;
    if (at_ < holes.size() && record.zxid < holes[at_].from()) {
      if (at_ == 0 || record.zxid > holes[at_ - 1].to()) return;
      at_ = 0;
    }
    while (at_ < holes.size() && holes[at_].to() < record.zxid) ++at_;
    // The record between two holes belongs to both.
    for (std::size_t i = at_; i < holes.size() && holes[i].from() <= record.zxid; ++i) {
      if (!holes[i].holds(record.zxid)) continue;
      if (!held_[i].empty() && held_[i].back().zxid > record.zxid) disordered_[i] = true;
      held_[i].push_back(record);
    }
  }

  /// All records of one zxid: nearly always one. One of several may have been lost on one side.
  Status close_group() {
    if (group_.empty()) return {};
    const Mark key{group_zxid_, 0};
    const auto& marks = scan_.marks;
    if (mark_ > 0 && (mark_ >= marks.size() || marks[mark_ - 1].zxid >= key.zxid)) mark_ = 0;
    if (mark_ == 0 || (mark_ < marks.size() && marks[mark_].zxid + 16 < key.zxid))
      mark_ = static_cast<std::size_t>(std::lower_bound(marks.begin(), marks.end(), key, by_zxid) -
                                       marks.begin());
    while (mark_ < marks.size() && marks[mark_].zxid < key.zxid) ++mark_;
    std::vector<std::uint32_t> own;
    for (std::size_t i = mark_; i < marks.size() && marks[i].zxid == key.zxid; ++i)
      own.push_back(marks[i].checksum);
    const std::vector<std::uint32_t> theirs = std::move(group_);
    group_.clear();
    if (own.empty()) return {};
    if (!within(own, theirs) && !within(theirs, own))
      return fail(
          Error(ErrorId::kRefused, fmt::format("{} and {} hold different records for {}: they do not share "
                                               "one history",
                                               target_.name, member_.name, zxid_text(key.zxid)))
              .at_zxid(key.zxid)
              .with_hint(
                  "`zkark compare` shows which member stands against the others; leave out what is not "
                  "of this ensemble, or went another way"));
    ++member_.shared;
    const auto epoch = static_cast<std::int64_t>(zxid_epoch(key.zxid));
    auto& epochs = member_.shared_epochs;
    const auto place = std::lower_bound(epochs.begin(), epochs.end(), epoch);
    if (place == epochs.end() || *place != epoch) epochs.insert(place, epoch);
    if (!member_.common) member_.common = ZxidRange{key.zxid, key.zxid};
    member_.common->first = std::min(member_.common->first, key.zxid);
    member_.common->last = std::max(member_.common->last, key.zxid);
    return {};
  }
  static bool within(const std::vector<std::uint32_t>& few, const std::vector<std::uint32_t>& many) {
    std::size_t found = 0;
    for (const std::uint32_t one : many) found += found < few.size() && few[found] == one ? 1 : 0;
    return found == few.size();
  }

  const MergeMember& target_;
  const HoleScan& scan_;
  MergeMember& member_;
  HeldByHole held_;
  std::vector<bool> disordered_;  // by hole: the member's zxids go backwards in it
  std::map<std::string, std::uint32_t> index_;
  const SourceFile* file_ = nullptr;
  std::uint32_t log_ = 0;
  std::size_t judged_ = 0, at_ = 0, mark_ = 0;
  std::int64_t group_zxid_ = 0;
  std::vector<std::uint32_t> group_;
};

}  // namespace

Result<HoleScan> scan_holes(MergeMember& target, const MergeOptions& options, Job& job) {
  return HoleFinder(target, options, job).run();
}

Result<HeldByHole> scan_member(const MergeMember& target, const HoleScan& scan, MergeMember& member,
                               Job& job) {
  MemberScan found(target, scan, member);
  LogWalkOptions options;
  options.after_zxid = INT64_MIN;
  options.overlaps = member.listing.logs_overlap;
  LogWalk walk(*member.source, member.listing.logs, options, member.findings);
  WalkEntry entry;
  for (std::uint64_t n = 0;; ++n) {
    if ((n & 4095) == 0) ZK_TRY_STATUS(job.check());
    ZK_TRY(const bool more, walk.next_into(entry));
    if (!more) break;
    if (member.limit && entry.entry.zxid() > *member.limit) continue;
    ZK_TRY_STATUS(found.add(entry));
  }
  return found.finish();
}

}  // namespace zkark::restore
