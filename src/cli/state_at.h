#pragma once
// The tree at a point, as `ls`, `cat`, `stat` and other verbs that look into it need it.
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "restore/base_choice.h"
#include "restore/target.h"
#include "src/cli/context.h"
#include "src/cli/log_span.h"
#include "src/cli/source_arg.h"
#include "src/cli/verb.h"

namespace zkark::cli {

/// What such a verb is asked with. Its Options derive from it; add_state_options() makes the rows.
struct StateOptions {
  std::optional<std::string> source;  // with `path` left out, it may be that: see load_state_at()
  std::optional<std::string> path;
  std::optional<std::string> log_dir;
  std::optional<std::string> at, timeline;
  bool exclusive = false;
  restore::TimeRule time_rule = restore::TimeRule::kRefuse;
};

struct StateAt {
  std::string path;  // the node asked for; the root if none was
  OpenedSource opened;
  restore::SourceListing listing;
  restore::Target target;
  restore::State state;
  /// A single snapshot is shown as it is stored, exact or not; false when it may hold effects of later txns.
  bool exact = true;
};

/// One argument alone: where -r or -C was typed, what begins with / is a PATH in that repository, whatever
/// lies on this machine; where the repository comes from the environment or the configuration, it is SRC if
/// there is such a path here, else a PATH. Anything else is SRC. No argument: the repository's newest point.
/// What was read is then said on stderr.
///
/// Opens the source, finds the point and rebuilds the tree there. With --at, says on stderr which txn that is
/// and which one is next. Findings on the way are shown. Errors: those of open_source, resolve_target and
/// rebuild.
enum class NodeArgument : std::uint8_t { kRootIfLeftOut, kRequired };
Result<StateAt> load_state_at(Context& context, const StateOptions& options,
                              NodeArgument node = NodeArgument::kRootIfLeftOut);
/// Several, rebuilt at the same time. Fails with the first that does.
Result<std::vector<StateAt>> load_states_at(Context& context, std::span<const StateOptions> options,
                                            NodeArgument node = NodeArgument::kRootIfLeftOut);

/// What verbs that go through the logs, rather than to one point, start from.
struct LogsOf : LogSpan {
  std::string path;  // the node asked for; the root if none was
  OpenedSource opened;
  restore::SourceListing listing;
};
/// Takes SRC and PATH as load_state_at() does, opens the source and lists it; --at has no say. Findings of
/// the listing are shown. kNoData where there is no log at all.
Result<LogsOf> open_logs(Context& context, const StateOptions& options, const SpanOptions& span,
                         NodeArgument node = NodeArgument::kRootIfLeftOut);

/// The node, or kNotFound with the nearest thing that is there. kUsage for what can be no path.
Result<restore::NodeId> find_node(const StateAt& at, std::string_view path);

/// SRC and PATH, and where to look for them.
template <class O>
void add_source_options(VerbBuilder<O>& verb) {
  using Text = std::optional<std::string> O::*;
  verb.argument("SRC", static_cast<Text>(&StateOptions::source),
                "what to read; the repository of -r if left out")
      .completes(Completes::kSource);
  verb.argument("PATH", static_cast<Text>(&StateOptions::path), "the node");
  verb.text("log-dir", "DIR", static_cast<Text>(&StateOptions::log_dir),
            "the dataLogDir, where it is apart from the dataDir")
      .completes(Completes::kDirectory);
}

/// The same, and the point.
template <class O>
void add_state_options(VerbBuilder<O>& verb) {
  using Text = std::optional<std::string> O::*;
  add_source_options(verb);
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
