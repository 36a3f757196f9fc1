#include "src/backup/continuity.h"

#include <algorithm>
#include <map>
#include <set>

#include "restore/lineage.h"
#include "restore/log_walk.h"
#include "src/backup/collect.h"
#include "src/backup/one_history.h"
#include "src/backup/stored_records.h"

namespace zkark::backup {
namespace {

using restore::LogWalk;
using restore::LogWalkOptions;
using restore::SourceFile;
using restore::SourceListing;

/// The last record a timeline holds; no checksum where it is a snapshot.
struct Tip {
  std::int64_t zxid = 0;
  std::optional<SourcePosition> position;
  std::optional<std::uint64_t> checksum;
};

std::optional<Tip> tip_of(const Manifest& manifest) {
  std::optional<Tip> tip;
  for (const StoredSegment& segment : manifest.segments)
    if (!tip || segment.last_zxid >= tip->zxid)
      tip = Tip{segment.last_zxid, segment.source_end, segment.last_checksum};
  for (const StoredBase& base : manifest.bases)
    if (!tip || base.zxid > tip->zxid) tip = Tip{base.zxid, std::nullopt, std::nullopt};
  return tip;
}

struct Found {
  std::string log_path;
  std::uint64_t end_offset = 0;
};

/// One timeline of the cluster. Manifests are loaded as they are asked for.
class Candidate {
 public:
  Candidate(const Repository& repository, std::string_view cluster, std::string timeline)
      : repository_(&repository), id_(std::move(timeline)) {
    for (const HeadEntry& entry : repository.entries())
      if (entry.cluster == cluster && entry.timeline == id_) entries_.push_back(&entry);
    // The one that reaches furthest first: a later full of a source that is behind ends lower. Of equals the
    // one published last: a compact of an older timeline has the order of its parent.
    std::reverse(entries_.begin(), entries_.end());
    std::stable_sort(entries_.begin(), entries_.end(), [](const HeadEntry* a, const HeadEntry* b) {
      return a->last_zxid != b->last_zxid ? a->last_zxid > b->last_zxid : a->order_ms > b->order_ms;
    });
  }

  const std::string& timeline() const { return id_; }
  /// Once find_tip has left what can be read.
  Result<const Manifest*> newest() { return load(*entries_.front()); }
  /// Leaves out backups whose manifest is damaged or missing, with a finding each; false: none is left.
  Result<bool> drop_unreadable(restore::Findings& findings) {
    while (!entries_.empty()) {
      const Result<const Manifest*> manifest = load(*entries_.front());
      if (manifest) return true;
      if (exit_code(manifest.error().id()) != 6) return fail(manifest.error().clone());
      findings.push_back(restore::finding_of(manifest.error()));
      findings.back().message += "; the backup is not built upon";
      entries_.erase(entries_.begin());
    }
    return false;
  }
  Status find_tip() {
    for (const HeadEntry* entry : entries_) {
      ZK_TRY(const Manifest* manifest, load_if_intact(*entry));
      if (manifest == nullptr) continue;
      if (auto found = tip_of(*manifest)) {
        tip = *found;
        return {};
      }
    }
    return {};
  }
  /// Of every live backup of the timeline, the one that reaches furthest first.
  Result<std::vector<const Manifest*>> all() {
    std::vector<const Manifest*> manifests;
    for (const HeadEntry* entry : entries_) {
      ZK_TRY(const Manifest* manifest, load_if_intact(*entry));
      if (manifest != nullptr) manifests.push_back(manifest);
    }
    return manifests;
  }
  Result<const std::vector<Landmark>*> landmarks() {
    for (const HeadEntry* entry : entries_) {
      ZK_TRY(const Manifest* manifest, load_if_intact(*entry));
      if (manifest != nullptr && !manifest->landmarks.empty()) return &manifest->landmarks;
    }
    return nullptr;
  }

  /// Whether the newest backup says that its replay failed.
  bool failed() {
    const Result<const Manifest*> manifest = newest();
    return manifest && failed_at((*manifest)->certificate);
  }

  Tip tip;

 private:
  Result<const Manifest*> load_if_intact(const HeadEntry& entry) {
    Result<const Manifest*> manifest = load(entry);
    if (!manifest && exit_code(manifest.error().id()) == 6) return nullptr;
    return manifest;
  }
  Result<const Manifest*> load(const HeadEntry& entry) {
    auto at = loaded_.find(entry.id);
    if (at == loaded_.end()) {
      ZK_TRY(Manifest manifest, repository_->load(entry.id));
      at = loaded_.emplace(entry.id, std::move(manifest)).first;
    }
    return &at->second;
  }

