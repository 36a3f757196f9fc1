#pragma once
// Is everything a repository holds still what was stored? Damage is collected, never a reason to stop.
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "formats/base/job.h"
#include "restore/finding.h"
#include "src/backup/repository.h"

namespace zkark::backup {

struct CheckOptions {
  /// How many percent of the objects are read and hashed: 0 (--quick) checks names and sizes only, 100 reads
  /// everything and also decompresses it. Between, which objects is decided by `seed`; at least one.
  unsigned read_percent = 100;
  std::uint64_t seed = 0;
  /// Only what this cluster's backups need, and the repository's own files; empty: every cluster.
  std::string cluster = {};
};

struct CheckFinding {
  restore::Finding finding;
  std::vector<std::string> backups;  // ids of all that need the file, children of the directly hit included
};

struct CheckReport {
  std::vector<CheckFinding> findings;
  std::uint64_t backups = 0, objects = 0;
  std::uint64_t objects_read = 0, bytes_read = 0;
  std::map<std::string, std::uint64_t> damaged_backups;  // id -> findings of severity kDamage
  bool ok() const;                                       // no finding of severity kDamage
};

/// Reads config, HEAD, every manifest, the list of all files and the objects. Takes no lock: what another run
/// adds meanwhile is not damage. The error of the Result is one that stopped the walk (storage, kCancelled,
/// kNoRepository); a damaged HEAD or config is a finding.
Result<CheckReport> check_repository(const RepositoryEnvironment& env, const CheckOptions& options, Job& job);

}  // namespace zkark::backup
