#pragma once
// The tree at a point, as `ls`, `cat`, `stat` and other verbs that look into it need it.
#include <optional>
#include <string>
#include <string_view>

#include "restore/base_choice.h"
#include "restore/target.h"
#include "src/cli/context.h"
#include "src/cli/source_arg.h"
#include "src/cli/verb.h"

namespace zkark::cli {

/// What such a verb is asked with. Its Options derive from it; add_state_options() makes the rows.
struct StateOptions {
  std::string source;
  std::optional<std::string> log_dir;
  std::optional<std::string> at, timeline;
  bool exclusive = false;
  restore::TimeRule time_rule = restore::TimeRule::kRefuse;
};

struct StateAt {
  OpenedSource opened;
  restore::SourceListing listing;
  restore::Target target;
  restore::State state;
  /// A single snapshot is shown as it is stored, exact or not; false when it may hold effects of later txns.
  bool exact = true;
};

/// Opens the source, finds the point and rebuilds the tree there. With --at, says on stderr which txn that is
/// and which one is next. Findings on the way are shown. Errors: those of open_source, resolve_target and
/// rebuild.
Result<StateAt> load_state_at(Context& context, const StateOptions& options);

/// The node, or kNotFound with the nearest thing that is there. kUsage for what can be no path.
Result<restore::NodeId> find_node(const StateAt& at, std::string_view path);

/// SRC comes first; the verb's own arguments follow.
template <class O>
void add_state_options(VerbBuilder<O>& verb) {
  verb.argument("SRC", static_cast<std::string O::*>(&StateOptions::source), "what to read")
      .required()
      .completes(Completes::kSource);
  using Text = std::optional<std::string> O::*;
  verb.text("log-dir", "DIR", static_cast<Text>(&StateOptions::log_dir),
            "the dataLogDir, where it is apart from the dataDir")
      .completes(Completes::kDirectory);
  verb.text("at", "POINT", static_cast<Text>(&StateOptions::at),
            "the tree as it was then; the newest if left out")
      .completes(Completes::kPoint);
  verb.text("timeline", "ID", static_cast<Text>(&StateOptions::timeline),
            "look for that point on this timeline of the repository only");
  verb.flag("exclusive", static_cast<bool O::*>(&StateOptions::exclusive), "just before that point");
  verb.choice("time-rule", "RULE", static_cast<restore::TimeRule O::*>(&StateOptions::time_rule),
              {{"refuse", restore::TimeRule::kRefuse, "say which two points it names"},
               {"first", restore::TimeRule::kFirst, "before the first transaction that is later"},
               {"last", restore::TimeRule::kLast, "after the last transaction that is not later"}},
              "what a time means where the leader's clock stepped back");
}

}  // namespace zkark::cli
