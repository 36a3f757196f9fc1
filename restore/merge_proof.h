#pragma once
// What replaying all of a history shows: from the oldest base on, and again from the next snapshot wherever
// it does not go on.
#include <vector>

#include "restore/replay.h"

namespace zkark::restore {

struct HistoryProof {
  std::vector<ZxidRange> proven;  // by digests; of all replays
  std::vector<EpochStep> steps;   // that were passed
  Findings mismatches;            // digests that differ, records that do not fit the tree
  Findings stops;                 // what a replay did not get past

  bool covers(std::int64_t before, std::int64_t upto) const;
};
/// Fails only when reading does.
Result<HistoryProof> prove_history(Source& source, const SourceListing& listing, Job& job);

}  // namespace zkark::restore
