#include "src/backup/continuity.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <unordered_map>

#include "restore/log_walk.h"
#include "src/backup/collect.h"
#include "restore/lineage.h"
#include "src/backup/source.h"

namespace zkark::backup {
namespace {

/// The last record a timeline holds.
struct Tip {
  std::int64_t zxid = 0;
  std::optional<SourcePosition> position;
  std::optional<std::uint64_t> checksum;
};

Tip tip_of(const std::vector<Manifest>& manifests) {
  Tip tip;
  for (const Manifest& manifest : manifests) {
    for (const StoredSegment& segment : manifest.segments) {
      if (segment.last_zxid < tip.zxid) continue;
      tip = {segment.last_zxid, segment.source_end, segment.last_checksum};
    }
    for (const StoredBase& base : manifest.bases)
      if (base.zxid > tip.zxid) tip = {base.zxid, std::nullopt, std::nullopt};
  }
  return tip;
}

struct Found {
  std::string log_path;
  std::uint64_t end_offset = 0;
};

/// The cheap way: the file the last backup stopped in still has that record there.
Result<std::optional<Found>> find_by_hint(restore::Source& source, const restore::SourceListing& listing,
                                          const Tip& tip) {
  if (!tip.position) return std::optional<Found>();
  for (const restore::SourceFile& log : listing.logs) {
    if (base_name(log.path) != tip.position->file_name) continue;
    auto file = source.open(log);
    if (!file) break;
    TxnLogReader reader(**file);
    if (!reader.read_header()) break;
    reader.seek(tip.position->offset);
    auto entry = reader.next();
    if (entry && *entry && (*entry)->zxid() == tip.zxid && (*entry)->checksum() == *tip.checksum)
      return std::optional<Found>(Found{log.path, (*entry)->end_offset()});
    break;
  }
  return std::optional<Found>();
}

/// Nothing but a base is stored yet: the source still has that snapshot.
bool same_base(const restore::SourceListing& listing, const std::vector<Manifest>& manifests, const Tip& tip) {
  if (tip.checksum) return false;
  for (const StoredBase& base : manifests.back().bases)
    for (const restore::SourceFile& snapshot : listing.snapshots)
      if (base.zxid == tip.zxid && snapshot.zxid == base.zxid && snapshot.size_bytes == base.source_bytes) return true;
  return false;
}

struct Scan {
  std::optional<Found> same;          // the tip itself
  bool changed = false;               // its zxid with another checksum
  std::optional<std::int64_t> below;  // highest record below the tip
  bool above = false;                 // a record above it
};

Result<Scan> scan_for(restore::Source& source, const restore::SourceListing& listing, const Tip& tip, Job& job) {
  Scan scan;
  restore::Findings ignored;
  restore::LogWalkOptions options;
  options.after_zxid = tip.zxid - 1;
  options.overlaps = listing.logs_overlap;
  auto logs = restore::logs_after(listing.logs, tip.zxid - 1);
  // The records below the tip matter too: whether this source ever had that part of history.
  options.after_zxid = -1;
  restore::LogWalk walk(source, logs, options, ignored);
  for (std::uint64_t n = 0;; ++n) {
    if ((n & 4095) == 0) ZK_TRY_STATUS(job.check());
    ZK_TRY(auto entry, walk.next());
    if (!entry) break;
    const std::int64_t zxid = entry->entry.zxid();
    if (zxid < tip.zxid) scan.below = std::max(scan.below.value_or(zxid), zxid);
    if (zxid > tip.zxid) scan.above = true;
    if (zxid != tip.zxid) continue;
    if (tip.checksum && entry->entry.checksum() == *tip.checksum)
      scan.same = Found{entry->file->path, entry->entry.end_offset()};
    else
      scan.changed = true;
  }
  return scan;
}

/// The highest (zxid, checksum) that source and stored segments share.
Result<std::optional<std::pair<std::int64_t, std::uint64_t>>> find_fork(const Repository& repository,
                                                                        const std::vector<Manifest>& manifests,
                                                                        restore::Source& source,
                                                                        const restore::SourceListing& listing, Job& job) {
  using Shared = std::optional<std::pair<std::int64_t, std::uint64_t>>;
  std::unordered_map<std::int64_t, std::uint32_t> records;
  {
    restore::Findings ignored;
    restore::LogWalkOptions options;
    options.after_zxid = -1;
    options.overlaps = listing.logs_overlap;
    restore::LogWalk walk(source, listing.logs, options, ignored);
    for (std::uint64_t n = 0;; ++n) {
      if ((n & 4095) == 0) ZK_TRY_STATUS(job.check());
      ZK_TRY(auto entry, walk.next());
      if (!entry) break;
      records[entry->entry.zxid()] = entry->entry.checksum();
    }
  }
  auto shared = [&](std::int64_t zxid, std::uint64_t checksum) {
    auto at = records.find(zxid);
    return at != records.end() && at->second == checksum;
  };
  std::vector<const StoredSegment*> segments;
  for (const Manifest& manifest : manifests)
    for (const StoredSegment& segment : manifest.segments) segments.push_back(&segment);
  std::sort(segments.begin(), segments.end(),
            [](const StoredSegment* a, const StoredSegment* b) { return a->last_zxid > b->last_zxid; });
  for (const StoredSegment* segment : segments) {
    if (shared(segment->last_zxid, segment->last_checksum))
      return Shared(std::pair(segment->last_zxid, std::uint64_t{segment->last_checksum}));
    ZK_TRY(auto file, repository.open_data(segment->data, log_file_name(segment->first_zxid)));
    TxnLogReader reader(*file);
    Shared best;
    for (;;) {
      ZK_TRY(auto entry, reader.next());
      if (!entry) break;
      if (shared(entry->zxid(), entry->checksum())) best = std::pair(entry->zxid(), std::uint64_t{entry->checksum()});
    }
    if (best) return best;
  }
  return Shared();
}

/// No record overlaps: the same cluster shows by its oldest znodes (8 of 16, or all where there are fewer).
Result<bool> landmarks_match(const std::vector<Manifest>& manifests, restore::Source& source,
                             const restore::SourceListing& listing, Job& job) {
  const std::vector<Landmark>* landmarks = nullptr;
  for (const Manifest& manifest : manifests)
    if (!manifest.landmarks.empty()) landmarks = &manifest.landmarks;
  if (landmarks == nullptr) return false;
  const std::size_t needed = landmarks->size() < kLandmarks ? landmarks->size() : kLandmarks / 2;
  for (auto snapshot = listing.snapshots.rbegin(); snapshot != listing.snapshots.rend(); ++snapshot) {
    Result<std::size_t> found = count_landmarks(source, *snapshot, *landmarks, job);
    if (!found) {
      if (found.error().id() == ErrorId::kCancelled) return fail(std::move(found).error());
      continue;  // damaged: an older one may tell
    }
    return *found >= needed;
  }
  return false;
}

}  // namespace

Result<Continuity> find_continuity(const Repository& repository, std::string_view cluster, restore::Source& source,
                                   const restore::SourceListing& listing, Job& job) {
  std::vector<const HeadEntry*> newest;  // of each timeline, published last first
  std::set<std::string> timelines;
  for (auto entry = repository.entries().rbegin(); entry != repository.entries().rend(); ++entry)
    if (entry->cluster == cluster && timelines.insert(entry->timeline).second) newest.push_back(&*entry);
  if (newest.empty()) return Continuity{};

  struct Candidate {
    std::vector<Manifest> manifests;
    Tip tip;
  };
  std::vector<Candidate> candidates;
  for (const HeadEntry* entry : newest) {
    Candidate candidate;
    ZK_TRY(const auto closure, repository.closure(entry->id));
    for (const std::string& id : closure) {
      ZK_TRY(Manifest manifest, repository.load(id));
      candidate.manifests.push_back(std::move(manifest));
    }
    candidate.tip = tip_of(candidate.manifests);
    candidates.push_back(std::move(candidate));
  }
  auto result = [&](Relation relation, Candidate& candidate) {
    Continuity c;
    c.relation = relation;
    c.stored_to = candidate.tip.zxid;
    c.previous = std::move(candidate.manifests.back());
    return c;
  };
  for (Candidate& candidate : candidates) {
    ZK_TRY(auto found, find_by_hint(source, listing, candidate.tip));
    if (!found && !same_base(listing, candidate.manifests, candidate.tip)) continue;
    Continuity c = result(Relation::kContinues, candidate);
    if (found) {
      c.log_path = found->log_path;
      c.offset = found->end_offset;
    }
    return c;
  }
  std::optional<Continuity> behind;
  for (Candidate& candidate : candidates) {
    ZK_TRY(Scan scan, scan_for(source, listing, candidate.tip, job));
    if (scan.same) {
      Continuity c = result(Relation::kContinues, candidate);
      c.log_path = scan.same->log_path;
      c.offset = scan.same->end_offset;
      return c;
    }
  }
  if (const restore::ExtraFile* file = listing.extra("zkark-lineage.json")) {
    Result<restore::Lineage> lineage = restore::parse_lineage(file->content);
    if (lineage && lineage->repository == repository.config().id && lineage->cluster == cluster) {
      for (Candidate& candidate : candidates) {
        if (candidate.manifests.back().timeline.id != lineage->timeline) continue;
        Continuity c = result(Relation::kRestored, candidate);
        c.fork_zxid = lineage->fork_zxid;
        c.lineage = file->content;
        return c;
      }
    }
  }
  for (Candidate& candidate : candidates) {
    ZK_TRY(Scan scan, scan_for(source, listing, candidate.tip, job));
    ZK_TRY(auto fork, find_fork(repository, candidate.manifests, source, listing, job));
    if (!fork) continue;
    // The source's last record is a stored one: it has less than the repository, not something else.
    if (!scan.above && !scan.changed && scan.below == fork->first) {
      if (!behind) behind = result(Relation::kBehind, candidate);
      continue;
    }
    Continuity c = result(Relation::kForked, candidate);
    c.fork_zxid = fork->first;
    c.fork_checksum = fork->second;
    return c;
  }
  if (behind) return std::move(*behind);
  for (Candidate& candidate : candidates) {
    ZK_TRY(bool same, landmarks_match(candidate.manifests, source, listing, job));
    if (!same) continue;
    return result(Relation::kPurged, candidate);
  }
  return result(Relation::kForeign, candidates.front());
}

}  // namespace zkark::backup
