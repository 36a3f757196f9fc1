// `grep`: a regular expression in paths and values, at a point or through all history.
#include <fmt/format.h>

#include <algorithm>
#include <unordered_set>

#include "formats/base/fs.h"
#include "formats/base/utf8.h"
#include "restore/log_walk.h"
#include "src/cli/context.h"
#include "src/cli/filter_args.h"
#include "src/cli/show_findings.h"
#include "src/cli/state_at.h"
#include "src/cli/text.h"
#include "src/cli/txn_print.h"
#include "src/cli/verb.h"
#include "src/forensics/search.h"

namespace zkark::cli {
namespace {

using forensics::OperationHit;
using forensics::SearchHit;
using forensics::SearchText;
using restore::NodeId;

struct Options : StateOptions, FilterOptions, SpanOptions {
  std::string text;
  bool ignore_case = false, fixed = false;
  bool names = false, values = false;
  bool paths_only = false, count = false;
  bool history = false;
};

constexpr std::string_view kTransactions = "With --history, only transactions";
constexpr std::size_t kBytesBefore = 40, kBytesAfter = 60, kMatchBytes = 200;

/// The next place that is no middle of a character.
std::size_t whole_character(std::string_view text, std::size_t at) {
  for (int n = 0; n < 3 && at < text.size() && (static_cast<unsigned char>(text[at]) & 0xc0) == 0x80; ++n)
    ++at;
  return std::min(at, text.size());
}

/// The match with some of the line around it.
std::string excerpt(const SearchHit& hit) {
  const std::string_view line = hit.line;
  const auto at = std::min(static_cast<std::size_t>(hit.match.data() - line.data()), line.size());
  const std::size_t from = at > kBytesBefore ? whole_character(line, at - kBytesBefore) : 0;
  const std::size_t shown = std::min(hit.match.size(), kMatchBytes) + kBytesAfter;
  const std::size_t to = shown < line.size() - at ? whole_character(line, at + shown) : line.size();
  return fmt::format("{}{}{}", from == 0 ? "" : "…", line.substr(from, to - from),
                     to == line.size() ? "" : "…");
}

Cell match_cell(const SearchHit& hit) {
  return Cell::data(as_bytes(hit.match.substr(0, whole_character(hit.match, kMatchBytes))));
}
std::string_view place_text(const SearchHit& hit) {
  if (hit.in_path && hit.in_value) return "both";
  return hit.in_value ? "value" : "path";
}

Result<SearchText> text_of(const Options& options) {
  SearchText text;
  ZK_TRY(text.pattern, forensics::ValuePattern::parse(options.text, {options.ignore_case, options.fixed}));
  text.in_paths = options.names || !options.values;
  text.in_values = options.values || !options.names;
  return text;
}

Status nothing_matches(const Options& options) {
  return fail(Error(ErrorId::kNotFound, fmt::format("nothing matches '{}'", options.text)));
}

/// With -l: to people nothing but the paths.
bool lists_paths(const Context& context, const Options& options) {
  return options.paths_only && context.output.is_table() && !options.count;
}

// ---- at a point ----

const std::vector<Column>& node_columns() {
  static const std::vector<Column> kColumns = {{"mzxid", "MZXID"}, {"path", "PATH"}, {"in", "IN"},
                                               {"line", "LINE"},   {"text", "TEXT"}, {"match", ""},
                                               {"mtime", ""},      {"version", ""},  {"data_bytes", ""}};
  return kColumns;
}

std::vector<Cell> node_row(const restore::NodeView& node, std::string_view path, const SearchHit& hit,
                           bool people) {
  return {Cell::zxid(node.stat.mzxid),
          Cell::string(path),
          Cell::string(place_text(hit)),
          hit.line_number == 0 ? Cell() : Cell::count(hit.line_number),
          people && !hit.in_value ? Cell() : Cell::string(excerpt(hit)),
          match_cell(hit),
          Cell::time(WallTime{node.stat.mtime}),
          Cell::integer(node.stat.version),
          Cell::size(node.data ? node.data->size() : 0)};
}

Status search_point(Context& context, const Options& options, const SearchText& text) {
  ZK_TRY(const StateAt at, load_state_at(context, options));
  const restore::Tree& tree = at.state.tree;
  ZK_TRY(const NodeId from, find_node(at, at.path));
  Output& output = context.output;
  std::optional<RowStream> rows;
  const bool plain_list = lists_paths(context, options);
  if (!options.count && !plain_list)
    rows.emplace(output.stream("grep", "nodes",
                               options.paths_only ? std::vector<Column>{{"path", "PATH"}} : node_columns()));
  std::uint64_t seen = 0, found = 0;
  tree.walk(from, [&](NodeId id, std::string_view path) {
    const restore::NodeView node = tree.get(id);
    if (const std::optional<SearchHit> hit = forensics::search(text, path, node.data)) {
      ++found;
      if (plain_list)
        output.line(escape_terminal(path));
      else if (rows && options.paths_only)
        rows->row({Cell::string(path)});
      else if (rows)
        rows->row(node_row(node, path, *hit, output.is_table()));
    }
    return (++seen & 1023) != 0 || !context.job.stopped();
  });
  Report summary("grep");
  if (!output.is_table() || options.count)
    summary.field("count", "nodes", Cell::count(found))
        .field("zxid", output.is_table() ? "" : "zxid", Cell::zxid(at.target.zxid));
  if (rows)
    rows->finish(&summary);
  else if (!plain_list)
    output.print(summary);
  ZK_TRY_STATUS(context.job.check());
  return found == 0 ? nothing_matches(options) : Status();
}

// ---- through history ----

const std::vector<Column>& txn_columns() {
  static const std::vector<Column> kColumns = {
      {"zxid", "ZXID"}, {"time", "TIME"}, {"session", "SESSION"}, {"cxid", ""}, {"type", "TYPE"},
      {"part", "PART"}, {"applied", ""},  {"path", "PATH"},       {"in", "IN"}, {"line", "LINE"},
      {"text", "TEXT"}, {"match", ""},    {"data_bytes", ""},     {"file", ""}, {"offset", ""}};
  return kColumns;
}

class HistorySearch {
 public:
  HistorySearch(Context& context, const Options& options, const SearchText& text, const LogsOf& logs)
      : context_(context), options_(options), text_(text), logs_(logs) {}

