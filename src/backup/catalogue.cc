#include "src/backup/catalogue.h"

#include <algorithm>
#include <map>

namespace zkark::backup {
namespace {

bool joins(const Window& left, const Window& right) {
  // The counter is followed by itself + 1 inside an epoch only; whether anything lies between two epochs, no zxid says.
  return right.first_zxid <= left.last_zxid || right.first_zxid == left.last_zxid + 1;
}

bool covered(const Gap& gap, const std::vector<Window>& windows) {
  return std::any_of(windows.begin(), windows.end(), [&](const Window& window) {
    return window.first_zxid <= gap.after_zxid && gap.before_zxid <= window.last_zxid;
  });
}

CatalogueTimeline& timeline_of(CatalogueCluster& cluster, const std::string& id) {
  for (CatalogueTimeline& known : cluster.timelines)
    if (known.timeline.id == id) return known;
  CatalogueTimeline& added = cluster.timelines.emplace_back();
  added.timeline.id = id;
  return added;
}

void add_backup(CatalogueCluster& cluster, const CatalogueBackup& backup) {
  CatalogueTimeline& timeline = timeline_of(cluster, backup.entry.timeline);
  ++timeline.backups;
  timeline.newest = backup.entry.id;
  timeline.last_zxid = std::max(timeline.last_zxid, backup.entry.last_zxid);
  if (!backup.manifest) return;
  const Manifest& manifest = *backup.manifest;
  timeline.timeline = manifest.timeline;
  timeline.unconfirmed_from = manifest.unconfirmed_from;
  timeline.windows.insert(timeline.windows.end(), manifest.windows.begin(), manifest.windows.end());
  for (const Gap& gap : manifest.gaps)
    if (std::find(timeline.gaps.begin(), timeline.gaps.end(), gap) == timeline.gaps.end()) timeline.gaps.push_back(gap);
}

void finish(CatalogueCluster& cluster) {
  for (CatalogueTimeline& timeline : cluster.timelines) {
    timeline.windows = merge_windows(std::move(timeline.windows));
    std::erase_if(timeline.gaps, [&](const Gap& gap) { return covered(gap, timeline.windows); });
    std::sort(timeline.gaps.begin(), timeline.gaps.end(),
              [](const Gap& a, const Gap& b) { return a.after_zxid < b.after_zxid; });
  }
  // Stable, so that branches of one parent stay in the order in which they were first seen.
  std::vector<CatalogueTimeline> ordered;
  std::vector<CatalogueTimeline> rest = std::move(cluster.timelines);
  while (!rest.empty()) {
    const auto waits = [&](const CatalogueTimeline& one) {
      return std::any_of(rest.begin(), rest.end(),
                         [&](const CatalogueTimeline& other) { return other.timeline.id == one.timeline.parent; });
    };
    auto next = std::find_if_not(rest.begin(), rest.end(), waits);
    if (next == rest.end()) next = rest.begin();  // a circle: no manifest of ours, shown all the same
    ordered.push_back(std::move(*next));
    rest.erase(next);
  }
  cluster.timelines = std::move(ordered);
}

}  // namespace

std::vector<Window> merge_windows(std::vector<Window> windows) {
  std::sort(windows.begin(), windows.end(), [](const Window& a, const Window& b) {
    return std::pair(a.first_zxid, a.last_zxid) < std::pair(b.first_zxid, b.last_zxid);
  });
  std::vector<Window> merged;
  for (const Window& window : windows) {
    if (merged.empty() || !joins(merged.back(), window)) {
      merged.push_back(window);
    } else if (window.last_zxid > merged.back().last_zxid) {
      merged.back().last_zxid = window.last_zxid;
      merged.back().last_time_ms = window.last_time_ms;
    }
  }
  return merged;
}

Result<Catalogue> read_catalogue(const Repository& repository, const std::string& cluster, Job& job) {
  Catalogue catalogue;
  for (const std::string& name : repository.clusters()) {
    if (!cluster.empty() && name != cluster) continue;
    CatalogueCluster& shown = catalogue.clusters.emplace_back();
    shown.name = name;
    for (HeadEntry& entry : repository.ordered(name)) {
      ZK_TRY_STATUS(job.check());
      CatalogueBackup backup;
      Result<Manifest> manifest = repository.load(entry.id);
      backup.entry = std::move(entry);
      if (manifest) {
        backup.manifest = *std::move(manifest);
      } else if (exit_code(manifest.error().id()) == exit_code(ErrorId::kStorage)) {
        return fail(std::move(manifest).error());
      } else {
        catalogue.unreadable.push_back(std::move(manifest).error());
      }
      add_backup(shown, backup);
      shown.backups.push_back(std::move(backup));
    }
    finish(shown);
  }
  return catalogue;
}

std::int64_t first_zxid(const Manifest& manifest) {
  std::int64_t first = manifest.last_zxid;
  for (const StoredBase& base : manifest.bases) first = std::min(first, base.zxid);
  for (const StoredSegment& segment : manifest.segments) first = std::min(first, segment.first_zxid);
  return first;
}

std::uint64_t plain_bytes(const Manifest& manifest) {
  std::uint64_t bytes = 0;
  for (const StoredBase& base : manifest.bases) bytes += base.data.plain_bytes();
  for (const StoredSegment& segment : manifest.segments) bytes += segment.data.plain_bytes();
  for (const StoredConfig& file : manifest.config) bytes += file.data.plain_bytes();
  return bytes;
}

}  // namespace zkark::backup
