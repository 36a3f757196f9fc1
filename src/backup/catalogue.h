#pragma once
// What a repository holds and what can be restored from it, cluster by cluster and timeline by timeline,
// drawn from the manifests alone.
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "formats/base/job.h"
#include "src/backup/repository.h"

namespace zkark::backup {

struct CatalogueBackup {
  HeadEntry entry;
  std::optional<Manifest> manifest;  // tags and certificate as HEAD has them; nothing when it cannot be read
};

struct CatalogueTimeline {
  Timeline timeline;  // of a manifest that cannot be read only the id is known
  /// Points that can be restored from all backups of the timeline together, ascending and apart.
  std::vector<Window> windows;
  /// Holes that no backup of the timeline fills.
  std::vector<Gap> gaps;
  /// Inside the windows: points whose replay, as backups were proven, differs from the servers' digests.
  std::vector<restore::ZxidRange> unproven;
  /// In the newest backup: records from here on were on one member's disk and may never have been committed.
  std::optional<std::int64_t> unconfirmed_from;
  std::int64_t last_zxid = 0;
  std::string newest;  // id
  std::uint64_t backups = 0;
};

struct CatalogueCluster {
  std::string name;
  std::vector<CatalogueBackup> backups;      // oldest first
  std::vector<CatalogueTimeline> timelines;  // parents before their branches
};

struct Catalogue {
  std::vector<CatalogueCluster> clusters;  // by name
  std::vector<Error> unreadable;           // one per manifest that is missing or damaged
};

/// Reads every live manifest of one cluster (empty: of all). Fails when the storage does or the job is
/// stopped.
Result<Catalogue> read_catalogue(const Repository& repository, const std::string& cluster, Job& job);

/// What is known to be wrong with what was stored, though every byte is still as it was: a hole that no
/// backup fills, damage that the source had, a failed proof. In the order of the catalogue.
struct Flaw {
  restore::Finding finding;
  std::string backup;  // id
};
/// Without damage in the source that a later full backup of the timeline did not meet any more, or whose
/// zxids can be restored.
std::vector<Flaw> known_flaws(const Catalogue& catalogue);

/// From where a timeline's tail is unconfirmed once `manifest` was added to it: a backup that ends below an
/// unconfirmed tail (a full one of a member that is behind) says nothing of it.
std::optional<std::int64_t> unconfirmed_after(std::optional<std::int64_t> before, const Manifest& manifest);

/// The lowest zxid whose record or snapshot the backup itself stores.
std::int64_t first_zxid(const Manifest& manifest);
/// Bytes of snapshots, logs and configuration as they were on the source, uncompressed.
std::uint64_t plain_bytes(const Manifest& manifest);

}  // namespace zkark::backup
