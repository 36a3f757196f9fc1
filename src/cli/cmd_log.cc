// `log`: every transaction of the logs, oldest first.
#include <fmt/format.h>

#include "restore/log_walk.h"
#include "src/cli/context.h"
#include "src/cli/point_in_time.h"
#include "src/cli/show_findings.h"
#include "src/cli/source_arg.h"
#include "src/cli/text.h"
#include "src/cli/txn_print.h"
#include "src/cli/verb.h"

namespace zkark::cli {
namespace {

/// Both ends included.
struct ZxidBounds {
  std::int64_t first = 0;
  std::int64_t last = INT64_MAX;
  bool first_given = false;
};

/// "0x5..0x10", "0x5..", "..0x10", or one zxid alone.
Result<ZxidBounds> parse_bounds(std::string_view text) {
  ZxidBounds bounds;
  const std::size_t dots = text.find("..");
  const std::string_view low = text.substr(0, dots);
  const std::string_view high = dots == std::string_view::npos ? low : text.substr(dots + 2);
  if (low.empty() && high.empty())
    return fail(Error(ErrorId::kUsage, "a range of zxids is FIRST..LAST, FIRST.. or ..LAST")
                    .with_hint("for example 0x100000001..0x1000000ff"));
  if (!low.empty()) {
    ZK_TRY(bounds.first, parse_zxid(low));
    bounds.first_given = true;
  }
  if (!high.empty()) {
    ZK_TRY(bounds.last, parse_zxid(high));
  }
  if (bounds.last < bounds.first)
    return fail(Error(ErrorId::kUsage, fmt::format("the range ends ({}) before it begins ({})",
                                                   zxid_text(bounds.last), zxid_text(bounds.first))));
  return bounds;
}

struct Options {
  std::string source;
  std::optional<std::string> log_dir;
  std::optional<ZxidBounds> zxids;
  std::optional<std::string> since, until;
  std::optional<std::int64_t> limit;
};

/// Which records are asked for.
struct Selection {
  ZxidBounds zxids;
  std::int64_t since_ms = INT64_MIN, until_ms = INT64_MAX;
  std::uint64_t limit = UINT64_MAX;

  bool takes(const TxnHeader& header) const {
    return header.zxid >= zxids.first && header.zxid <= zxids.last && header.time_ms >= since_ms &&
           header.time_ms <= until_ms;
  }
  /// Of a finding: whether it lies where the records asked for would be.
  bool concerns(const restore::Finding& finding) const {
    if (finding.first_zxid && *finding.first_zxid > zxids.last) return false;
    return !finding.last_zxid || *finding.last_zxid >= zxids.first;
  }
};

Status narrow(Context& context, const std::string& text, bool lower, Selection& selection) {
  ZK_TRY(const restore::PointSpec point, parse_point(text, context));
  using Kind = restore::PointSpec::Kind;
  switch (point.kind) {
    case Kind::kTime:
      (lower ? selection.since_ms : selection.until_ms) = point.time.ms;
      return {};
    case Kind::kZxid:
      if (lower) {
        selection.zxids.first = std::max(selection.zxids.first, point.zxid);
        selection.zxids.first_given = true;
      } else {
        selection.zxids.last = std::min(selection.zxids.last, point.zxid);
      }
      return {};
    case Kind::kLatest:
    case Kind::kBackup:
      break;
  }
  return fail(Error(ErrorId::kUsage, fmt::format("'{}' is no time and no zxid", text))
                  .with_hint("give a time such as '2 hours ago' or a zxid such as zxid:0x10000000b"));
}

/// What was printed, for the summary.
struct Printed {
  std::uint64_t txns = 0, failed = 0;
  std::int64_t first_zxid = 0, last_zxid = 0;
  std::int64_t first_time_ms = 0, last_time_ms = 0;

