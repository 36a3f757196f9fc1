// `log`: every transaction of the logs, oldest first.
#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <memory>

#include "restore/log_walk.h"
#include "src/cli/context.h"
#include "src/cli/filter_args.h"
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

struct Options : FilterOptions {
  std::optional<std::string> source;
  std::optional<std::string> log_dir, timeline;
  std::optional<ZxidBounds> zxids;
  std::optional<std::string> since, until;
  std::optional<std::int64_t> limit;
  bool reverse = false;
};

/// Which records are asked for.
struct Selection {
  ZxidBounds zxids;
  std::int64_t since_ms = INT64_MIN, until_ms = INT64_MAX;
  std::uint64_t limit = UINT64_MAX;
  forensics::TxnFilter filter;

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

Status narrow(const restore::PointSpec& point, bool lower, Selection& selection) {
  using Kind = restore::PointSpec::Kind;
  switch (point.kind) {
    case Kind::kTime:
      if (lower)
        selection.since_ms = std::max(selection.since_ms, point.time.ms);
      else
        selection.until_ms = std::min(selection.until_ms, point.time.ms);
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
  return fail(Error(ErrorId::kUsage, fmt::format("'{}' is no time and no zxid", point.text))
                  .with_hint("give a time such as '2 hours ago' or a zxid such as zxid:0x10000000b"));
}

/// What was printed, for the summary.
struct Printed {
  std::uint64_t txns = 0, failed = 0;
  std::int64_t first_zxid = INT64_MAX, last_zxid = INT64_MIN;
  std::int64_t first_time_ms = INT64_MAX, last_time_ms = INT64_MIN;

  void add(const Txn& txn) {
    ++txns;
    first_zxid = std::min(first_zxid, txn.header.zxid);
    last_zxid = std::max(last_zxid, txn.header.zxid);
    first_time_ms = std::min(first_time_ms, txn.header.time_ms);
    last_time_ms = std::max(last_time_ms, txn.header.time_ms);
    if (!took_effect(txn)) ++failed;
  }
};

Report summary_of(const Printed& printed, bool complete) {
  Report report("log");
  report.field("count", Cell::count(printed.txns)).field("failed", Cell::count(printed.failed));
  const bool any = printed.txns != 0;
  report.field("first_zxid", any ? Cell::zxid(printed.first_zxid) : Cell());
  report.field("last_zxid", any ? Cell::zxid(printed.last_zxid) : Cell());
  report.field("first_time", any ? Cell::time(WallTime{printed.first_time_ms}) : Cell());
  report.field("last_time", any ? Cell::time(WallTime{printed.last_time_ms}) : Cell());
  report.field("complete", Cell::boolean(complete));
  return report;
}

/// Records one behind the other in one file, of which some are asked for: the unit of going backwards.
struct Run {
  const restore::SourceFile* file = nullptr;
  std::uint64_t offset = 0, end_offset = 0;
  std::uint32_t records = 0;
};
constexpr std::uint32_t kMaxRunRecords = 512;
constexpr std::uint64_t kMaxRunBytes = 1 << 20;
constexpr std::size_t kBlockBytes = 2 << 20;

class LogPrinting {
 public:
  LogPrinting(Context& context, const Selection& wanted, restore::Source& source,
              const restore::SourceListing& listing)
      : context_(context),
        wanted_(wanted),
        source_(source),
        listing_(listing),
        walk_(source, listing.logs, walk_options(wanted, listing), findings_),
        printer_(context.output.format(), context.output.color(), "zkark.log/1") {}

  Status run(bool newest_first);

 private:
  using Fill = Status (LogPrinting::*)(TextBuffer&);
  static restore::LogWalkOptions walk_options(const Selection& wanted,
                                              const restore::SourceListing& listing) {
    // One record before the first is looked at, to see that nothing is missing between the two.
    restore::LogWalkOptions options;
    options.after_zxid = std::max<std::int64_t>(wanted.zxids.first - 2, 0);
    options.overlaps = listing.logs_overlap;
    return options;
  }
  Status print_blocks(Fill fill);
  Status fill_forwards(TextBuffer& out);
  Status fill_backwards(TextBuffer& out);
  Status find_runs();
  Status print_run(const Run& run, TextBuffer& out);
  Result<bool> next();
  Result<bool> passes_filter();
  void check_beginning();
  void show_findings();
  void print(const TxnEntry& entry, const restore::SourceFile& file, TextBuffer& out);

  Context& context_;
  const Selection& wanted_;
  restore::Source& source_;
  const restore::SourceListing& listing_;
  restore::Findings findings_;
  restore::LogWalk walk_;
  restore::WalkEntry walked_;
  TxnPrinter printer_;
  Printed printed_;
  std::optional<forensics::EphemeralOwners> owners_;  // once a session's end does not say what went with it
  bool first_seen_ = false;
  bool done_ = false;
  bool complete_ = true;
  const restore::SourceFile* file_ = nullptr;  // that the printer shows
  std::uint64_t file_bytes_before_ = 0;
  // Going backwards:
  std::vector<Run> runs_;
  const restore::SourceFile* open_file_ = nullptr;
  std::unique_ptr<File> file_handle_;
  std::unique_ptr<TxnLogReader> reader_;
};

/// Findings that lie where the records asked for would be. Called between blocks: messages are for one
/// thread.
void LogPrinting::show_findings() {
  for (const restore::Finding& finding : findings_) {
    const bool note = finding.severity == restore::Severity::kNote;
    if (!wanted_.concerns(finding)) continue;
    if (!note) complete_ = false;
    show_finding(context_.output, finding, Stance::kReading);
  }
  findings_.clear();
}

/// Where zxids are asked for that older, purged logs must have held.
void LogPrinting::check_beginning() {
  if (first_seen_) return;
  first_seen_ = true;
  const std::int64_t oldest = walked_.entry.zxid();
  if (!wanted_.zxids.first_given || walked_.step != restore::Step::kFirst || oldest <= wanted_.zxids.first)
    return;
  const std::int64_t first = std::max<std::int64_t>(wanted_.zxids.first, 1);
  if (oldest == first || (zxid_counter(oldest) <= 1 && first >= make_zxid(zxid_epoch(oldest), 0))) return;
  restore::Finding gap;
  gap.severity = restore::Severity::kGap;
  gap.id = ErrorId::kGap;
  gap.first_zxid = first;
  gap.last_zxid = std::min(oldest - 1, wanted_.zxids.last);
  gap.message = fmt::format("transactions {} to {} are in no file: the oldest one here is {}",
                            zxid_text(*gap.first_zxid), zxid_text(*gap.last_zxid), zxid_text(oldest));
  findings_.push_back(std::move(gap));
}

/// The next record asked for; false at the end of what is asked for.
Result<bool> LogPrinting::next() {
  for (std::uint64_t seen = 0;; ++seen) {
    if ((seen & 1023) == 0) ZK_TRY_STATUS(context_.job.check());
    ZK_TRY(const bool more, walk_.next_into(walked_));
    if (!more) return false;
    check_beginning();
    if (walked_.entry.zxid() > wanted_.zxids.last) return false;
    ZK_TRY(const bool passes, passes_filter());
    if (passes) return true;
  }
}

Result<bool> LogPrinting::passes_filter() {
  const Txn& txn = walked_.entry.txn;
  const auto* close = std::get_if<CloseSessionTxn>(&txn.body);
  if (close != nullptr && !close->has_body && !wanted_.filter.paths.empty() && !owners_) {
    ZK_TRY(owners_,
           forensics::owners_before(source_, listing_, wanted_.filter.paths, txn.header.zxid, context_.job));
  }
  const bool passes =
      wanted_.takes(txn.header) && forensics::matches(wanted_.filter, txn, owners_ ? &*owners_ : nullptr);
  if (owners_) owners_->see(txn);
  return passes;
}

void LogPrinting::print(const TxnEntry& entry, const restore::SourceFile& file, TextBuffer& out) {
  if (&file != file_) {
    if (file_ != nullptr) file_bytes_before_ += file_->size_bytes;
    file_ = &file;
    printer_.set_file(base_name(file.path));
  }
  printer_.print(entry, out);
  printed_.add(entry.txn);
}

Status LogPrinting::fill_forwards(TextBuffer& out) {
  while (out.size() < kBlockBytes) {
    if (printed_.txns >= wanted_.limit) {
      done_ = true;
      return {};
    }
    ZK_TRY(const bool more, next());
    if (!more) {
      done_ = true;
      return {};
    }
    print(walked_.entry, *walked_.file, out);
  }
  context_.job.progress.done = file_bytes_before_ + walked_.entry.end_offset();
  return {};
}

/// Goes over all records once and notes where they are, with what is wrong with them.
Status LogPrinting::find_runs() {
  for (;;) {
    ZK_TRY(const bool more, next());
    if (!findings_.empty()) show_findings();
    if (!more) return {};
    const TxnEntry& entry = walked_.entry;
    const bool joins = !runs_.empty() && runs_.back().file == walked_.file &&
                       runs_.back().end_offset == entry.offset && runs_.back().records < kMaxRunRecords &&
                       entry.end_offset() - runs_.back().offset <= kMaxRunBytes;
    if (!joins) runs_.push_back({walked_.file, entry.offset, entry.offset, 0});
    runs_.back().end_offset = entry.end_offset();
    ++runs_.back().records;
  }
}

Status LogPrinting::print_run(const Run& run, TextBuffer& out) {
  if (run.file != open_file_) {
    ZK_TRY(file_handle_, source_.open(*run.file));
    reader_ = std::make_unique<TxnLogReader>(*file_handle_);
    open_file_ = run.file;
  }
  reader_->seek(run.offset);
  std::string bytes;
  std::vector<std::size_t> ends = {0};
  TxnEntry entry;
  for (std::uint32_t i = 0; i < run.records; ++i) {
    ZK_TRY(const bool more, reader_->next_into(entry));
    if (!more)
      return fail(Error(ErrorId::kTruncated, "the log became shorter while it was read")
                      .at(run.file->path, reader_->offset()));
    bytes += as_text(entry.record);
    ends.push_back(bytes.size());
  }
  for (std::size_t i = ends.size() - 1; i-- > 0 && printed_.txns < wanted_.limit;) {
    entry.record = as_bytes(bytes).subspan(ends[i], ends[i + 1] - ends[i]);
    entry.offset = run.offset + ends[i];
    ZK_TRY_STATUS(decode_txn_into(
        entry.txn, entry.record.subspan(kRecordPrefixBytes, entry.record.size() - kRecordPrefixBytes - 1)));
    print(entry, *run.file, out);
  }
  return {};
}

Status LogPrinting::fill_backwards(TextBuffer& out) {
  while (out.size() < kBlockBytes) {
    ZK_TRY_STATUS(context_.job.check());
    if (runs_.empty() || printed_.txns >= wanted_.limit) {
      done_ = true;
      return {};
    }
    ZK_TRY_STATUS(print_run(runs_.back(), out));
    runs_.pop_back();
  }
  return {};
}

/// While one block of text is written, the next one is made: into a file or pipe, writing takes as long as
/// the rest.
Status LogPrinting::print_blocks(Fill fill) {
  TextBuffer blocks[2];
  std::size_t filling = 0;
  Status outcome;
  printer_.begin(blocks[0]);
  while (!done_ && outcome) {
    TextBuffer& full = blocks[1 - filling];
    const std::function<Status()> tasks[] = {[&] { return (this->*fill)(blocks[filling]); },
                                             [&]() -> Status {
                                               context_.output.write_block(full.view());
                                               full.clear();
                                               return {};
                                             }};
    outcome = full.size() == 0 ? tasks[0]() : context_.executor.run_all(tasks);
    show_findings();
    filling = 1 - filling;
  }
  TextBuffer& last = blocks[1 - filling];
  if (outcome) printer_.end(summary_of(printed_, complete_), last);
  context_.output.write_block(last.view());
  return outcome;
}

Status LogPrinting::run(bool newest_first) {
  for (const restore::SourceFile& log : listing_.logs) context_.job.progress.total += log.size_bytes;
  context_.job.progress.phase = "reading";
  if (!newest_first) return print_blocks(&LogPrinting::fill_forwards);
  ZK_TRY_STATUS(find_runs());
  return print_blocks(&LogPrinting::fill_backwards);
}

Status run(Context& context, const Options& options) {
  Selection wanted;
  ZK_TRY(wanted.filter, filter_of(options));
  if (options.zxids) wanted.zxids = *options.zxids;
  if (options.since) {
    ZK_TRY(const restore::PointSpec point, parse_point(*options.since, context));
    ZK_TRY_STATUS(narrow(point, true, wanted));
  }
  if (options.until) {
    ZK_TRY(const restore::PointSpec point, parse_point(*options.until, context));
    ZK_TRY_STATUS(narrow(point, false, wanted));
  }
  if (options.limit) wanted.limit = static_cast<std::uint64_t>(*options.limit);
  SourceRequest request{{}, options.log_dir.value_or(""), ""};
  if (options.source) request.sources = {*options.source};
  request.timeline = options.timeline;
  ZK_TRY(const OpenedSource opened, open_source(context, request));
  if (!options.source) context.output.note("the log of " + opened.source->description());
  if (opened.stored && !opened.stored->timeline_text.empty())
    context.output.note("timeline " + opened.stored->timeline_text);
  // SRC@POINT: the history up to there.
  if (opened.point.kind != restore::PointSpec::Kind::kLatest)
    ZK_TRY_STATUS(narrow(opened.point, false, wanted));
  show_findings(context.output, opened.findings, Stance::kReading);
  ZK_TRY(const restore::SourceListing listing, opened.source->list());
  if (listing.logs.empty())
    return fail(Error(ErrorId::kNoData, "there are snapshots here, but no transaction log")
                    .at(opened.source->description()));
  show_findings(context.output, listing.findings, Stance::kReading);
  return LogPrinting(context, wanted, *opened.source, listing).run(options.reverse);
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
          "them.",
      .examples = {{"zkark log /var/lib/zookeeper", "everything that is there"},
                   {"zkark log log.30001a2f1 --zxid 0x30002b7b0..", "the end of one file"},
                   {"zkark log /var/lib/zookeeper --reverse --limit 20", "the last twenty"},
                   {"zkark log /var/lib/zookeeper --path /kafka/brokers --type delete",
                    "who deleted it, and when"},
                   {"zkark log /var/lib/zookeeper --session 0x100043f2000006 --error any",
                    "what one client failed at"},
                   {"zkark log /var/lib/zookeeper --since '2 hours ago' -o ndjson",
                    "for a program, as a stream"}},
      .exit_codes = {3, 5},
      .uses = kUsesRepository | kUsesCache | kUsesTime | kUsesProgress,
  });
  verb.argument("SRC", &Options::source, "what to read; the repository of -r if left out")
      .completes(Completes::kSource);
  verb.text("log-dir", "DIR", &Options::log_dir, "the dataLogDir, where it is apart from the dataDir")
      .completes(Completes::kDirectory);
  verb.text("timeline", "ID", &Options::timeline,
            "of this timeline of the repository, instead of the newest");
  verb.parsed("zxid", "FIRST..LAST", &Options::zxids, parse_bounds,
              "only these zxids; either end may be left out");
  verb.text("since", "POINT", &Options::since, "only from this time or zxid on").completes(Completes::kPoint);
  verb.text("until", "POINT", &Options::until, "only up to this time or zxid").completes(Completes::kPoint);
  add_filter_options(verb);
  verb.number("limit", "COUNT", &Options::limit, 0, INT64_MAX, "stop after so many transactions");
  verb.flag("reverse", &Options::reverse, "newest first");
  return std::move(verb).build(run);
}

}  // namespace zkark::cli
