#include "src/backup/catalogue.h"

#include <algorithm>

#include "src/backup/source.h"

namespace zkark::backup {
namespace {

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
  for (const Gap& gap : manifest.gaps)
    if (std::find(timeline.gaps.begin(), timeline.gaps.end(), gap) == timeline.gaps.end())
      timeline.gaps.push_back(gap);
}

void finish(CatalogueCluster& cluster) {
  for (CatalogueTimeline& timeline : cluster.timelines) {
    std::vector<Manifest> manifests;
    for (const CatalogueBackup& backup : cluster.backups)
      if (backup.manifest && backup.entry.timeline == timeline.timeline.id)
        manifests.push_back(*backup.manifest);
    timeline.windows = windows_of(manifests);
    std::erase_if(timeline.gaps, [&](const Gap& gap) { return covered(gap, timeline.windows); });
    std::sort(timeline.gaps.begin(), timeline.gaps.end(),
              [](const Gap& a, const Gap& b) { return a.after_zxid < b.after_zxid; });
  }
  // Stable, so that branches of one parent stay in the order in which they were first seen.
  std::vector<CatalogueTimeline> ordered;
  std::vector<CatalogueTimeline> rest = std::move(cluster.timelines);
  while (!rest.empty()) {
    const auto waits = [&](const CatalogueTimeline& one) {
      return std::any_of(rest.begin(), rest.end(), [&](const CatalogueTimeline& other) {
        return other.timeline.id == one.timeline.parent;
      });
    };
    auto next = std::find_if_not(rest.begin(), rest.end(), waits);
    if (next == rest.end()) next = rest.begin();  // a circle: no manifest of ours, shown all the same
    ordered.push_back(std::move(*next));
    rest.erase(next);
  }
  cluster.timelines = std::move(ordered);
}

}  // namespace

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
