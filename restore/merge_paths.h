#pragma once
// The ways through a hole: sequences of records of other members that follow each other from what is before
// the hole to what is behind it. Nearly always there is one; where an old leader logged what a new one never
// had, there may be several.
#include <cstdint>
#include <string>
#include <vector>

#include "formats/base/result.h"
#include "restore/merge_scan.h"

namespace zkark::restore {

struct PathRecord {
  std::uint32_t member = 0;
  std::uint32_t index = 0;  // of its records in this hole
};

struct HolePath {
  Anchor left;  // of the hole's, the one it begins at
  std::vector<PathRecord> records;
};

struct FoundPaths {
  std::vector<HolePath> paths;  // complete ones
  std::string stuck;            // why there is none
};

/// The records of all others in one hole.
struct HoleRecords {
  const std::vector<MergeMember>* members = nullptr;
  std::vector<std::vector<HeldRecord>> held;  // by member

  const HeldRecord& at(const PathRecord& where) const { return held[where.member][where.index]; }
  /// How many members hold these two, and as neighbours.
  std::size_t witnesses(const Anchor& before, const Anchor& after) const;
};

/// kRefused where two of the members contradict each other.
Result<FoundPaths> find_paths(const Hole& hole, const HoleRecords& records, Job& job);

}  // namespace zkark::restore
