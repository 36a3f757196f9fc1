// `top`: where the load comes from, when it came, what is big and what grows.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "restore/log_walk.h"
#include "src/cli/context.h"
#include "src/cli/log_span.h"
#include "src/cli/point_in_time.h"
#include "src/cli/show_findings.h"
#include "src/cli/state_at.h"
#include "src/cli/text.h"
#include "src/cli/verb.h"
#include "src/forensics/load.h"

namespace zkark::cli {
namespace {

using forensics::Load;
using forensics::Share;
using forensics::TimeLine;

enum class By : std::uint8_t { kAll, kPath, kPrefix, kSession, kType, kTime };
enum class Metric : std::uint8_t { kWrites, kBytes, kSize, kGrowth };

struct Options {
  std::optional<std::string> source, log_dir, timeline, since, until;
  By by = By::kAll;
  Metric metric = Metric::kWrites;
  std::int64_t depth = 2, limit = 10;
  std::optional<std::int64_t> interval_ms;
};

bool is_utf8_terminal(const Context& context) {
  if (!context.output.console().out_is_terminal()) return false;
  for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
    const auto at = context.variables.find(name);
    if (at == context.variables.end() || at->second.empty()) continue;
    return at->second.find("UTF-8") != std::string::npos || at->second.find("utf8") != std::string::npos;
  }
  return false;
}

// ---- the drawing ----

constexpr std::size_t kRows = 6, kLabel = 11;

std::string rate_text(double per_second, bool bytes) {
  if (bytes) return human_size(static_cast<std::uint64_t>(per_second)) + "/s";
  return per_second < 10 ? fmt::format("{:.1f}/s", per_second)
                         : human_count(static_cast<std::uint64_t>(per_second)) + "/s";
}

/// Columns of blocks over a line of time; '#' and '.' (less than half a row) where there are no blocks.
void draw(const Context& context, const TimeLine& time, bool bytes, Report& report) {
  const unsigned wide = context.output.console().columns();
  const std::size_t columns = std::clamp(wide == 0 ? 80u : wide, 40u, 200u) - kLabel - 2;
  const TimeLine::Picture picture = time.picture(columns);
  if (picture.columns.empty()) return;
  const auto amount = [&](const TimeLine::Interval& one) { return bytes ? one.bytes : one.writes; };
  std::uint64_t highest = 1;
  for (const TimeLine::Interval& one : picture.columns) highest = std::max(highest, amount(one));
  static constexpr std::array<std::string_view, 9> kBlocks = {" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
  const bool blocks = is_utf8_terminal(context);
  const double seconds = static_cast<double>(picture.column_ms) / 1000;
  report.remark("");
  for (std::size_t row = kRows; row-- > 0;) {
    std::string label;
    if (row == kRows - 1) label = rate_text(static_cast<double>(highest) / seconds, bytes);
    std::string line = fmt::format("{:>{}} {}", label, kLabel, blocks ? "│" : "|");
    for (const TimeLine::Interval& one : picture.columns) {
      // Eighths of a row; whatever there was shows as one of them.
      const double share = static_cast<double>(amount(one)) / static_cast<double>(highest);
      auto eighths = static_cast<std::int64_t>(share * kRows * 8 + 0.5);
      if (amount(one) != 0) eighths = std::max<std::int64_t>(eighths, 1);
      const auto here = std::clamp<std::int64_t>(eighths - static_cast<std::int64_t>(row) * 8, 0, 8);
      line += blocks ? kBlocks[static_cast<std::size_t>(here)] : here >= 4 ? "#" : here > 0 ? "." : " ";
    }
    line.erase(line.find_last_not_of(' ') + 1);
    report.remark(std::move(line));
  }
  const std::int64_t last_ms =
      static_cast<std::int64_t>(static_cast<std::uint64_t>(picture.first_ms) +
                                static_cast<std::uint64_t>(picture.column_ms) * picture.columns.size());
  report.remark(fmt::format("{:>{}} {} to {}, {} a column", "", kLabel,
                            human_time(WallTime{picture.first_ms}), human_time(WallTime{last_ms}),
                            human_duration_ms(picture.column_ms)));
}

// ---- writes and bytes ----

struct Shown {
  const Context& context;
  const Options& options;
  bool people;

  Cell share(std::uint64_t part, std::uint64_t whole) const {
    const double value = whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole);
    return people ? Cell::string(fmt::format("{:.1f}%", value * 100)) : Cell::real_number(value);
  }
  std::vector<Cell> cells(Cell key, const Share& share_of, std::uint64_t weight, const Share& total) const {
    const bool bytes = options.metric == Metric::kBytes;
    return {Cell::count(bytes ? share_of.writes : weight),
            Cell::size(bytes ? weight : share_of.bytes),
            share(weight, bytes ? total.bytes : total.writes),
            Cell::count(share_of.errors),
            Cell::time(WallTime{share_of.last_ms}),
            std::move(key)};
  }
};

std::vector<Column> load_columns(std::string_view key, std::string_view title, bool errors) {
  return {{"writes", "WRITES"}, {"bytes", "BYTES"}, {"share", "SHARE"}, {"errors", errors ? "ERRORS" : ""},
          {"last", "LAST"},     {key, title}};
}

Cell session_cell(std::string_view key, bool people) {
  const std::int64_t session = forensics::session_of_key(key);
  return session == 0 && people ? Cell::string("the server") : Cell::session(session);
}

void add_keys(Report& report, const Shown& shown, std::string_view table_key, std::string_view key,
              std::string_view title, const Load::Keys& keys, const Share& total) {
  const bool sessions = key == "session";
  Table& table = report.table(table_key, load_columns(key, title, sessions));
  for (const auto& [name, counter] : keys.top(static_cast<std::size_t>(shown.options.limit)))
    table.row(shown.cells(sessions ? session_cell(name, shown.people) : Cell::string(name), counter->extra,
                          counter->weight, total));
  if (keys.error_bound() != 0)
    report.remark(fmt::format("{}: more than {} of them; each figure may be too small by up to {}", table_key,
                              human_count(Load::kCapacity), human_count(keys.error_bound())));
}

void add_types(Report& report, const Shown& shown, const Load& load) {
  Table& table = report.table("types", load_columns("type", "TYPE", true));
  std::vector<std::pair<TxnType, Share>> types(load.types().begin(), load.types().end());
  const bool bytes = shown.options.metric == Metric::kBytes;
  const auto weight = [&](const Share& share) { return bytes ? share.bytes : share.writes; };
  std::stable_sort(types.begin(), types.end(),
                   [&](const auto& a, const auto& b) { return weight(a.second) > weight(b.second); });
  for (const auto& [type, share] : types)
    table.row(shown.cells(Cell::string(txn_type_name(type)), share, weight(share), load.total()));
}

void add_time(Report& report, const TimeLine& time) {
  Table& table = report.table("timeline", {{"time", ""}, {"writes", ""}, {"errors", ""}, {"bytes", ""}});
  for (const auto& [number, interval] : time.intervals()) {
    const auto begin = static_cast<std::int64_t>(static_cast<std::uint64_t>(number) *
                                                 static_cast<std::uint64_t>(time.interval_ms()));
    table.row({Cell::time(WallTime{begin}), Cell::count(interval.writes), Cell::count(interval.errors),
               Cell::size(interval.bytes)});
  }
}

Report report_of(const Context& context, const Options& options, const Load& load) {
  const Shown shown{context, options, context.output.is_table()};
  const Share& total = load.total();
  Report report("top");
  report.list_of_rows();
  const auto time = [](const std::optional<std::int64_t>& ms) {
    return ms ? Cell::time(WallTime{*ms}) : Cell();
  };
  report.field("records", Cell::count(load.records()));
  report.field("writes", Cell::count(total.writes));
  report.field("errors", Cell::count(total.errors));
  report.field("bytes", Cell::size(total.bytes));
  report.field("first", time(load.first_ms()));
  report.field("last", time(load.last_ms()));
  report.field("interval_ms", "", Cell::integer(load.time().interval_ms()));
  report.field("paths_too_small_by", "", Cell::count(load.paths().error_bound()));
  report.field("prefixes_too_small_by", "", Cell::count(load.prefixes().error_bound()));
  report.field("sessions_too_small_by", "", Cell::count(load.sessions().error_bound()));
  const By by = options.by;
  if (by == By::kTime) add_time(report, load.time());
  if (by == By::kAll || by == By::kPath)
    add_keys(report, shown, "paths", "path", "PATH", load.paths(), total);
  if (by == By::kAll || by == By::kPrefix)
    add_keys(report, shown, "prefixes", "prefix", "PREFIX", load.prefixes(), total);
  if (by == By::kAll || by == By::kSession)
    add_keys(report, shown, "sessions", "session", "SESSION", load.sessions(), total);
  if (by == By::kAll || by == By::kType) add_types(report, shown, load);
  if (by == By::kAll) add_time(report, load.time());
  if (shown.people && (by == By::kAll || by == By::kTime))
    draw(context, load.time(), options.metric == Metric::kBytes, report);
  return report;
}

Status show_load(Context& context, const Options& options) {
  ZK_TRY(History history, open_history(context, {options.source, options.log_dir, options.timeline,
                                                 options.since, options.until}));
  if (history.listing.logs.empty())
    return fail(Error(ErrorId::kNoData, "there are snapshots here, but no transaction log")
                    .at(history.opened.source->description())
                    .with_hint("--metric size tells what is big in a snapshot"));
  restore::Findings findings;
  restore::LogWalkOptions walk_options;
  walk_options.after_zxid = std::max<std::int64_t>(history.span.first_zxid - 2, 0);
  walk_options.overlaps = history.listing.logs_overlap;
  restore::LogWalk walk(*history.opened.source, history.listing.logs, walk_options, findings);
  forensics::LoadOptions wanted;
  wanted.metric =
      options.metric == Metric::kBytes ? forensics::LoadMetric::kBytes : forensics::LoadMetric::kWrites;
  wanted.depth = static_cast<std::size_t>(options.depth);
  wanted.interval_ms = options.interval_ms.value_or(0);
  Load load(wanted);
  restore::WalkEntry walked;
  context.job.progress.phase = "reading";
  for (const restore::SourceFile& log : history.listing.logs) context.job.progress.total += log.size_bytes;
  const restore::SourceFile* file = nullptr;
  std::uint64_t before = 0;
  for (std::uint64_t n = 0;; ++n) {
    if ((n & 1023) == 0) {
      ZK_TRY_STATUS(context.job.check());
      if (file != nullptr) context.job.progress.done = before + walked.entry.end_offset();
    }
    ZK_TRY(const bool more, walk.next_into(walked));
    if (!more || walked.entry.zxid() > history.span.last_zxid) break;
    if (file != nullptr && file != walked.file) before += file->size_bytes;
    file = walked.file;
    const Txn& txn = walked.entry.txn;
    if (history.span.takes(txn.header.zxid, txn.header.time_ms))
      ZK_TRY_STATUS(load.see(txn, walked.entry.record.size()));
  }
  show_span_findings(context, history.span, findings);
  context.output.print(report_of(context, options, load));
  return {};
}

// ---- size and growth ----

using Weights = std::map<std::string, forensics::Weight>;

/// What the tree was at --since; at the beginning of what can be rebuilt if that was left out.
Result<Weights> weights_before(Context& context, const Options& options, const StateAt& at,
                               forensics::WeighBy by) {
  std::int64_t begin = 0;
  if (options.since) {
    restore::TargetOptions point;
    ZK_TRY(point.point, parse_point(*options.since, context));
    ZK_TRY(const restore::Target target,
           restore::resolve_target(*at.opened.source, at.listing, point, context.job));
    begin = target.zxid;
  } else {
    ZK_TRY(const auto windows, restore::restorable_windows(*at.opened.source, at.listing, context.job));
    if (windows.empty())
      return fail(Error(ErrorId::kPointNotFound, "there is no point from which growth could be counted"));
    begin = windows.front().first;
  }
  context.output.note("growth since " + zxid_text(begin));
  if (begin > at.target.zxid)
    return fail(Error(ErrorId::kUsage, fmt::format("the range ends ({}) before it begins ({})",
                                                   zxid_text(at.target.zxid), zxid_text(begin))));
  if (begin <= 0)
    return forensics::weigh(restore::initial_state().tree, by, static_cast<std::size_t>(options.depth));
  restore::Findings findings;
  ZK_TRY(const restore::Rebuilt rebuilt,
         restore::rebuild(*at.opened.source, at.listing, begin, findings, context.job));
  return forensics::weigh(rebuilt.replay.state.tree, by, static_cast<std::size_t>(options.depth));
}

Status show_weight(Context& context, const Options& options) {
  const bool growth = options.metric == Metric::kGrowth;
  if (options.by == By::kTime || options.interval_ms)
    return fail(Error(ErrorId::kUsage, "sizes are of one moment, and have no course over time")
                    .with_hint("ask for --metric bytes --by time"));
  if (options.since && !growth)
    return fail(Error(ErrorId::kUsage, "--since means nothing to a size")
                    .with_hint("--metric growth tells what came since"));
  StateOptions wanted;
  wanted.source = options.source;
  wanted.log_dir = options.log_dir;
  wanted.timeline = options.timeline;
  wanted.at = options.until;
  ZK_TRY(const StateAt at, load_state_at(context, wanted));
  using forensics::WeighBy;
  const By by = options.by == By::kAll ? By::kPrefix : options.by;
  const WeighBy weigh_by = by == By::kPath      ? WeighBy::kPath
                           : by == By::kPrefix  ? WeighBy::kPrefix
                           : by == By::kSession ? WeighBy::kSession
                                                : WeighBy::kType;
  Weights weights = forensics::weigh(at.state.tree, weigh_by, static_cast<std::size_t>(options.depth));
  if (growth) {
    ZK_TRY(const Weights before, weights_before(context, options, at, weigh_by));
    for (const auto& [key, weight] : before) {
      weights[key].nodes -= weight.nodes;
      weights[key].bytes -= weight.bytes;
    }
    std::erase_if(weights, [](const auto& entry) { return entry.second == forensics::Weight(); });
  }
  std::vector<std::pair<std::string_view, forensics::Weight>> rows(weights.begin(), weights.end());
  std::stable_sort(rows.begin(), rows.end(), [](const auto& a, const auto& b) {
    return a.second.bytes != b.second.bytes ? a.second.bytes > b.second.bytes
                                            : a.second.nodes > b.second.nodes;
  });
  std::int64_t nodes = 0, bytes = 0;
  for (const auto& [key, weight] : rows) nodes += weight.nodes, bytes += weight.bytes;
  if (rows.size() > static_cast<std::size_t>(options.limit))
    rows.resize(static_cast<std::size_t>(options.limit));

  Report report("top");
  report.list_of_rows();
  report.field("zxid", "", Cell::zxid(at.target.zxid));
  report.field("nodes", Cell::integer(nodes));
  report.field("bytes", Cell::integer(bytes));
  static constexpr std::array<std::array<std::string_view, 3>, 4> kNames = {
      {{"paths", "path", "PATH"},
       {"prefixes", "prefix", "PREFIX"},
       {"sessions", "session", "SESSION"},
       {"types", "type", "TYPE"}}};
  const auto& names = kNames[static_cast<std::size_t>(weigh_by)];
  Table& table = report.table(
      names[0], {{"bytes", growth ? "GROWN BY" : "BYTES"}, {"nodes", "NODES"}, {names[1], names[2]}});
  for (const auto& [key, weight] : rows)
    table.row(
        {growth ? Cell::integer(weight.bytes) : Cell::size(static_cast<std::uint64_t>(weight.bytes)),
         Cell::integer(weight.nodes),
         weigh_by == WeighBy::kSession ? session_cell(key, context.output.is_table()) : Cell::string(key)});
  context.output.print(report);
  return {};
}

Status run(Context& context, const Options& options) {
  if (options.interval_ms == 0) return fail(Error(ErrorId::kUsage, "an interval has a length"));
  const bool state = options.metric == Metric::kSize || options.metric == Metric::kGrowth;
  return state ? show_weight(context, options) : show_load(context, options);
}

}  // namespace

