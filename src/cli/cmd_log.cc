// `log`: every transaction of the logs, oldest first.
#include <fmt/format.h>

#include "src/cli/context.h"
#include "src/cli/filter_args.h"
#include "src/cli/log_run.h"
#include "src/cli/show_findings.h"
#include "src/cli/source_arg.h"
#include "src/cli/verb.h"

namespace zkark::cli {
namespace {

struct Options : FilterOptions, SpanOptions {
  std::optional<std::string> source;
  std::optional<std::string> log_dir, timeline;
  std::optional<std::int64_t> limit;
  bool reverse = false, follow = false;
  bool stat = false, patch = false;
};

/// Only files that a server writes to go on.
Status check_live(const OpenedSource& opened) {
  const bool live = opened.kind == SourceKind::kDataDir || opened.kind == SourceKind::kFiles;
  if (live && opened.point.kind == restore::PointSpec::Kind::kLatest) return {};
  return fail(
      Error(ErrorId::kUsage,
            live ? "a history up to a point does not go on" : "what is stored does not go on")
          .at(opened.source->description())
          .with_hint("--follow wants the data directory of a server, its zoo.cfg, or its newest log"));
}

Status run(Context& context, const Options& options) {
  LogRequest request;
  ZK_TRY(const SpanRequest span, span_request(context, options));
  ZK_TRY(request.filter, filter_of(options));
  if (options.limit) request.limit = static_cast<std::uint64_t>(*options.limit);
  request.reverse = options.reverse;
  request.follow = options.follow;
  request.stat = options.stat;
  request.patch = options.patch;
  SourceRequest wanted{{}, options.log_dir.value_or(""), ""};
  if (options.source) wanted.sources = {*options.source};
  wanted.timeline = options.timeline;
  ZK_TRY(const OpenedSource opened, open_source(context, wanted));
  if (request.follow) ZK_TRY_STATUS(check_live(opened));
  if (!options.source) context.output.note("the log of " + opened.source->description());
  if (opened.stored && !opened.stored->timeline_text.empty())
    context.output.note("timeline " + opened.stored->timeline_text);
  show_findings(context.output, opened.findings, Stance::kReading);
  ZK_TRY(const restore::SourceListing listing, opened.source->list());
  if (listing.logs.empty())
    return fail(Error(ErrorId::kNoData, "there are snapshots here, but no transaction log")
                    .at(opened.source->description()));
  show_findings(context.output, listing.findings, Stance::kReading);
  ZK_TRY(request.span, span_in(opened, listing, span, context.job));
  request.filter.first_zxid = request.span.first_zxid;
  request.filter.last_zxid = request.span.last_zxid;
  request.filter.since_ms = request.span.since_ms;
  request.filter.until_ms = request.span.until_ms;
  restore::Source& source = *opened.source;
  if (request.follow) return follow_log(context, request, source, listing);
  if (request.wants_changes()) return print_log_with_changes(context, request, source, listing);
  return print_log(context, request, source, listing);
}

}  // namespace

Verb log_verb() {
  VerbBuilder<Options> verb({
      .name = "log",
      .group = Group::kForensics,
      .summary = "show the transactions, oldest first",
      .description =
          "Prints the records of the transaction logs: who wrote what, when, and with which result. A multi "
          "is one transaction with its parts. Records that changed nothing (errors, and multis of which a "
          "part failed) say so. Damaged stretches are reported and skipped (exit 3); a torn last record is "
          "normal after a crash.\n\n"
          "--path, --type, --session, --cxid, --value-regex and --error choose transactions; given several "
          "times, "
          "any one value will do; different options hold together, for a multi within one of its parts. A "
          "session's end counts for the nodes that went with it, also where the record (3.4, 3.5) does not "
          "name "
          "them. A range of times takes each transaction by its own time, as the leader's clock had it.\n\n"
          "--stat and --patch show what each transaction did to the nodes: version, bytes more or fewer, the "
          "write before it; with --patch the lines of the value that went and came. That needs the tree as "
          "it was: the part of it that --path asks for is rebuilt in memory from the newest snapshot before "
          "the stretch that is printed. With --reverse all that is printed is held in memory, too; --limit "
          "bounds that.\n\n"
          "--follow prints what there is, then each transaction as the server logs it, until Ctrl-C (exit "
          "130). A record that is not complete yet is waited for; damage behind which records follow is "
          "reported; where the server cuts its log back (a member that rejoins its leader may), it is said "
          "which transactions are withdrawn.",
      .examples = {{"zkark log /var/lib/zookeeper", "everything that is there"},
                   {"zkark log log.30001a2f1 --zxid 0x30002b7b0..", "the end of one file"},
                   {"zkark log /var/lib/zookeeper --reverse --limit 20", "the last twenty"},
                   {"zkark log /var/lib/zookeeper --path /kafka/brokers --type delete",
                    "who deleted it, and when"},
                   {"zkark log /var/lib/zookeeper --session 0x100043f2000006 --error any",
                    "what one client failed at"},
                   {"zkark log /var/lib/zookeeper --path /kafka/config -p --since yesterday",
                    "how values changed, line by line"},
                   {"zkark log /var/lib/zookeeper -f --since latest --path /kafka -o ndjson",
                    "what comes from now on, for a program, as a stream"}},
      .exit_codes = {3, 5, 6, 7},
      .uses = kUsesRepository | kUsesCache | kUsesTime | kUsesProgress,
  });
  verb.argument("SRC", &Options::source, "what to read; the repository of -r if left out")
      .completes(Completes::kSource);
  verb.text("log-dir", "DIR", &Options::log_dir, "the dataLogDir, where it is apart from the dataDir")
      .completes(Completes::kDirectory);
  verb.text("timeline", "ID", &Options::timeline,
            "of this timeline of the repository, instead of the newest");
  add_span_options(verb);
  add_filter_options(verb);
  verb.number("limit", "COUNT", &Options::limit, 0, INT64_MAX, "stop after so many transactions");
  verb.flag("reverse", &Options::reverse, "newest first");
  verb.flag("stat", &Options::stat, "what each did to the nodes, and the sum of it");
  verb.flag("patch", 'p', &Options::patch, "the values that went and came, line by line");
  verb.flag("follow", 'f', &Options::follow, "go on with what the server logs, until Ctrl-C")
      .excludes({"reverse", "timeline"});
  return std::move(verb).build(run);
}

}  // namespace zkark::cli
