#pragma once
// Two states side by side: are they the same tree?
#include <string>
#include <vector>

#include "restore/state.h"

namespace zkark::restore {

struct TreeDifference {
  std::string path;
  const char* what = "";  // "only in the first", "only in the second", "data", "stat", "acl"
};

/// Up to `limit` differences in path order; empty when the trees agree. /zookeeper/ is left out: every server
/// edits config and quota nodes there on its own, without a txn. Dangling ACLs differ from nothing: their
/// list is unknown.
std::vector<TreeDifference> compare_trees(const Tree& a, const Tree& b, std::size_t limit);

}  // namespace zkark::restore