  const Repository* repository_;
  std::string id_;
  std::vector<const HeadEntry*> entries_;
  std::map<std::string, Manifest> loaded_;
};

class Search {
 public:
  Search(const Repository& repository, std::string_view cluster, restore::Source& source,
         const SourceListing& listing, Job& job)
      : repository_(repository), cluster_(cluster), source_(source), listing_(listing), job_(job) {}
  Result<Continuity> run();

 private:
  using Shared = std::optional<RecordMark>;

  Result<Continuity> relate();
  Result<std::optional<Found>> at_hint(const Tip& tip);
  Result<std::optional<Found>> scan_for(const Tip& tip, const Found* from);
  Result<bool> goes_on_from_base(Candidate& candidate);
  Result<std::size_t> matching_landmarks(const std::vector<Landmark>& landmarks);
  Result<bool> same_znodes(Candidate& candidate);
  Result<std::optional<Found>> locate(Candidate& candidate, const Found* from);
  Result<std::optional<Continuity>> continues();
  Result<std::optional<Continuity>> restored();
  Result<std::optional<Continuity>> forked();
  Result<std::optional<Continuity>> by_znodes();
  Result<Shared> shared_in(const std::vector<const StoredSegment*>& group);
  Result<Shared> fork_with(Candidate& candidate);
  bool is_ancestor(Candidate& candidate, Candidate& of);
  Result<bool> same_lineage(Candidate& candidate, const restore::Lineage& lineage);
  Result<Continuity> made(Relation relation, Candidate& candidate);
  std::optional<restore::Lineage> lineage() const;