Verb top_verb() {
  VerbBuilder<Options> verb({
      .name = "top",
      .group = Group::kForensics,
      .summary = "show what writes most, when, and what is big or grows",
      .description =
          "Goes over the logs once and shows the busiest nodes, prefixes (subtrees of --depth names), "
          "sessions "
          "and types, and a drawing of the writes per second over time. Writes are operations that took "
          "effect, "
          "the parts of a multi one by one; errors are requests that were logged and changed nothing; bytes "
          "are "
          "those in the log. Up to 65,536 paths, prefixes and sessions figures are exact; with more of them, "
          "a "
          "figure may be too small by what is said, at most 1/32,768 of all.\n\n--metric size weighs the "
          "data in "
          "the tree at --until instead, --metric growth its change since --since; by prefix if --by is left "
          "out. JSON holds the time line as rows, of those intervals in which anything was written. CSV and "
          "plain output hold one table: of --by, of the paths if that was left out.",
      .examples = {{"zkark top /var/lib/zookeeper", "what is going on"},
                   {"zkark top /var/lib/zookeeper --by session -n 3 --since '1 hour ago'", "who floods us"},
                   {"zkark top /var/lib/zookeeper --by time --interval 1min -o csv", "writes per minute"},
                   {"zkark top /var/lib/zookeeper --metric size --depth 1", "which application holds most"},
                   {"zkark top /var/lib/zookeeper --metric growth --by path --since yesterday",
                    "which nodes grew most since"}},
      .exit_codes = {3, 5, 6, 7},
      .uses = kUsesRepository | kUsesCache | kUsesTime | kUsesProgress,
  });
  verb.argument("SRC", &Options::source, "what to read; the repository of -r if left out")
      .completes(Completes::kSource);
  verb.text("log-dir", "DIR", &Options::log_dir, "the dataLogDir, where it is apart from the dataDir")
      .completes(Completes::kDirectory);
  verb.text("timeline", "ID", &Options::timeline,
            "of this timeline of the repository, instead of the newest");
  verb.choice("by", "WHAT", &Options::by,
              {{"all", By::kAll, "a table of each"},
               {"path", By::kPath},
               {"prefix", By::kPrefix, "subtrees, by the first --depth names"},
               {"session", By::kSession},
               {"type", By::kType, "of transaction; with sizes the kind of node"},
               {"time", By::kTime, "the time line alone"}},
              "what is counted together");
  verb.choice("metric", "METRIC", &Options::metric,
              {{"writes", Metric::kWrites},
               {"bytes", Metric::kBytes, "written to the log"},
               {"size", Metric::kSize, "data in the tree"},
               {"growth", Metric::kGrowth, "what the data grew by"}},
              "what is counted");
  verb.number("depth", "NAMES", &Options::depth, 1, 1000, "names that make a prefix: /a/b with 2");
  verb.text("since", "POINT", &Options::since, "only from this time or zxid on").completes(Completes::kPoint);
  verb.text("until", "POINT", &Options::until, "only up to this time or zxid").completes(Completes::kPoint);
  verb.number("limit", "COUNT", &Options::limit, 0, INT32_MAX, "rows of each table").letter = 'n';
  verb.duration("interval", &Options::interval_ms, "of the time line; as fine as fits if left out");
  return std::move(verb).build(run);
}

}  // namespace zkark::cli
