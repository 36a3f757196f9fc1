#pragma once
// Into which files the records go that fill holes. A damaged or torn log gets its records where they were; a
// log of its own, named as a server would name it, holds what was in a file that is gone. All other files
// stay as they are.
#include <string>
#include <vector>

#include "restore/merge_paths.h"
#include "restore/merged_view.h"

namespace zkark::restore {

struct MergeLayout {
  std::vector<MergedLog> logs;               // all of the member's, and new ones
  std::vector<std::vector<TakenRun>> taken;  // by hole
  std::vector<std::string> made, dropped;    // names; paths
};

/// `ways`, by hole: null where it stays as it is.
MergeLayout lay_out(const MergeMember& target, const std::vector<MergeMember>& others, const HoleScan& scan,
                    const std::vector<HoleRecords>& records, const std::vector<const HolePath*>& ways);

}  // namespace zkark::restore
