#include "src/backup/catalogue.h"

#include <fmt/format.h>

#include <algorithm>

#include "src/backup/one_history.h"
#include "src/backup/source.h"

namespace zkark::backup {

std::optional<std::int64_t> unconfirmed_after(std::optional<std::int64_t> before, const Manifest& manifest) {
  return before && manifest.last_zxid < *before ? before : manifest.unconfirmed_from;
}

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
  timeline.unconfirmed_from = unconfirmed_after(timeline.unconfirmed_from, manifest);
  for (const Gap& gap : manifest.gaps)
    if (std::find(timeline.gaps.begin(), timeline.gaps.end(), gap) == timeline.gaps.end())
      timeline.gaps.push_back(gap);
}

/// From where the proof of a backup failed to where the next base is exact, unless another backup proves it.
void add_unproven(CatalogueTimeline& timeline, const std::vector<Manifest>& manifests) {
  for (const Manifest& manifest : manifests) {
    const auto failed = failed_at(manifest.certificate);
    if (!failed) continue;
    std::int64_t last = INT64_MAX;
    bool proven = false;
    for (const Manifest& other : manifests) {
      for (const StoredBase& base : other.bases)
        if (base.zxid > *failed) last = std::min(last, base.fuzzy_end - 1);
      for (const restore::ZxidRange& range : other.certificate.proven)
        proven |= !failed_at(other.certificate) && range.first <= *failed && *failed <= range.last;
    }
    if (proven) continue;
    for (const Window& window : timeline.windows) {
      const restore::ZxidRange range{std::max(window.first_zxid, *failed), std::min(window.last_zxid, last)};
      const bool known = std::any_of(timeline.unproven.begin(), timeline.unproven.end(),
                                     [&](const restore::ZxidRange& r) { return r.last == range.last; });
      if (range.first <= range.last && !known) timeline.unproven.push_back(range);
    }
  }
}

void finish(CatalogueCluster& cluster) {
  for (CatalogueTimeline& timeline : cluster.timelines) {
    std::vector<Manifest> manifests;
    for (const CatalogueBackup& backup : cluster.backups)
      if (backup.manifest && backup.entry.timeline == timeline.timeline.id)
        manifests.push_back(*backup.manifest);
    timeline.windows = windows_of(manifests);
    add_unproven(timeline, manifests);
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

namespace {

restore::Finding hole_of(const Gap& gap) {
  restore::Finding finding;
  finding.severity = restore::Severity::kGap;
  finding.id = ErrorId::kGap;
  finding.first_zxid = gap.after_zxid + 1;
  finding.last_zxid = gap.before_zxid - 1;
  finding.message = fmt::format("transactions behind {} and before {} are in no backup: {}",
                                zxid_text(gap.after_zxid), zxid_text(gap.before_zxid), gap.reason);
  finding.hint = "a source that has them fills the hole: zkark backup SRC --type full";
  return finding;
}

restore::Finding failure_of(const CatalogueBackup& backup, std::int64_t at) {
  restore::Finding finding;
  finding.severity = restore::Severity::kDamage;
  finding.id = ErrorId::kDigestMismatch;
  finding.first_zxid = finding.last_zxid = at;
  finding.message = fmt::format("the proof of backup {} failed: its tree is not the server's from {} on",
                                short_id(backup.entry.id), zxid_text(at));
  finding.hint = "take a backup of another member; `zkark restore --accept-unproven` gives what is stored";
  return finding;
}

/// Damage that the source had: nothing when it is no loss any more.
std::optional<restore::Finding> damage_of(const CatalogueCluster& cluster, const CatalogueTimeline& timeline,
                                          const CatalogueBackup& backup, const StoredFinding& stored) {
  const auto id = parse_error_code(stored.id);
  if (stored.severity != restore::Severity::kDamage || id == ErrorId::kDigestMismatch) return std::nullopt;
  const bool inside =
      stored.first_zxid &&
      std::any_of(timeline.windows.begin(), timeline.windows.end(), [&](const Window& window) {
        return window.first_zxid <= *stored.first_zxid &&
               stored.last_zxid.value_or(INT64_MAX) <= window.last_zxid;
      });
  if (inside) return std::nullopt;
  bool later = false;
  for (const CatalogueBackup& other : cluster.backups) {
    later |= other.entry.id == backup.entry.id;
    if (!later || other.entry.id == backup.entry.id || other.entry.timeline != backup.entry.timeline ||
        !other.manifest || other.manifest->type != BackupType::kFull)
      continue;
    const auto& findings = other.manifest->findings;
    const bool still = std::any_of(findings.begin(), findings.end(), [&](const StoredFinding& one) {
      return one.id == stored.id && one.file == stored.file;
    });
    if (!still) return std::nullopt;
  }
  restore::Finding finding;
  finding.severity = stored.severity;
  finding.id = id.value_or(ErrorId::kDamaged);
  finding.message =
      fmt::format("the source of backup {} was damaged: {}", short_id(backup.entry.id), stored.message);
  finding.file = stored.file;
  finding.offset = stored.offset;
  finding.end_offset = stored.end_offset;
  finding.first_zxid = stored.first_zxid;
  finding.last_zxid = stored.last_zxid;
  return finding;
}

}  // namespace

std::vector<Flaw> known_flaws(const Catalogue& catalogue) {
  std::vector<Flaw> flaws;
  for (const CatalogueCluster& cluster : catalogue.clusters)
    for (const CatalogueTimeline& timeline : cluster.timelines) {
      const std::size_t first = flaws.size();
      for (const CatalogueBackup& backup : cluster.backups) {
        if (!backup.manifest || backup.entry.timeline != timeline.timeline.id) continue;
        if (const auto at = failed_at(backup.manifest->certificate))
          flaws.push_back({failure_of(backup, *at), backup.entry.id});
        for (const StoredFinding& stored : backup.manifest->findings)
          if (auto damage = damage_of(cluster, timeline, backup, stored))
            flaws.push_back({*std::move(damage), backup.entry.id});
      }
      // Damage that tore a hole has named it.
      for (const Gap& gap : timeline.gaps) {
        const auto about = [&](const Flaw& flaw) { return flaw.finding.first_zxid == gap.after_zxid + 1; };
        if (std::none_of(flaws.begin() + static_cast<std::ptrdiff_t>(first), flaws.end(), about))
          flaws.push_back({hole_of(gap), timeline.newest});
      }
    }
  return flaws;
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
