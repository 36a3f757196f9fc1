#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "formats/base/job.h"
#include "src/backup/writer.h"

namespace zkark::backup {

struct CopyReport {
  std::vector<std::string> copied;       // ids, parents first
  std::vector<std::string> present;      // were there already
  std::uint64_t objects = 0, bytes = 0;  // written
};

/// Copies backups and everything they need from one repository to another, every object checked on the way.
/// Ids stay; a manifest records where it came from. An interrupted copy goes on where it stopped. kExists
/// when `to` holds another backup of the same id.
Result<CopyReport> copy_backups(const Repository& from, RepositoryWriter& to,
                                const std::vector<std::string>& ids, Job& job);

}  // namespace zkark::backup
