#pragma once
// The results of `verify`, for people and for programs.
#include <optional>
#include <string>
#include <vector>

#include "restore/verify.h"
#include "src/backup/catalogue.h"
#include "src/backup/check.h"
#include "src/backup/repository.h"
#include "src/cli/output.h"

namespace zkark::cli {

struct SourceVerdict {
  std::string source;
  restore::VerifyDepth depth = restore::VerifyDepth::kRead;
  const restore::VerifyReport& report;
  std::optional<std::vector<restore::ZxidRange>> restorable;  // nothing: it was not asked
  /// What a restore gives only when told to: the tree there is not the servers'.
  std::vector<restore::ZxidRange> unproven = {};
};
/// Of a directory, files, or a point of a repository: FILE RANGE TXNS RESULT, the replay, the certificate.
void print_verdict(Output& output, const SourceVerdict& verdict);

/// What a replay said about one timeline of a repository.
struct ReplayedTimeline {
  std::string cluster, timeline, newest;  // newest: id of the backup that the certificate is stored with
  restore::VerifyReport report;
};
struct RepositoryVerdict {
  std::string url;
  const backup::Repository* repository = nullptr;  // null: it could not be opened, not even salvaged
  unsigned read_percent = 100;
  std::uint64_t seed = 0;
  const backup::CheckReport& report;
  std::vector<ReplayedTimeline> replayed;
  std::vector<backup::Flaw> flaws = {};  // of what was stored, not of how it is stored
  std::string cluster = {};              // the only one that was looked at
};
void print_verdict(Output& output, const RepositoryVerdict& verdict);

/// "proven 0x1…0x4d (of 0x62) against 77 digests; not covered: …".
std::string certificate_text(const restore::Certificate& certificate,
                             std::optional<std::int64_t> last_zxid = std::nullopt);

}  // namespace zkark::cli