  Status run();

 private:
  Status walk(restore::Findings& findings);
  void take(const restore::WalkEntry& walk, const OperationHit& hit);

  Context& context_;
  const Options& options_;
  const SearchText& text_;
  const LogsOf& logs_;
  forensics::TxnFilter filter_;
  std::optional<RowStream> rows_;
  std::unordered_set<std::string> paths_seen_;  // with -l
  std::uint64_t found_ = 0, txns_ = 0;
};

void HistorySearch::take(const restore::WalkEntry& walk, const OperationHit& hit) {
  ++found_;
  if (options_.paths_only) {
    if (!paths_seen_.emplace(hit.path).second) return;
    if (rows_)
      rows_->row({Cell::string(hit.path)});
    else if (!options_.count)
      context_.output.line(escape_terminal(hit.path));
    return;
  }
  if (!rows_) return;
  const TxnHeader& header = walk.entry.txn.header;
  const bool applied = took_effect(walk.entry.txn), people = context_.output.is_table();
  std::string type(txn_type_name(hit.type));
  if (people && !applied) type += " (failed)";
  rows_->row({Cell::zxid(header.zxid), Cell::time(WallTime{header.time_ms}), Cell::session(header.client_id),
              Cell::integer(header.cxid), Cell::string(type),
              hit.part == 0 ? Cell() : Cell::integer(hit.part), Cell::boolean(applied),
              Cell::string(hit.path), Cell::string(place_text(hit.hit)),
              hit.hit.line_number == 0 ? Cell() : Cell::count(hit.hit.line_number),
              people && !hit.hit.in_value ? Cell() : Cell::string(excerpt(hit.hit)), match_cell(hit.hit),
              hit.value ? Cell::size(hit.value->size()) : Cell(), Cell::string(base_name(walk.file->path)),
              Cell::count(walk.entry.offset)});
}

Status HistorySearch::walk(restore::Findings& findings) {
  restore::LogWalkOptions how;
  how.after_zxid = std::max<std::int64_t>(logs_.first_zxid, 1) - 1;
  how.overlaps = logs_.listing.logs_overlap;
  restore::LogWalk walk(*logs_.opened.source, logs_.listing.logs, how, findings);
  restore::WalkEntry walked;
  for (std::uint64_t n = 0;; ++n) {
    if ((n & 1023) == 0) ZK_TRY_STATUS(context_.job.check());
    ZK_TRY(const bool more, walk.next_into(walked));
    if (!more || walked.entry.zxid() > logs_.last_zxid) return {};
    const std::uint64_t before = found_;
    forensics::search_txn(text_, filter_, walked.entry.txn,
                          [&](const OperationHit& hit) { take(walked, hit); });
    if (found_ != before) ++txns_;
  }
}

Status HistorySearch::run() {
  ZK_TRY(filter_, filter_of(options_));
  filter_.first_zxid = logs_.first_zxid;
  filter_.last_zxid = logs_.last_zxid;
  filter_.since_ms = logs_.since_ms;
  filter_.until_ms = logs_.until_ms;
  if (logs_.path != "/") {
    if (!options_.paths.empty())
      return fail(Error(ErrorId::kUsage, "PATH and --path both say which paths")
                      .with_hint("give one of them; --path may be given several times"));
    filter_.paths.push_back(forensics::PathPattern::subtree(logs_.path));
  }
  Output& output = context_.output;
  if (!options_.count && !lists_paths(context_, options_))
    rows_.emplace(output.stream("grep", "txns",
                                options_.paths_only ? std::vector<Column>{{"path", "PATH"}} : txn_columns()));
  context_.job.progress.phase = "reading";
  restore::Findings findings;
  ZK_TRY_STATUS(walk(findings));
  bool complete = true;
  for (const restore::Finding& finding : findings)
    if (finding.severity != restore::Severity::kNote) complete = false;
  Report summary("grep");
  if (!output.is_table() || options_.count) {
    summary.field("count", "operations", Cell::count(found_))
        .field("txns", "transactions", Cell::count(txns_));
    if (options_.paths_only) summary.field("paths", Cell::count(paths_seen_.size()));
    if (!output.is_table()) summary.field("complete", Cell::boolean(complete));
  }
  if (rows_)
    rows_->finish(&summary);
  else if (options_.count)
    output.print(summary);
  show_findings(output, findings, Stance::kReading);
  if (found_ != 0) return {};
  if (complete) return nothing_matches(options_);
  // Not the same as nothing: what cannot be read may have it. The findings made the status 3.
  output.warn(fmt::format("nothing that can be read matches '{}'", options_.text));
  return {};
}

Status run(Context& context, const Options& options) {
  ZK_TRY(const SearchText text, text_of(options));
  if (!options.history) {
    if (options.any_condition() || options.any())
      return fail(Error(ErrorId::kUsage, "conditions on transactions need --history")
                      .with_hint("add --history, or give PATH and --at"));
    return search_point(context, options, text);
  }
  ZK_TRY(const LogsOf logs, open_logs(context, options, options));
  return HistorySearch(context, options, text, logs).run();
}

}  // namespace

Verb grep_verb() {
  VerbBuilder<Options> verb({
      .name = "grep",
      .group = Group::kForensics,
      .summary = "search paths and values, at a point or through all history",
      .description =
          "Looks for a regular expression (RE2 syntax) in the full paths and in the values of all nodes as "
          "they "
          "were at a point, or of PATH and what is below it. With --history it looks through every "
          "transaction "
          "of the logs instead: creates, sets and deletes, those of failed multis included, each with its "
          "zxid, "
          "session and the record it stands in. That needs no snapshot and little memory, except that -l "
          "keeps "
          "the paths it has printed.\n\n"
          "Nothing found is exit 5. In a value that is no UTF-8 each byte counts as a character: \\xff.",
      .examples = {{"zkark grep 'broker-[0-9]+' /var/lib/zookeeper /kafka", "nodes that name a broker now"},
                   {"zkark grep -F 10.0.0.7 /var/lib/zookeeper --values -l --at 'yesterday 14:00'",
                    "paths of the values with that address, as of then"},
                   {"zkark grep retention /var/lib/zookeeper --history --path '/config/**' --type set",
                    "every set of a configuration with that word"}},
      .exit_codes = {3, 5, 6, 7},
      .uses = kUsesRepository | kUsesCache | kUsesTime | kUsesProgress,
  });
  verb.argument("REGEX", &Options::text, "what to look for").required();
  add_state_options(verb);
  verb.flag("ignore-case", 'i', &Options::ignore_case, "upper and lower case are the same");
  verb.flag("fixed", 'F', &Options::fixed, "REGEX is the text itself, no expression");
  verb.flag("names", &Options::names, "in paths only");
  verb.flag("values", &Options::values, "in values only");
  verb.flag("paths-only", 'l', &Options::paths_only, "print each path once and nothing else");
  verb.flag("count", &Options::count, "print how many there are and nothing else");
  verb.flag("history", &Options::history, "through every transaction, not at a point")
      .excludes({"at", "exclusive", "time-rule"});
  add_filter_options(verb, kTransactions);
  add_span_options(verb, kTransactions);
  return std::move(verb).build(run);
}

}  // namespace zkark::cli
