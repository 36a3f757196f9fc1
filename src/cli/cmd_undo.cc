// `undo`: the inverse of chosen changes, as a plan.
#include <fmt/format.h>

#include <algorithm>

#include "src/cli/context.h"
#include "src/cli/filter_args.h"
#include "src/cli/log_span.h"
#include "src/cli/point_in_time.h"
#include "src/cli/show_findings.h"
#include "src/cli/state_at.h"
#include "src/cli/text.h"
#include "src/cli/undo_print.h"
#include "src/cli/verb.h"
#include "src/forensics/undo.h"

namespace zkark::cli {
namespace {

constexpr std::uint64_t kSmallestRequest = 1024;

/// "0x13,0x15..0x18".
struct ZxidList {
  std::vector<restore::ZxidRange> ranges;
};
Result<ZxidList> parse_zxids(std::string_view text) {
  ZxidList list;
  for (;;) {
    const std::size_t comma = text.find(',');
    const std::string_view word = text.substr(0, comma);
    const std::size_t dots = word.find("..");
    restore::ZxidRange range;
    ZK_TRY(range.first, parse_zxid(word.substr(0, dots)));
    range.last = range.first;
    if (dots != word.npos) {
      ZK_TRY(range.last, parse_zxid(word.substr(dots + 2)));
    }
    if (range.last < range.first)
      return fail(Error(ErrorId::kUsage, fmt::format("the range ends ({}) before it begins ({})",
                                                     zxid_text(range.last), zxid_text(range.first))));
    list.ranges.push_back(range);
    if (comma == text.npos) return list;
    text.remove_prefix(comma + 1);
  }
}

struct Options {
  std::optional<std::string> source, log_dir, timeline;
  bool plan = false;
  std::vector<ZxidList> zxids;
  std::vector<std::int64_t> sessions;
  std::optional<std::string> since, until, back_to;
  std::vector<forensics::PathPattern> paths;
  std::vector<forensics::TypeSet> types;
  bool exclusive = false, over_later = false;
  restore::TimeRule time_rule = restore::TimeRule::kRefuse;
  std::uint64_t max_request_bytes = forensics::UndoOptions().max_request_bytes;