  const Repository& repository_;
  std::string_view cluster_;
  restore::Source& source_;
  const SourceListing& listing_;
  Job& job_;
  std::vector<Candidate> candidates_;  // published last first
};

/// The cheap way: the file the last backup stopped in still has that record there.
Result<std::optional<Found>> Search::at_hint(const Tip& tip) {
  if (!tip.position) return std::optional<Found>();
  for (const SourceFile& log : listing_.logs) {
    if (base_name(log.path) != tip.position->file_name) continue;
    ZK_TRY(auto file, source_.open(log));
    TxnLogReader reader(*file);
    if (Status header = reader.read_header(); !header) {
      if (header.error().id() == ErrorId::kStorage || header.error().id() == ErrorId::kPermission)
        return fail(std::move(header).error());
      continue;
    }
    reader.seek(tip.position->offset);
    auto entry = reader.next();
    if (entry && *entry && (*entry)->zxid() == tip.zxid && (*entry)->checksum() == *tip.checksum)
      return std::optional(Found{log.path, (*entry)->end_offset()});
    if (!entry && (entry.error().id() == ErrorId::kStorage || entry.error().id() == ErrorId::kPermission))
      return fail(std::move(entry).error());
  }
  return std::optional<Found>();
}

/// The record of the tip anywhere; with `from` (a lower record) only behind it.
Result<std::optional<Found>> Search::scan_for(const Tip& tip, const Found* from) {
  std::vector<SourceFile> logs = restore::logs_after(listing_.logs, tip.zxid - 1);
  LogWalkOptions options;
  options.after_zxid = tip.zxid - 1;
  options.overlaps = listing_.logs_overlap;
  if (from != nullptr && !logs.empty() && logs.front().path == from->log_path)
    options.start_offset = from->end_offset;
  restore::Findings ignored;
  LogWalk walk(source_, logs, options, ignored);
  restore::WalkEntry at;
  for (std::uint64_t n = 0;; ++n) {
    if ((n & 1023) == 0) ZK_TRY_STATUS(job_.check());
    ZK_TRY(const bool more, walk.next_into(at));
    if (!more || at.entry.zxid() > tip.zxid) return std::optional<Found>();
    if (at.entry.checksum() == *tip.checksum)
      return std::optional(Found{at.file->path, at.entry.end_offset()});
  }
}

Result<std::size_t> Search::matching_landmarks(const std::vector<Landmark>& landmarks) {
  for (auto snapshot = listing_.snapshots.rbegin(); snapshot != listing_.snapshots.rend(); ++snapshot) {
    Result<std::size_t> found = count_landmarks(source_, *snapshot, landmarks, job_);
    if (found) return *found;
    const int code = exit_code(found.error().id());
    if (code != 6 && found.error().id() != ErrorId::kNoFile) return fail(std::move(found).error());
    // damaged: an older one may tell
  }
  return std::size_t{0};
}

/// No record overlaps: the same cluster shows by its oldest znodes (8 of 16, or all where there are fewer).
Result<bool> Search::same_znodes(Candidate& candidate) {
  ZK_TRY(const auto landmarks, candidate.landmarks());
  if (landmarks == nullptr) return false;
  const std::size_t needed = landmarks->size() < kLandmarks ? landmarks->size() : kLandmarks / 2;
  ZK_TRY(const std::size_t found, matching_landmarks(*landmarks));
  return found >= needed;
}

/// The last thing stored is a snapshot, which has no checksum to look for: the source goes on from it when it
/// has that snapshot or the record behind it, and says that it is the same cluster: by its lineage file or
/// its oldest znodes.
Result<bool> Search::goes_on_from_base(Candidate& candidate) {
  const std::int64_t base = candidate.tip.zxid;
  const bool there = std::any_of(listing_.snapshots.begin(), listing_.snapshots.end(),
                                 [&](const SourceFile& snapshot) { return snapshot.zxid == base; });
  const bool behind = std::any_of(listing_.logs.begin(), listing_.logs.end(),
                                  [&](const SourceFile& log) { return log.zxid > base; });
  if (!there && !behind) return false;
  if (const auto own = lineage()) {
    ZK_TRY(const bool same, same_lineage(candidate, *own));
    if (same) return true;
  }
  ZK_TRY(const auto landmarks, candidate.landmarks());
  // An empty tree has nothing to be told by; whoever has it, or begins with the first txn, is taken for it.
  if (landmarks == nullptr) return there || base == 0;
  return same_znodes(candidate);
}

Result<std::optional<Found>> Search::locate(Candidate& candidate, const Found* from) {
  if (candidate.tip.checksum) return scan_for(candidate.tip, from);
  ZK_TRY(const bool same, goes_on_from_base(candidate));
  if (same) return std::optional(Found{});
  return std::optional<Found>();
}

bool Search::is_ancestor(Candidate& candidate, Candidate& of) {
  std::string parent;
  std::set<std::string> seen;
  Candidate* at = &of;
  while (at != nullptr) {
    const Result<const Manifest*> newest = at->newest();
    if (!newest || !seen.insert(at->timeline()).second) return false;
    parent = (*newest)->timeline.parent;
    if (parent == candidate.timeline()) return true;
    at = nullptr;
    for (Candidate& other : candidates_)
      if (other.timeline() == parent) at = &other;
  }
  return false;
}

Result<Continuity> Search::made(Relation relation, Candidate& candidate) {
  Continuity c;
  c.relation = relation;
  c.stored_to = candidate.tip.zxid;
  ZK_TRY(const Manifest* newest, candidate.newest());
  c.previous = *newest;
  c.parent_timeline = candidate.timeline();
  return c;
}

/// The source has the last record of a timeline. When it has those of several (a stale record that a
/// truncation left in place, a timeline that another one branched off), the one that reaches furthest is its
/// own.
Result<std::optional<Continuity>> Search::continues() {
  Candidate* best = nullptr;
  Found place;
  for (Candidate& candidate : candidates_) {
    ZK_TRY(const auto found, at_hint(candidate.tip));
    if (!found) continue;
    // Two copies of one history that differ in between end alike: the sound one goes on.
    const bool better = best == nullptr || candidate.tip.zxid > best->tip.zxid ||
                        (candidate.tip.zxid == best->tip.zxid && best->failed() && !candidate.failed());
    if (!better) continue;
    best = &candidate;
    place = *found;
  }
  std::vector<Candidate*> higher;
  for (Candidate& candidate : candidates_)
    if (best == nullptr || (candidate.tip.zxid > best->tip.zxid && !is_ancestor(candidate, *best)))
      higher.push_back(&candidate);
  std::stable_sort(higher.begin(), higher.end(),
                   [](const Candidate* a, const Candidate* b) { return a->tip.zxid > b->tip.zxid; });
  for (Candidate* candidate : higher) {
    ZK_TRY(const auto found, locate(*candidate, best == nullptr ? nullptr : &place));
    if (!found) continue;
    best = candidate;
    place = *found;
    break;
  }
  if (best == nullptr) return std::optional<Continuity>();
  ZK_TRY(Continuity c, made(Relation::kContinues, *best));
  c.log_path = place.log_path;
  c.offset = place.end_offset;
  return std::optional(std::move(c));
}

std::optional<restore::Lineage> Search::lineage() const {
  const restore::ExtraFile* file = listing_.extra(restore::kLineageFile);
  if (file == nullptr) return std::nullopt;
  Result<restore::Lineage> lineage = restore::parse_lineage(file->content);
  if (!lineage || lineage->repository != repository_.config().id || lineage->cluster != cluster_)
    return std::nullopt;
  return *std::move(lineage);
}

/// Members of one ensemble are restored one after the other: what tells a restore is what was restored, not
/// when.
Result<bool> Search::same_lineage(Candidate& candidate, const restore::Lineage& lineage) {
  ZK_TRY(const Manifest* newest, candidate.newest());
  for (const StoredConfig& config : newest->config) {
    if (config.role != "lineage") continue;
    ZK_TRY(const std::string content, repository_.read_data(config.data, 1u << 20));
    const Result<restore::Lineage> stored = restore::parse_lineage(content);
    if (stored && stored->timeline == lineage.timeline && stored->fork_zxid == lineage.fork_zxid &&
        stored->snapshot_zxid == lineage.snapshot_zxid && stored->epoch == lineage.epoch &&
        stored->path == lineage.path)
      return true;
  }
  return false;
}

/// The directory was restored from here. Its first backup starts the child timeline; afterwards the file
/// stands in that timeline's backups too.
Result<std::optional<Continuity>> Search::restored() {
  const auto own = lineage();
  if (!own) return std::optional<Continuity>();
  for (Candidate& candidate : candidates_) {
    ZK_TRY(const bool same, same_lineage(candidate, *own));
    // A timeline of this very restore: whatever differs, differs since then (forked() has looked at the
    // records).
    if (!same) continue;
    ZK_TRY(Continuity c, made(Relation::kForked, candidate));
    c.fork_zxid = own->snapshot_zxid;
    return std::optional(std::move(c));
  }
  Candidate* parent = &candidates_.front();
  for (Candidate& candidate : candidates_)
    if (candidate.timeline() == own->timeline) parent = &candidate;
  ZK_TRY(Continuity c, made(Relation::kRestored, *parent));
  c.parent_timeline = own->timeline;
  c.fork_zxid = own->fork_zxid;
  return std::optional(std::move(c));
}

/// The highest record of these segments that the source has too. Both are read side by side.
Result<Search::Shared> Search::shared_in(const std::vector<const StoredSegment*>& group) {
  std::int64_t first = INT64_MAX, last = 0;
  for (const StoredSegment* segment : group) {
    first = std::min(first, segment->first_zxid);
    last = std::max(last, segment->last_zxid);
  }
  StoredRecords stored(repository_, group);
  LogWalkOptions options;
  options.after_zxid = first - 1;
  options.overlaps = true;
  restore::Findings ignored;
  LogWalk walk(source_, listing_.logs, options, ignored);
  restore::WalkEntry at;
  Shared best;
  ZK_TRY(auto mine, stored.next());
  for (std::uint64_t n = 0; mine; ++n) {
    if ((n & 1023) == 0) ZK_TRY_STATUS(job_.check());
    ZK_TRY(const bool more, walk.next_into(at));
    if (!more || at.entry.zxid() > last) break;
    while (mine && mine->zxid < at.entry.zxid()) {
      ZK_TRY(mine, stored.next());
    }
    if (mine && *mine == RecordMark{at.entry.zxid(), at.entry.checksum()}) best = mine;
  }
  return best;
}

/// The highest (zxid, checksum) that source and timeline share, searched backwards in groups that grow: a
/// fork is near the end, and where it is not, nothing is read more than twice.
Result<Search::Shared> Search::fork_with(Candidate& candidate) {
  ZK_TRY(const auto manifests, candidate.all());
  std::vector<const StoredSegment*> segments;
  for (const Manifest* manifest : manifests)
    for (const StoredSegment& segment : manifest->segments) segments.push_back(&segment);
  std::stable_sort(segments.begin(), segments.end(), [](const StoredSegment* a, const StoredSegment* b) {
    return a->last_zxid > b->last_zxid;
  });
  for (std::size_t at = 0, count = 1; at < segments.size(); at += count, count *= 2) {
    const auto from = segments.begin() + static_cast<std::ptrdiff_t>(at);
    const auto to = segments.begin() + static_cast<std::ptrdiff_t>(std::min(at + count, segments.size()));
    ZK_TRY(Shared shared, shared_in({from, to}));
    if (shared) return shared;
  }
  return Shared();
}

Result<std::optional<Continuity>> Search::forked() {
  Candidate* best = nullptr;
  Shared fork;
  for (Candidate& candidate : candidates_) {
    ZK_TRY(const Shared shared, fork_with(candidate));
    if (!shared || (fork && shared->zxid <= fork->zxid)) continue;
    best = &candidate;
    fork = shared;
  }
  if (best == nullptr) return std::optional<Continuity>();
  // The source's last record is a stored one: it has less than the repository, not something else.
  ZK_TRY(const std::int64_t last, last_record_of(source_, listing_.logs, job_));
  const bool newer_snapshot = !listing_.snapshots.empty() && listing_.snapshots.back().zxid > best->tip.zxid;
  const bool behind = last == fork->zxid && !newer_snapshot;
  ZK_TRY(Continuity c, made(behind ? Relation::kBehind : Relation::kForked, *best));
  c.fork_zxid = fork->zxid;
  c.fork_checksum = fork->checksum;
  return std::optional(std::move(c));
}

/// No record is shared. What lies wholly above the stored history goes on behind a gap; what overlaps it
/// contradicts it.
Result<std::optional<Continuity>> Search::by_znodes() {
  for (Candidate& candidate : candidates_) {
    ZK_TRY(const bool same, same_znodes(candidate));
    if (!same) continue;
    std::optional<std::int64_t> first;
    {
      LogWalkOptions options;
      options.after_zxid = -1;
      restore::Findings ignored;
      LogWalk walk(source_, listing_.logs, options, ignored);
      ZK_TRY(const auto entry, walk.next());
      if (entry) first = entry->entry.zxid();
    }
    const std::int64_t snapshot = listing_.snapshots.empty() ? 0 : listing_.snapshots.back().zxid;
    if (first ? *first > candidate.tip.zxid : snapshot > candidate.tip.zxid) {
      ZK_TRY(Continuity c, made(Relation::kPurged, candidate));
      return std::optional(std::move(c));
    }
    ZK_TRY(Continuity c, made(first ? Relation::kForked : Relation::kBehind, candidate));
    return std::optional(std::move(c));
  }
  return std::optional<Continuity>();
}

Result<Continuity> Search::run() {
  std::set<std::string> timelines;
  for (auto entry = repository_.entries().rbegin(); entry != repository_.entries().rend(); ++entry)
    if (entry->cluster == cluster_ && timelines.insert(entry->timeline).second)
      candidates_.emplace_back(repository_, cluster_, entry->timeline);
  restore::Findings unreadable;
  for (auto candidate = candidates_.begin(); candidate != candidates_.end();) {
    ZK_TRY(const bool left, candidate->drop_unreadable(unreadable));
    candidate = left ? candidate + 1 : candidates_.erase(candidate);
  }
  ZK_TRY(Continuity found, relate());
  found.unreadable = std::move(unreadable);
  return found;
}

Result<Continuity> Search::relate() {
  if (candidates_.empty()) return Continuity{};
  for (Candidate& candidate : candidates_) ZK_TRY_STATUS(candidate.find_tip());
  for (auto step : {&Search::continues, &Search::forked, &Search::restored, &Search::by_znodes}) {
    ZK_TRY(auto found, (this->*step)());
    if (found) return *std::move(found);
  }
  return made(Relation::kForeign, candidates_.front());
}

}  // namespace

Result<std::int64_t> last_record_of(restore::Source& source, const std::vector<SourceFile>& logs, Job& job) {
  restore::Findings ignored;
  LogWalkOptions options;
  options.after_zxid = -1;
  std::int64_t last = 0;
  // Newest first: a log that was only just begun, or tells nothing, leaves the answer to the one before it.
  for (auto log = logs.rbegin(); log != logs.rend() && last == 0; ++log) {
    LogWalk walk(source, {*log}, options, ignored);
    restore::WalkEntry at;
    for (std::uint64_t n = 0;; ++n) {
      if ((n & 1023) == 0) ZK_TRY_STATUS(job.check());
      ZK_TRY(const bool more, walk.next_into(at));
      if (!more) break;
      last = std::max(last, at.entry.zxid());
    }
  }
  return last;
}

Result<Continuity> find_continuity(const Repository& repository, std::string_view cluster,
                                   restore::Source& source, const SourceListing& listing, Job& job) {
  return Search(repository, cluster, source, listing, job).run();
}

}  // namespace zkark::backup
