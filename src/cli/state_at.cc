#include "src/cli/state_at.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>

#include "src/cli/app.h"
#include "src/cli/point_in_time.h"
#include "src/cli/show_findings.h"
#include "src/cli/text.h"
#include "src/cli/values.h"

namespace zkark::cli {
namespace {

/// The names among which a typing mistake is looked for.
constexpr std::size_t kMaxNeighbours = 1000;

/// One state on its way: opened and listed, then built on whatever thread, then told about.
struct Loading {
  StateOptions options;
  StateAt at;
  bool lone =
      false;  // one snapshot and nothing else: what it holds, whether or not it is the state at any zxid
  bool found = false;                   // at.target is known
  restore::Findings findings;           // of building it
  std::optional<std::int64_t> inexact;  // of a lone snapshot: where the logs would have to reach; 0 unknown
};

Status build_lone_snapshot(Loading& loading, Job& job) {
  StateAt& at = loading.at;
  const restore::SourceFile& snapshot = at.listing.snapshots.front();
  ZK_TRY(restore::ReplayResult loaded,
         restore::replay(*at.opened.source, at.listing, &snapshot, {}, loading.findings, job));
  at.target.zxid = snapshot.zxid;
  at.exact = !loaded.fuzzy_end_assumed && loaded.fuzzy_end <= snapshot.zxid;
  if (!at.exact) loading.inexact = loaded.fuzzy_end_assumed ? 0 : loaded.fuzzy_end;
  at.state = std::move(loaded.state);
  return {};
}

Status build(Loading& loading, Job& job) {
  if (loading.lone) return build_lone_snapshot(loading, job);
  StateAt& at = loading.at;
  const restore::TargetOptions wanted{at.opened.point, loading.options.exclusive, loading.options.time_rule};
  ZK_TRY(at.target, restore::resolve_target(*at.opened.source, at.listing, wanted, job));
  loading.found = true;
  ZK_TRY(restore::Rebuilt rebuilt,
         restore::rebuild(*at.opened.source, at.listing, at.target.zxid, loading.findings, job));
  at.state = std::move(rebuilt.replay.state);
  return {};
}

bool repository_was_typed(const Context& context) {
  return std::any_of(context.line.options.begin(), context.line.options.end(), [](const GivenOption& given) {
    return given.row->name == "repo" || given.row->name == "cluster";
  });
}

/// Which of SRC and PATH a lone argument is.
Result<StateOptions> settle_arguments(Context& context, const StateOptions& given) {
  StateOptions settled = given;
  if (given.path || !given.source || !given.source->starts_with('/') || !context.has_repository())
    return settled;
  if (!repository_was_typed(context)) {
    ZK_TRY(const bool here, exists(context.fs, *given.source));
    // SRC@POINT is no path itself.
    const SourceText split = split_source(*given.source);
    ZK_TRY(const bool place, exists(context.fs, split.place));
    if (here || (split.point && place)) return settled;
  }
  settled.path = given.source;
  settled.source.reset();
  return settled;
}

void tell_point(Context& context, const StateOptions& options, const StateAt& at) {
  std::string text = at.target.record
                         ? restore::note_text(*at.target.record)
                         : fmt::format("{}, which has no record of its own", zxid_text(at.target.zxid));
  text += at.target.next ? fmt::format(" (next, not applied: {})", restore::note_text(*at.target.next))
                         : " (nothing is stored after it)";
  const auto& stored = at.opened.stored;
  const bool several = stored && !stored->timeline_text.empty();
  if (several) text += fmt::format(" on timeline {}", stored->timeline_text);
  if (!options.source) text += " of " + at.opened.source->description();
  if (options.at || several || !options.source)
    context.output.note("at " + text);
  else
    context.output.detail("at " + text);
}

Status need_node(const StateOptions& options, NodeArgument node) {
  if (options.path || node != NodeArgument::kRequired) return {};
  return fail(Error(ErrorId::kUsage, "which node is not said")
                  .with_hint("give SRC and PATH, or with -r REPO a PATH, which begins with /"));
}

Result<Loading> open(Context& context, const StateOptions& given, NodeArgument node) {
  Loading loading;
  ZK_TRY(loading.options, settle_arguments(context, given));
  const StateOptions& options = loading.options;
  ZK_TRY_STATUS(need_node(options, node));
  StateAt& at = loading.at;
  at.path = options.path.value_or("/");
  SourceRequest request{{}, options.log_dir.value_or(""), ""};
  if (options.source) request.sources = {*options.source};
  if (options.at) {
    ZK_TRY(request.point, parse_point(*options.at, context));
  }
  request.timeline = options.timeline;
  ZK_TRY(at.opened, open_source(context, request));
  show_findings(context.output, at.opened.findings, Stance::kReading);
  ZK_TRY(at.listing, at.opened.source->list());
  const bool newest = at.opened.point.kind == restore::PointSpec::Kind::kLatest && !options.exclusive;
  loading.lone = at.listing.logs.empty() && at.listing.snapshots.size() == 1 && newest;
  if (!loading.lone) show_findings(context.output, at.listing.findings, Stance::kReading);
  return loading;
}

/// What there is to say of it, also where building it failed after its point was found.
void tell(Context& context, const Loading& loading, bool built) {
  const StateAt& at = loading.at;
  if (loading.found) tell_point(context, loading.options, at);
  if (!built) return;
  if (loading.lone) {
    show_findings(context.output, loading.findings, Stance::kReading);
    const std::string& snapshot = at.listing.snapshots.front().path;
    if (loading.inexact == 0)
      context.output.warn(fmt::format(
          "{} does not say whether transactions were applied while it was written: it may hold changes later "
          "than {}",
          snapshot, zxid_text(at.target.zxid)));
    else if (loading.inexact)
      context.output.warn(fmt::format(
          "{} was written while transactions up to {} were applied: it holds some of their changes, and is "
          "exact only together with the logs",
          snapshot, zxid_text(*loading.inexact)));
    return;
  }
  // The state is exact; what was passed over on the way to it is worth a word, no more.
  for (const restore::Finding& finding : loading.findings) {
    if (finding.severity == restore::Severity::kNote)
      context.output.detail(error_of(finding).to_string());
    else
      context.output.warn(error_of(finding).to_string());
  }
}

}  // namespace

Result<LogsOf> open_logs(Context& context, const StateOptions& given, const SpanOptions& span,
                         NodeArgument node) {
  LogsOf logs;
  ZK_TRY(const SpanRequest wanted, span_request(context, span));
  ZK_TRY(const StateOptions options, settle_arguments(context, given));
  ZK_TRY_STATUS(need_node(options, node));
  logs.path = options.path.value_or("/");
  SourceRequest request{{}, options.log_dir.value_or(""), ""};
  if (options.source) request.sources = {*options.source};
  request.timeline = options.timeline;
  ZK_TRY(logs.opened, open_source(context, request));
  if (!options.source) context.output.note("the log of " + logs.opened.source->description());
  if (logs.opened.stored && !logs.opened.stored->timeline_text.empty())
    context.output.note("timeline " + logs.opened.stored->timeline_text);
  show_findings(context.output, logs.opened.findings, Stance::kReading);
  ZK_TRY(logs.listing, logs.opened.source->list());
  if (logs.listing.logs.empty())
    return fail(Error(ErrorId::kNoData, "there are snapshots here, but no transaction log")
                    .at(logs.opened.source->description()));
  show_findings(context.output, logs.listing.findings, Stance::kReading);
  ZK_TRY(static_cast<LogSpan&>(logs), span_in(logs.opened, logs.listing, wanted, context.job));
  return logs;
}

Result<std::vector<StateAt>> load_states_at(Context& context, std::span<const StateOptions> wanted,
                                            NodeArgument node) {
  std::vector<Loading> all;
  for (const StateOptions& given : wanted) {
    ZK_TRY(Loading loading, open(context, given, node));
    all.push_back(std::move(loading));
  }
  context.job.progress.phase = "replaying";
  std::vector<std::function<Status()>> tasks;
  for (Loading& loading : all) tasks.emplace_back([&] { return build(loading, context.job); });
  Status built = all.size() == 1 ? tasks[0]() : context.executor.run_all(tasks);
  std::vector<StateAt> states;
  for (Loading& loading : all) {
    tell(context, loading, built.has_value());
    states.push_back(std::move(loading.at));
  }
  ZK_TRY_STATUS(std::move(built));
  return states;
}

Result<StateAt> load_state_at(Context& context, const StateOptions& options, NodeArgument node) {
  ZK_TRY(std::vector<StateAt> states, load_states_at(context, {&options, 1}, node));
  return std::move(states.front());
}

Result<restore::NodeId> find_node(const StateAt& at, std::string_view path) {
  const restore::Tree& tree = at.state.tree;
  if (path == "/") return restore::kRoot;
  if (!restore::Tree::valid_path(path)) {
    Error error(ErrorId::kUsage, fmt::format("'{}' can be no path of a node", path));
    return fail(std::move(error).with_hint("a path begins with / and does not end with one"));
  }
  if (const restore::NodeId id = tree.find(path); id != restore::kNoNode) return id;
  std::string_view there = path;
  restore::NodeId ancestor = restore::kNoNode;
  while (ancestor == restore::kNoNode) {
    there = there.substr(0, there.rfind('/'));
    ancestor = there.empty() ? restore::kRoot : tree.find(there);
  }
  std::vector<std::string> names;
  for (restore::NodeId child = tree.first_child(ancestor);
       child != restore::kNoNode && names.size() < kMaxNeighbours; child = tree.next_sibling(child))
    names.emplace_back(tree.get(child).name);
  const std::string_view missing = path.substr(there.size() + 1);
  const std::string near = nearest(missing.substr(0, missing.find('/')), names);
  Error error(ErrorId::kNotFound, fmt::format("there is no node {} at {}", path, zxid_text(at.target.zxid)));
  if (!near.empty()) return fail(std::move(error).with_hint(fmt::format("did you mean {}/{}?", there, near)));
  const std::uint32_t children = tree.child_count(ancestor);
  return fail(
      std::move(error).with_hint(fmt::format("{} is there, with {} {}", there.empty() ? "/" : there,
                                             human_count(children), children == 1 ? "child" : "children")));
}

}  // namespace zkark::cli