  bool chooses_records() const {
    return !zxids.empty() || !sessions.empty() || since || until || !types.empty();
  }
};

Status check_options(const Options& options) {
  if (!options.plan)
    return fail(Error(ErrorId::kUsage, "undo does not carry anything out: it makes a plan")
                    .with_hint("add --plan; applying a plan to a running ensemble is not available yet"));
  if (options.back_to && options.chooses_records())
    return fail(Error(ErrorId::kUsage,
                      "--back-to takes back everything behind a point; --zxid, --session, --type, --since "
                      "and --until choose among it")
                    .with_hint("with --since POINT instead of --back-to POINT they can be combined"));
  if (options.back_to && options.paths.empty())
    return fail(Error(ErrorId::kUsage, "--back-to needs the subtree that is meant")
                    .with_hint("--path /a/b; --path / for the whole tree"));
  if (!options.back_to && !options.chooses_records())
    return fail(
        Error(ErrorId::kUsage, options.paths.empty() ? "which changes are to be undone is not said"
                                                     : "since when the changes are to be undone is not said")
            .with_hint("--zxid 0x13,0x14; --session 0x1000… --since POINT; --path /a --back-to POINT"));
  if (options.exclusive && !options.back_to)
    return fail(Error(ErrorId::kUsage, "--exclusive belongs to --back-to")
                    .with_hint("--since and --until take both of their ends"));
  if (options.max_request_bytes < kSmallestRequest)
    return fail(
        Error(ErrorId::kUsage, fmt::format("--max-request: at least {}", human_size(kSmallestRequest)))
            .with_hint("the jute.maxbuffer of the servers; 1048575 if they set none"));
  return {};
}

Result<std::int64_t> find_back_to(Context& context, const Options& options, const StateAt& at) {
  ZK_TRY(const restore::PointSpec point, parse_point(*options.back_to, context));
  using Kind = restore::PointSpec::Kind;
  if (point.kind != Kind::kTime && point.kind != Kind::kZxid)
    return fail(Error(ErrorId::kUsage, fmt::format("'{}' is no time and no zxid", point.text))
                    .with_hint("give a time such as '2 hours ago' or a zxid such as zxid:0x10000000b"));
  const restore::TargetOptions wanted{point, options.exclusive, options.time_rule};
  ZK_TRY(const restore::Target target,
         restore::resolve_target(*at.opened.source, at.listing, wanted, context.job));
  if (target.zxid > at.target.zxid)
    return fail(Error(ErrorId::kUsage, fmt::format("{} is later than {}, the state to go back from",
                                                   zxid_text(target.zxid), zxid_text(at.target.zxid))));
  if (target.record) context.output.note("back to " + restore::note_text(*target.record));
  if (target.next) context.output.note("first undone: " + restore::note_text(*target.next));
  return target.zxid;
}

void tell_what_to_heed(Output& output, const Options& options, const forensics::UndoPlan& plan) {
  bool ttl = false, goes_on = false;
  for (const forensics::UndoRequest& request : plan.requests) {
    goes_on = goes_on || request.goes_on;
    for (const forensics::UndoOperation& one : request.operations)
      ttl = ttl || (one.what == forensics::UndoOperation::What::kCreate &&
                    node_kind(one.then.stat.ephemeral_owner) == NodeKind::kTtl);
  }
  for (const forensics::CounterReset& one : plan.counters)
    output.warn(fmt::format(
        "{} is made anew: sequential names below it begin at {:010} again, and {} comes back with a number "
        "that will be met",
        one.path, one.next, one.child));
  if (goes_on)
    output.warn(
        "what belongs together does not fit into one request: should one of them fail, those before it "
        "stay done; make a new plan then");
  if (ttl)
    output.note("TTL nodes need zookeeper.extendedTypesEnabled=true on the servers; their time begins anew");
  if (plan.left.empty()) return;
  const bool later = std::any_of(plan.left.begin(), plan.left.end(), [](const forensics::LeftAlone& one) {
    return one.why == forensics::Hindrance::kChangedLater || one.why == forensics::Hindrance::kChildren;
  });
  output.warn(fmt::format("{} left as {} and listed{}",
                          plan.left.size() == 1 ? "1 node is" : human_count(plan.left.size()) + " nodes are",
                          plan.left.size() == 1 ? "it is" : "they are",
                          later && !options.over_later
                              ? "; --over-later goes over what others did later, which is lost then"
                              : ""));
  output.exit().add(3);
}

Status run(Context& context, const Options& options) {
  ZK_TRY_STATUS(check_options(options));
  SpanOptions ends;
  ends.since = options.since;
  ends.until = options.until;
  ZK_TRY(const SpanRequest request, span_request(context, ends));
  StateOptions wanted;
  wanted.source = options.source;
  wanted.path = "/";
  wanted.log_dir = options.log_dir;
  wanted.timeline = options.timeline;
  wanted.time_rule = options.time_rule;
  ZK_TRY(const StateAt at, load_state_at(context, wanted));
  if (at.listing.logs.empty())
    return fail(Error(ErrorId::kNoData, "there are snapshots here, but no transaction log")
                    .at(at.opened.source->description()));
  ZK_TRY(const LogSpan span, span_in(at.opened, at.listing, request, context.job));
  forensics::UndoChoice choice;
  choice.paths = options.paths;
  for (const forensics::TypeSet& types : options.types) choice.types.add(types);
  choice.sessions = options.sessions;
  for (const ZxidList& list : options.zxids)
    choice.zxids.insert(choice.zxids.end(), list.ranges.begin(), list.ranges.end());
  choice.first_zxid = span.first_zxid;
  choice.last_zxid = span.last_zxid;
  choice.since_ms = span.since_ms;
  choice.until_ms = span.until_ms;
  choice.begins_at_a_point = span.first_zxid > 0 || !options.zxids.empty();
  UndoShown shown{at.opened.source->description(), at.target.zxid, {}, true, options.max_request_bytes};
  if (options.back_to) {
    ZK_TRY(shown.back_to, find_back_to(context, options, at));
    choice.first_zxid = *shown.back_to + 1;
    choice.begins_at_a_point = true;
  }
  context.job.progress.phase = "replaying";
  restore::Findings findings;
  ZK_TRY(const forensics::UndoPlan plan,
         forensics::plan_undo(*at.opened.source, at.listing, at.state, at.target.zxid, choice,
                              {options.over_later, options.max_request_bytes}, findings, context.job));
  shown.complete = plan.left.empty() && !restore::has_severity(findings, restore::Severity::kGap);
  if (plan.records == 0 && !options.back_to && shown.complete)
    return fail(Error(ErrorId::kNotFound, "no transaction is what was asked for")
                    .with_hint("zkark log takes the same conditions, and shows what there is"));
  print_undo(context.output, plan, shown);
  // A snapshot that an older one stood in for keeps nothing from being known.
  for (const restore::Finding& finding : findings) {
    if (finding.severity == restore::Severity::kDamage && !finding.first_zxid && !finding.last_zxid)
      context.output.warn(error_of(finding).to_string());
    else
      show_finding(context.output, finding, Stance::kReading);
  }
  tell_what_to_heed(context.output, options, plan);
  return context.job.check();
}

}  // namespace

Verb undo_verb() {
  VerbBuilder<Options> verb({
      .name = "undo",
      .group = Group::kRestore,
      .summary = "plan how chosen changes are taken back on a running ensemble",
      .description =
          "Works out, for each node that the chosen changes concern, what it was before the first of them, "
          "and "
          "prints the requests that would make it so again: create (with data, ACL and type), setData and "
          "delete in multis, which are all or nothing, and setACL one by one, because no server takes that "
          "in "
          "a multi. Nothing is sent. Each operation holds only while the node has the version that it has in "
          "the state the plan is made for, the newest one of SRC or that of SRC@POINT.\n\n"
          "Changes are chosen by --zxid, --session, --type, --path, --since and --until, which hold "
          "together, "
          "or as everything that happened to a subtree after a point: --path with --back-to.\n\n"
          "A node that others changed after what is chosen is left as it is and named, unless --over-later "
          "is "
          "given. So is what no client can bring back: ephemerals, the dynamic configuration, the statistics "
          "of "
          "quotas. Wherever something is left, the status is 3.",
      .examples =
          {{"zkark undo /var/lib/zookeeper --plan --zxid 0x13..0x16", "bring back what these deleted"},
           {"zkark undo /var/lib/zookeeper --plan --session 0x1000040f9660000 --since '1 hour ago'",
            "all that one client did"},
           {"zkark undo -r /srv/zk-backup --plan --path /kafka/config --back-to 'yesterday 14:00' --json",
            "a subtree as it was, for a program"}},
      .exit_codes = {3, 5, 6, 7},
      .uses = kUsesRepository | kUsesCache | kUsesTime | kUsesProgress,
  });
  verb.argument("SRC", &Options::source, "what to read; the repository of -r if left out")
      .completes(Completes::kSource);
  verb.flag("plan", &Options::plan, "print what would be done; nothing is sent").command_line_only();
  constexpr std::string_view kHeading = "Which changes";
  verb.parsed("zxid", "ZXID,…", &Options::zxids, parse_zxids, "of these transactions; also 0x13..0x16")
      .under(kHeading);
  verb.parsed("session", "ID", &Options::sessions, parse_session, "by this session").under(kHeading);
  verb.parsed("type", "TYPE,…", &Options::types, parse_types,
              "create, set, delete, setacl, or one of log's own names")
      .under(kHeading);
  verb.parsed("path", "PATTERN", &Options::paths, forensics::PathPattern::parse,
              "of this node or one below it; or a glob over the whole path: /a/*/b, /a/**, **/config")
      .under(kHeading);
  verb.text("since", "POINT", &Options::since, "from this time or zxid on")
      .completes(Completes::kPoint)
      .under(kHeading);
  verb.text("until", "POINT", &Options::until, "up to this time or zxid")
      .completes(Completes::kPoint)
      .under(kHeading);
  verb.text("back-to", "POINT", &Options::back_to, "all later than this time or zxid, below --path")
      .completes(Completes::kPoint)
      .under(kHeading);
  verb.flag("exclusive", &Options::exclusive, "with --back-to: that point as well").under(kHeading);
  verb.flag("over-later", &Options::over_later,
            "also where others changed the same node later: what they did is lost");
  verb.size("max-request", &Options::max_request_bytes,
            "jute.maxbuffer of the servers: larger plans are divided")
      .default_is("1048575");
  verb.text("log-dir", "DIR", &Options::log_dir, "the dataLogDir, where it is apart from the dataDir")
      .completes(Completes::kDirectory);
  verb.text("timeline", "ID", &Options::timeline,
            "of this timeline of the repository, instead of the newest");
  verb.choice("time-rule", "RULE", &Options::time_rule,
              {{"refuse", restore::TimeRule::kRefuse, "say which two points it names"},
               {"first", restore::TimeRule::kFirst, "before the first transaction that is later"},
               {"last", restore::TimeRule::kLast, "after the last transaction that is not later"}},
              "what a time means where the leader's clock stepped back");
  return std::move(verb).build(run);
}

}  // namespace zkark::cli
