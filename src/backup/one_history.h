#pragma once
// A timeline is one history: it never holds two different records of one zxid, and what failed its proof or
// has a hole is read again as soon as a source has something better (design: Continuity, Timelines).
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "formats/base/job.h"
#include "restore/source.h"
#include "src/backup/manifest.h"
#include "src/backup/repository.h"
#include "src/backup/stored_records.h"

namespace zkark::backup {

/// Where two histories hold different records of one zxid.
struct Contradiction {
  std::int64_t zxid = 0;                         // the first such one
  std::optional<RecordMark> shared;              // the last record before it that both hold
  std::optional<std::int64_t> stored_failed_at;  // where the proof of what is stored failed
};

/// Holds the segments of a new backup against those of the timeline's live backups. What is the same object
/// is not read. A manifest or object that cannot be read contradicts nothing.
Result<std::optional<Contradiction>> contradiction_with_stored(const Repository& repository,
                                                               std::string_view cluster,
                                                               std::string_view timeline,
                                                               const std::vector<StoredSegment>& segments,
                                                               Job& job);

/// Whether a full backup is worth it although the source goes on from `previous`.
struct ReadAgain {
  bool full = false;
  std::string why;                        // one clause
  std::optional<std::int64_t> failed_at;  // of what is stored, whether or not the source has something else
};
/// The source holds other records than a chain that failed its proof, or all that a stored hole lacks; or the
/// full that an increment would need cannot be read. Costs one manifest unless there is a reason to look.
Result<ReadAgain> worth_reading_again(const Repository& repository, const Manifest& previous,
                                      restore::Source& source, const restore::SourceListing& listing,
                                      Job& job);

/// Where the replay of a backup failed, as its certificate says.
std::optional<std::int64_t> failed_at(const StoredCertificate& certificate);

/// The timeline that a restore without a named one takes: that of the backup taken last, but for one that
/// began because its records contradict stored ones and that failed its proof where the other did not.
/// nullptr when the cluster has no backup.
const HeadEntry* preferred_newest(const Repository& repository, std::string_view cluster);

inline constexpr std::string_view kContradicts = "contradicts stored records";

}  // namespace zkark::backup