  void add(const Txn& txn) {
    if (txns++ == 0) first_zxid = txn.header.zxid, first_time_ms = txn.header.time_ms;
    last_zxid = txn.header.zxid, last_time_ms = txn.header.time_ms;
    if (!took_effect(txn)) ++failed;
  }
};

Report summary_of(const Printed& printed, bool complete) {
  Report report("log");
  report.field("txns", Cell::count(printed.txns)).field("failed", Cell::count(printed.failed));
  const bool any = printed.txns != 0;
  report.field("first_zxid", any ? Cell::zxid(printed.first_zxid) : Cell());
  report.field("last_zxid", any ? Cell::zxid(printed.last_zxid) : Cell());
  report.field("first_time", any ? Cell::time(WallTime{printed.first_time_ms}) : Cell());
  report.field("last_time", any ? Cell::time(WallTime{printed.last_time_ms}) : Cell());
  report.field("complete", Cell::boolean(complete));
  return report;
}

Status run(Context& context, const Options& options) {
  Output& output = context.output;
  Selection wanted;
  if (options.zxids) wanted.zxids = *options.zxids;
  if (options.since) ZK_TRY_STATUS(narrow(context, *options.since, true, wanted));
  if (options.until) ZK_TRY_STATUS(narrow(context, *options.until, false, wanted));
  if (options.limit) wanted.limit = static_cast<std::uint64_t>(*options.limit);

  ZK_TRY(const OpenedSource opened,
         open_source(context, {{options.source}, options.log_dir.value_or(""), ""}));
  restore::Source& source = *opened.source;
  ZK_TRY(const restore::SourceListing listing, source.list());
  if (listing.logs.empty())
    return fail(
        Error(ErrorId::kNoData, "there are snapshots here, but no transaction log").at(options.source));
  show_findings(output, listing.findings, Stance::kReading);

  restore::Findings findings;
  restore::LogWalkOptions walk_options;
  walk_options.after_zxid = wanted.zxids.first > 0 ? wanted.zxids.first - 1 : 0;
  restore::LogWalk walk(source, listing.logs, walk_options, findings);
  std::uint64_t total = 0;
  for (const restore::SourceFile& log : listing.logs) total += log.size_bytes;
  context.job.progress.phase = "reading";
  context.job.progress.total = total;

  TxnPrinter printer(output.data(), output.format(), false, "zkark.log/1");
  printer.begin();
  Printed printed;
  bool complete = true;
  const restore::SourceFile* file = nullptr;
  restore::WalkEntry walked;
  auto show = [&] {
    for (const restore::Finding& finding : findings) {
      if (finding.severity != restore::Severity::kNote && !wanted.concerns(finding)) continue;
      if (finding.severity != restore::Severity::kNote) complete = false;
      show_finding(output, finding, Stance::kReading);
    }
    findings.clear();
  };
  while (printed.txns < wanted.limit) {
    ZK_TRY(const bool more, walk.next_into(walked));
    if (!findings.empty()) show();
    if (!more || walked.entry.zxid() > wanted.zxids.last) break;
    if (!wanted.takes(walked.entry.txn.header)) continue;
    if (walked.file != file) {
      file = walked.file;
      printer.set_file(file->path);
    }
    if ((printed.txns & 1023) == 0) ZK_TRY_STATUS(context.job.check());
    printer.print(walked.entry);
    printed.add(walked.entry.txn);
  }
  printer.end(summary_of(printed, complete));
  return {};
}

}  // namespace

Verb log_verb() {
  VerbBuilder<Options> verb({
      .name = "log",
      .group = Group::kForensics,
      .summary = "show every transaction, oldest first",
      .description = "Prints the records of the transaction logs: who wrote what, when, and with which "
                     "result. A multi is one "
                     "transaction with its parts. Records that changed nothing (errors, and multis of which "
                     "a part failed) say "
                     "so. Damaged stretches are reported and skipped (exit 3); a torn last record is normal "
                     "after a crash.",
      .examples = {{"zkark log /var/lib/zookeeper", "everything that is there"},
                   {"zkark log log.30001a2f1 --zxid 0x30002b7b0..", "the end of one file"},
                   {"zkark log /var/lib/zookeeper --since '2 hours ago' -o ndjson",
                    "for a program, as a stream"}},
      .exit_codes = {3, 5},
      .uses = kUsesTime | kUsesProgress,
  });
  verb.argument("SRC", &Options::source, "what to read").required().completes(Completes::kSource);
  verb.text("log-dir", "DIR", &Options::log_dir, "the dataLogDir, where it is apart from the dataDir")
      .completes(Completes::kDirectory);
  verb.parsed("zxid", "FIRST..LAST", &Options::zxids, parse_bounds,
              "only these zxids; either end may be left out");
  verb.text("since", "POINT", &Options::since, "only from this time or zxid on").completes(Completes::kPoint);
  verb.text("until", "POINT", &Options::until, "only up to this time or zxid").completes(Completes::kPoint);
  verb.number("limit", "COUNT", &Options::limit, 0, INT64_MAX, "stop after so many transactions");
  return std::move(verb).build(run);
}

}  // namespace zkark::cli
