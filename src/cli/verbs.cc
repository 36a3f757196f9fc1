#include <algorithm>

#include "src/cli/verb.h"

namespace zkark::cli {

#define ZK_VERB(function) Verb function();
#include "src/cli/verbs.inc"
#undef ZK_VERB

const std::vector<Verb>& all_verbs() {
  static const std::vector<Verb> verbs = [] {
    std::vector<Verb> table = {
#define ZK_VERB(function) function(),
#include "src/cli/verbs.inc"
#undef ZK_VERB
    };
    // Help and man list the verbs by group; inside a group the rows keep their order.
    std::stable_sort(table.begin(), table.end(),
                     [](const Verb& a, const Verb& b) { return a.info.group < b.info.group; });
    return table;
  }();
  return verbs;
}

}  // namespace zkark::cli
