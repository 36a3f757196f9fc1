#pragma once
// How a source relates to what is stored of its cluster: does it go on from there, was its tail rewritten, is it
// somebody else's? (design: Clusters, Continuity, Timelines.) Found by zxid and checksum of records, never by mtime.
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
  kForked,     // a shared record, and another one after it: the tail was rewritten
  kPurged,     // the same cluster by its znodes, but the records after the stored ones are gone
  kRestored,   // the source's lineage file says that it was restored from here
  kForeign,    // nothing in common
};

struct Continuity {
  Relation relation = Relation::kFirst;
  std::optional<Manifest> previous;  // newest backup of the matched timeline
  std::int64_t stored_to = 0;        // last zxid stored on it
  // kContinues: where to go on; an empty path when only a base is stored: with every log.
  std::string log_path;
  std::uint64_t offset = 0;
  // kForked, kRestored: the last shared record.
  std::int64_t fork_zxid = 0;
  std::optional<std::uint64_t> fork_checksum;
  std::string lineage;  // kRestored: the file's content
};

/// Compares with every timeline of the cluster, the one published last first; a timeline that continues wins. Cost
/// when it continues: one record read; otherwise the source's logs and, for a fork, stored segments are read.
Result<Continuity> find_continuity(const Repository& repository, std::string_view cluster, restore::Source& source,
                                   const restore::SourceListing& listing, Job& job);

}  // namespace zkark::backup
