#pragma once
// How a source relates to what is stored of its cluster: does it go on from there, was its tail rewritten, is
// it somebody else's? (design: Clusters, Continuity, Timelines.) Found by zxid and checksum of records, never
// by mtime.
#include <cstdint>
#include <optional>
#include <string>

#include "formats/base/job.h"
#include "restore/source.h"
#include "src/backup/manifest.h"
#include "src/backup/repository.h"

namespace zkark::backup {

enum class Relation : std::uint8_t {
  kFirst,      // nothing is stored of the cluster
  kContinues,  // the last stored record is in the source: go on behind it
  kBehind,     // the same history, but the source ends before the last stored record
  kForked,     // the same cluster with another history: the tail was rewritten
  kPurged,     // the same cluster by its znodes, but the records after the stored ones are gone
  kRestored,   // the source's lineage file says that it was restored from here
  kForeign,    // nothing in common
};

struct Continuity {
  Relation relation = Relation::kFirst;
  /// The backup that holds the last record of the matched timeline: the parent of an increment.
  std::optional<Manifest> previous;
  std::int64_t stored_to = 0;  // the last zxid stored on it
  // kContinues: behind the stored record; an empty path when only a base is stored: read every log.
  std::string log_path;
  std::uint64_t offset = 0;
  // kForked, kRestored: the timeline that is left, and the last record shared with it where that is known.
  std::string parent_timeline;
  std::optional<std::int64_t> fork_zxid;
  std::optional<std::uint64_t> fork_checksum;
  restore::Findings
      unreadable;  // manifests of the cluster that are damaged or missing: nothing builds on them
};

/// Compares with every timeline of the cluster. Of several that the source goes on from, the one that reaches
/// furthest wins, and of equals one whose proof did not fail. Cost when it continues: one record of the
/// source and one manifest of each timeline; with several timelines also the records behind that one.
/// Otherwise the source's logs and, for a fork, stored segments are read. Memory does not grow with either. A
/// damaged stored segment counts as one that shares nothing.
Result<Continuity> find_continuity(const Repository& repository, std::string_view cluster,
                                   restore::Source& source, const restore::SourceListing& listing, Job& job);

/// The last zxid in the logs of a source; 0 when they hold none.
Result<std::int64_t> last_record_of(restore::Source& source, const std::vector<restore::SourceFile>& logs,
                                    Job& job);

}  // namespace zkark::backup
