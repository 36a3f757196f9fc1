#pragma once
#include <cstdint>
#include <map>
#include <string>

#include "src/backup/repository.h"

namespace zkark::backup {

struct ClusterStats {
  std::uint64_t backups = 0, records = 0;
  std::uint64_t objects = 0;      // each once
  std::uint64_t named_bytes = 0;  // plain bytes as the backups name them, an object counted as often as named
  std::uint64_t plain_bytes = 0;  // plain bytes of the objects, each once
  std::uint64_t stored_bytes = 0;  // compressed bytes of the objects, each once
};

struct RepositoryStats {
  ClusterStats total;
  std::map<std::string, ClusterStats> clusters;
  std::uint64_t manifest_bytes = 0;
  std::uint64_t unused_objects = 0, unused_bytes = 0;  // named by no live backup: waiting for prune
};

Result<RepositoryStats> repository_stats(const Repository& repository);

}  // namespace zkark::backup
