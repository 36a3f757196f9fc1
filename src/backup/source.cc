#include "src/backup/source.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "formats/txn_log.h"
#include "restore/log_walk.h"
#include "src/backup/one_history.h"

namespace zkark::backup {
namespace {

constexpr std::uint64_t kMaxConfigBytes = 4 << 20;

/// Segments from where the replay of their backup failed are taken only for what no other backup holds.
std::vector<const StoredSegment*> chosen_segments(const std::vector<Manifest>& manifests) {
  std::vector<const StoredSegment*> chosen, doubtful;
  for (const Manifest& manifest : manifests) {
    const std::optional<std::int64_t> failed = failed_at(manifest.certificate);
    for (const StoredSegment& segment : manifest.segments)
      (failed && segment.last_zxid >= *failed ? doubtful : chosen).push_back(&segment);
  }
  if (doubtful.empty()) return chosen;
  std::sort(chosen.begin(), chosen.end(),
            [](const StoredSegment* a, const StoredSegment* b) { return a->first_zxid < b->first_zxid; });
  const auto covered = [&, sound = chosen](const StoredSegment* segment) {
    std::int64_t next = segment->first_zxid;  // inside a segment zxids go up by one
    for (const StoredSegment* other : sound)
      if (other->first_zxid <= next) next = std::max(next, other->last_zxid + 1);
    return next > segment->last_zxid;
  };
  for (const StoredSegment* segment : doubtful)
    if (!covered(segment)) chosen.push_back(segment);
  return chosen;
}

std::vector<const StoredSegment*> sorted_segments(const std::vector<Manifest>& manifests) {
  std::vector<const StoredSegment*> segments = chosen_segments(manifests);
  std::sort(segments.begin(), segments.end(), [](const StoredSegment* a, const StoredSegment* b) {
    return a->first_zxid != b->first_zxid ? a->first_zxid < b->first_zxid : a->last_zxid > b->last_zxid;
  });
  // What an earlier one covers wholly adds nothing.
  std::vector<const StoredSegment*> kept;
  for (const StoredSegment* segment : segments)
    if (kept.empty() || segment->last_zxid > kept.back()->last_zxid) kept.push_back(segment);
  return kept;
}

std::vector<const StoredBase*> sorted_bases(const std::vector<Manifest>& manifests) {
  std::vector<const StoredBase*> bases;
  for (const Manifest& manifest : manifests)
    for (const StoredBase& base : manifest.bases) bases.push_back(&base);
  // Of several at one zxid the one that is exact earliest comes first.
  std::stable_sort(bases.begin(), bases.end(), [](const StoredBase* a, const StoredBase* b) {
    return a->zxid != b->zxid ? a->zxid < b->zxid : a->fuzzy_end < b->fuzzy_end;
  });
  bases.erase(std::unique(bases.begin(), bases.end(),
                          [](const StoredBase* a, const StoredBase* b) { return a->zxid == b->zxid; }),
              bases.end());
  return bases;
}

}  // namespace

StoredSource::StoredSource(const Repository& repository, std::vector<Manifest> manifests,
                           std::string description, restore::Findings unreadable)
    : repository_(repository),
      manifests_(std::move(manifests)),
      description_(std::move(description)),
      unreadable_(std::move(unreadable)) {}

Result<restore::SourceListing> StoredSource::list() {
  restore::SourceListing listing;
  listing.logs_overlap = true;
  listing.findings = unreadable_;
  data_.clear();
  for (const StoredBase* base : sorted_bases(manifests_)) {
    restore::SourceFile file;
    file.path = snapshot_file_name(base->zxid);
    file.zxid = base->zxid;
    file.size_bytes = base->data.plain_bytes();
    file.mtime_ns = base->source_mtime_ms * 1000000;
    if (base->fuzzy_end_from == StoredBase::FuzzyEndFrom::kObserved || base->kind == StoredBase::Kind::kExact)
      file.known_fuzzy_end = base->fuzzy_end;
    data_[file.path] = base->data;
    listing.snapshots.push_back(std::move(file));
  }
  for (const StoredSegment* segment : sorted_segments(manifests_)) {
    restore::SourceFile file;
    file.path = log_file_name(segment->first_zxid);
    file.zxid = segment->first_zxid;
    file.size_bytes = segment->data.plain_bytes();
    data_[file.path] = segment->data;
    listing.logs.push_back(std::move(file));
  }
  if (!manifests_.empty()) {
    for (const StoredConfig& config : manifests_.back().config) {
      const std::string name =
          config.role == "lineage" ? "zkark-lineage.json" : std::string(base_name(config.path));
      Result<std::string> content = repository_.read_data(config.data, kMaxConfigBytes);
      if (!content) {
        if (exit_code(content.error().id()) != 6) return fail(std::move(content).error());
        // The tree does not need it.
        restore::Finding lost = restore::finding_of(content.error());
        lost.message = fmt::format("the stored {} cannot be read: {}", name, lost.message);
        listing.findings.push_back(std::move(lost));
        continue;
      }
      listing.extras.push_back({name, config.path, *std::move(content)});
    }
    listing.myid = manifests_.back().source.server_id;
    listing.current_epoch = manifests_.back().source.current_epoch;
    listing.accepted_epoch = manifests_.back().source.accepted_epoch;
  }
  if (listing.snapshots.empty() && listing.logs.empty())
    return fail(Error(ErrorId::kNoData, "no stored snapshot and no stored log").at(description_));
  listing_ = listing;
  return listing;
}

Result<std::unique_ptr<File>> StoredSource::open(const restore::SourceFile& file) {
  auto at = data_.find(file.path);
  if (at == data_.end()) return fail(Error(ErrorId::kNoFile, "not in the repository").at(file.path));
  return repository_.open_data(at->second, file.path);
}

namespace {

/// `all`: one that cannot be read is an error; else it is left out, as long as something remains.
Result<std::unique_ptr<StoredSource>> open_ids(const Repository& repository,
                                               const std::vector<std::string>& ids, std::string description,
                                               bool all) {
  std::set<std::string> seen;
  std::vector<Manifest> manifests;
  restore::Findings unreadable;
  std::optional<Error> first;
  const auto left_out = [&](Error error) -> Status {
    if (all || exit_code(error.id()) != 6) return fail(std::move(error));
    if (!first) first = error.clone();
    unreadable.push_back(restore::finding_of(error));
    return {};
  };
  for (const std::string& id : ids) {
    Result<std::vector<std::string>> closure = repository.closure(id);
    if (!closure) {
      ZK_TRY_STATUS(left_out(std::move(closure).error()));
      closure = std::vector<std::string>{id};
    }
    for (const std::string& member : *closure) {
      if (!seen.insert(member).second) continue;
      Result<Manifest> manifest = repository.load(member);
      if (manifest)
        manifests.push_back(*std::move(manifest));
      else
        ZK_TRY_STATUS(left_out(std::move(manifest).error()));
    }
  }
  if (manifests.empty() && first) return fail(*std::move(first));
  return std::make_unique<StoredSource>(repository, std::move(manifests), std::move(description),
                                        std::move(unreadable));
}

}  // namespace

Result<std::unique_ptr<StoredSource>> open_timeline(const Repository& repository, std::string_view cluster,
                                                    std::string_view timeline, std::string description) {
  const HeadEntry* newest = repository.newest(cluster, timeline);
  if (newest == nullptr)
    return fail(Error(ErrorId::kNotFound,
                      timeline.empty()
                          ? fmt::format("no backup of cluster {}", cluster)
                          : fmt::format("no backup on timeline {} of cluster {}", timeline, cluster))
                    .with_hint("`zkark list` shows clusters and backups"));
  std::vector<std::string> ids;
  for (const HeadEntry& entry : repository.entries())
    if (entry.cluster == cluster && entry.timeline == newest->timeline) ids.push_back(entry.id);
  return open_ids(repository, ids, std::move(description), false);
}

Result<std::unique_ptr<StoredSource>> open_backup(const Repository& repository, std::string_view id,
                                                  std::string description) {
  return open_ids(repository, {std::string(id)}, std::move(description), true);
}

namespace {

/// zxids of stored records that the proof could not apply: no replay gets past them.
std::vector<std::int64_t> inapplicable(const std::vector<Manifest>& manifests) {
  std::vector<std::int64_t> zxids;
  const std::string wanted = error_code(ErrorId::kBadRecord);
  for (const Manifest& manifest : manifests)
    for (const StoredFinding& finding : manifest.findings) {
      if (finding.severity != restore::Severity::kDamage || finding.id != wanted || !finding.first_zxid)
        continue;
      // One that could not even be read is not stored.
      const bool stored =
          std::any_of(manifest.segments.begin(), manifest.segments.end(), [&](const StoredSegment& segment) {
            return segment.first_zxid <= *finding.first_zxid && *finding.first_zxid <= segment.last_zxid;
          });
      if (stored) zxids.push_back(*finding.first_zxid);
    }
  return zxids;
}

}  // namespace

std::vector<Window> windows_of(const std::vector<Manifest>& manifests) {
  const std::vector<std::int64_t> barriers = inapplicable(manifests);
  const auto segments = sorted_segments(manifests);
  // Contiguous runs of records.
  struct Run {
    std::int64_t first, last;
  };
  std::vector<Run> runs;
  auto named_gap = [&](std::int64_t after, std::int64_t before) {
    for (const Manifest& manifest : manifests)
      for (const Gap& gap : manifest.gaps)
        if (gap.after_zxid >= after && gap.after_zxid < before && gap.before_zxid <= before) return true;
    return false;
  };
  for (const StoredSegment* segment : segments) {
    if (!runs.empty()) {
      const restore::Step step =
          restore::step_between(runs.back().last, segment->first_zxid, TxnType::kCreate);
      if (step != restore::Step::kGap && !named_gap(runs.back().last, segment->first_zxid)) {
        runs.back().last = std::max(runs.back().last, segment->last_zxid);
        continue;
      }
    }
    runs.push_back({segment->first_zxid, segment->last_zxid});
  }
  std::vector<Window> windows;
  auto add = [&](std::int64_t base_zxid, std::int64_t fuzzy_end) {
    std::int64_t last = base_zxid;
    for (const Run& run : runs) {
      if (run.last <= base_zxid) continue;
      const restore::Step step = run.first <= base_zxid
                                     ? restore::Step::kNext
                                     : restore::step_between(base_zxid, run.first, TxnType::kCreate);
      if (step != restore::Step::kGap && (run.first <= base_zxid || !named_gap(base_zxid, run.first)))
        last = run.last;
      break;
    }
    for (const std::int64_t barrier : barriers)
      if (base_zxid < barrier) last = std::min(last, barrier - 1);
    if (last < fuzzy_end) return;
    windows.push_back({fuzzy_end, last, 0, 0});
  };
  if (!runs.empty() && runs.front().first == 1) add(0, 1);
  for (const StoredBase* base : sorted_bases(manifests)) add(base->zxid, base->fuzzy_end);
  std::sort(windows.begin(), windows.end(),
            [](const Window& a, const Window& b) { return a.first_zxid < b.first_zxid; });
  std::vector<Window> merged;
  for (const Window& window : windows) {
    // Neighbours stay apart: the record that leads from one to the other is not there.
    if (!merged.empty() && window.first_zxid <= merged.back().last_zxid)
      merged.back().last_zxid = std::max(merged.back().last_zxid, window.last_zxid);
    else
      merged.push_back(window);
  }
  for (Window& window : merged) {
    for (const StoredSegment* segment : segments) {
      if (segment->last_zxid < window.first_zxid || segment->first_zxid > window.last_zxid) continue;
      if (window.first_time_ms == 0)
        window.first_time_ms =
            segment->last_zxid == window.first_zxid ? segment->last_time_ms : segment->first_time_ms;
      window.last_time_ms = segment->last_time_ms;
    }
    // Where a window begins inside a segment, a manifest that was told knows better than the segment's first
    // record, which is earlier.
    for (const Manifest& manifest : manifests)
      for (const Window& told : manifest.windows)
        if (told.first_zxid == window.first_zxid)
          window.first_time_ms = std::max(window.first_time_ms, told.first_time_ms);
  }
  return merged;
}

Status settle_times(const Repository& repository, const std::vector<Manifest>& manifests,
                    std::vector<Window>& windows) {
  const auto segments = sorted_segments(manifests);
  for (Window& window : windows)
    for (const StoredSegment* segment : segments) {
      if (segment->first_zxid >= window.first_zxid || segment->last_zxid < window.first_zxid) continue;
      ZK_TRY(const auto file, repository.open_data(segment->data, log_file_name(segment->first_zxid)));
      TxnLogReader reader(*file);
      TxnEntry entry;
      for (;;) {
        ZK_TRY(const bool more, reader.next_into(entry));
        if (!more) break;
        if (entry.zxid() < window.first_zxid) continue;
        window.first_time_ms = entry.txn.header.time_ms;
        break;
      }
      break;
    }
  return {};
}

std::optional<std::vector<Window>> windows_behind(const Manifest& parent, std::int64_t stored_to,
                                                  const Manifest& increment) {
  if (parent.windows.empty() || parent.windows.back().last_zxid != stored_to || !increment.gaps.empty())
    return std::nullopt;
  std::vector<Window> windows = parent.windows;
  if (!increment.segments.empty()) {
    windows.back().last_zxid = increment.segments.back().last_zxid;
    windows.back().last_time_ms = increment.segments.back().last_time_ms;
  }
  return windows;
}

}  // namespace zkark::backup
