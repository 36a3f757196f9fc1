#include "src/backup/stats.h"

#include <set>

namespace zkark::backup {
namespace {

void add(const Manifest& manifest, ClusterStats& stats, std::set<std::string>& seen) {
  ++stats.backups;
  stats.records += manifest.records();
  for (const ObjectRef& ref : manifest.objects()) {
    stats.named_bytes += ref.plain_bytes;
    if (!seen.insert(ref.name).second) continue;
    ++stats.objects;
    stats.plain_bytes += ref.plain_bytes;
    stats.stored_bytes += ref.stored_bytes;
  }
}

}  // namespace

Result<RepositoryStats> repository_stats(const Repository& repository) {
  RepositoryStats stats;
  std::set<std::string> seen;
  std::map<std::string, std::set<std::string>> seen_by_cluster;
  for (const HeadEntry& entry : repository.entries()) {
    ZK_TRY(Manifest manifest, repository.load(entry.id));
    add(manifest, stats.total, seen);
    add(manifest, stats.clusters[entry.cluster], seen_by_cluster[entry.cluster]);
  }
  ZK_TRY(std::vector<BackendEntry> manifests, repository.env().backend.list("manifests/"));
  for (const BackendEntry& entry : manifests) stats.manifest_bytes += entry.size_bytes;
  ZK_TRY(std::vector<BackendEntry> objects, repository.env().backend.list("objects/"));
  for (const BackendEntry& entry : objects) {
    if (seen.contains(entry.key.substr(entry.key.rfind('/') + 1))) continue;
    ++stats.unused_objects;
    stats.unused_bytes += entry.size_bytes;
  }
  return stats;
}

}  // namespace zkark::backup
