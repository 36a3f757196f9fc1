#pragma once
// What undo.cc hands to undo_requests.cc: for each node of which changes were chosen, what it should be
// again.
#include <map>
#include <string>

#include "src/forensics/undo.h"

namespace zkark::forensics {

struct UndoGoal {
  std::optional<NodeCopy> then;  // absent: there is to be no such node
  bool then_known = true;
  // What the chosen changes did to it, as far as nothing later made a new start.
  bool existence = false, data = false, acl = false;
  std::vector<Deed> chosen, later;  // oldest first; later: by others, and in the way
  // As the last record that is known left it, to see whether something happened that none tells.
  std::optional<StatPersisted> last;
  bool last_known = false;
};
using UndoGoals = std::map<std::string, UndoGoal, std::less<>>;
/// Nodes that others deleted after the first chosen change.
using GoneNodes = std::map<std::string, Deed, std::less<>>;

/// Fills requests, left, already and counters of the plan.
Status arrange_undo(UndoGoals goals, const GoneNodes& gone, const restore::State& now,
                    const UndoOptions& options, UndoPlan& plan, Job& job);

}  // namespace zkark::forensics
