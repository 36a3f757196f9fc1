#pragma once
// Since when the trees of two members differ whose logs agree: one of their servers has applied or lost
// something that no log shows (TTL nodes at a start without extendedTypesEnabled, a file put there by hand).
// A member's tree at a zxid is what its newest snapshot up to there and its logs give.
#include <cstdint>
#include <optional>
#include <string>

#include "formats/base/job.h"
#include "restore/source.h"

namespace zkark::forensics {

struct TreeSide {
  restore::Source& source;
  const restore::SourceListing& listing;
};

struct TreeSince {
  std::int64_t zxid = 0;  // the first one of those up to the end at which they differ
  std::optional<std::int64_t> last_alike;
  /// What each side goes on from there: a snapshot's path; empty: from before, or the first transaction.
  std::string snapshot_a, snapshot_b;
  /// The first digest that a server logged at or behind it is that of one side.
  enum class Digests : std::uint8_t { kNone, kOfA, kOfB, kOfNeither };
  Digests digests = Digests::kNone;
};

/// Goes back from `end`, where they differ, to where they are alike, or as far as both reach: every record is
/// replayed once, every snapshot loaded twice at most. Compared is what digests cover; nullopt where that is
/// alike at the end (only ACLs differ), or where a side has no point in common with the other. Memory: the
/// two trees and 32 bytes a record. Fails only when reading does.
Result<std::optional<TreeSince>> trees_differ_since(const TreeSide& a, const TreeSide& b, std::int64_t end,
                                                    Job& job);

}  // namespace zkark::forensics
