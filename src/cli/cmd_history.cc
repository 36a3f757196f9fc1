// `history`: every version of one node.
#include <fmt/format.h>

#include <algorithm>
#include <deque>

#include "formats/base/fs.h"
#include "formats/base/utf8.h"
#include "src/cli/context.h"
#include "src/cli/show_findings.h"
#include "src/cli/state_at.h"
#include "src/cli/text.h"
#include "src/cli/txn_print.h"
#include "src/cli/verb.h"
#include "src/forensics/history.h"
#include "src/forensics/line_diff.h"

namespace zkark::cli {
namespace {

using forensics::NodeCopy;
using forensics::Version;

struct Options : StateOptions, SpanOptions {
  std::optional<std::int64_t> limit;
  bool reverse = false;
  bool values = false;
  bool patch = false;
  bool children = false;
};

constexpr std::size_t kShownValue = 60;   // characters
constexpr std::size_t kShownContext = 2;  // lines around a change
constexpr std::size_t kShownLine = 4096;  // characters of a line of a patch

std::string_view what_text(Version::What what) {
  switch (what) {
    case Version::What::kBefore:
      return "before";
    case Version::What::kMissing:
      return "missing";
    case Version::What::kCreated:
      return "created";
    case Version::What::kDataSet:
      return "set";
    case Version::What::kAclSet:
      return "acl";
    case Version::What::kDeleted:
      return "deleted";
  }
  return "";
}

/// The first characters; bytes that are no UTF-8 count as one each.
std::string cut_text(std::string_view text, std::size_t characters) {
  std::size_t end = 0;
  for (std::size_t n = 0; end < text.size(); ++n) {
    if (n == characters) return fmt::format("{}…", text.substr(0, end));
    end += decode_utf8(text.substr(end)).length;
  }
  return std::string(text);
}

/// Whether anything is known of it beyond that it was there.
bool is_known(const std::optional<NodeCopy>& node) {
  return node && (node->stat_known || node->acl_known || node->data.has_value() || node->stat.mzxid != 0);
}

std::optional<std::int64_t> size_of(const std::optional<NodeCopy>& node) {
  if (!node) return 0;
  if (!is_known(node)) return std::nullopt;
  return node->data ? static_cast<std::int64_t>(node->data->size()) : 0;
}

std::optional<Bytes> data_of(const std::optional<NodeCopy>& node) {
  if (!node || !node->data) return std::nullopt;
  return as_bytes(*node->data);
}

std::string acl_of(const NodeCopy& node) {
  if (!node.acl_known) return "?";
  return node.acl.empty() ? "world:anyone:cdrwa" : acl_list_text(node.acl_list());
}

/// Bytes more or fewer than before; nothing where either is unknown.
std::optional<std::int64_t> delta_of(const Version& version) {
  if (!version.told()) return std::nullopt;
  const bool created = version.what == Version::What::kCreated;
  if (!created && !version.before) return std::nullopt;
  const std::optional<std::int64_t> was = created ? 0 : size_of(version.before), is = size_of(version.after);
  if (!was || !is) return std::nullopt;
  return *is - *was;
}

class HistoryPrinting {
 public:
  HistoryPrinting(Context& context, const Options& options, const LogsOf& logs)
      : context_(context), options_(options), logs_(logs) {
    patch_for_people_ = options.patch && context.output.is_table();
  }

  Status run();

 private:
  std::vector<Column> columns() const;
  /// Begun late: where there is no such node, stdout stays empty.
  RowStream& rows() {
    if (!rows_) rows_.emplace(context_.output.stream("history", "versions", columns()));
    return *rows_;
  }
  std::vector<Cell> row_of(const Version& version) const;
  Cell value_cell(const std::optional<NodeCopy>& node) const;
  Status take(const Version& version);
  void print(const Version& version);
  void print_patch(const Version& version);
  void summarise();

  Context& context_;
  const Options& options_;
  const LogsOf& logs_;
  bool patch_for_people_ = false;
  std::optional<RowStream> rows_;
  // With --reverse: as rows, which hold values only where these are asked for.
  std::deque<std::vector<Cell>> held_rows_;
  std::deque<Version> held_;
  bool seen_ = false;  // the node is or was there
  bool complete_ = true;
  std::uint64_t count_ = 0;
  std::uint32_t lives_ = 0;
  std::optional<Version::What> last_;
  std::optional<std::string> before_;  // what is said of a node that was there before the logs begin
};

std::vector<Column> HistoryPrinting::columns() const {
  std::vector<Column> columns = {
      {"life", "LIFE"},       {"zxid", "ZXID"},     {"time", "TIME"},       {"session", "SESSION"},
      {"cxid", ""},           {"change", "CHANGE"}, {"type", "TYPE"},       {"part", "PART"},
      {"version", "VERSION"}, {"aversion", ""},     {"data_bytes", "SIZE"}, {"delta_bytes", "+/-"},
      {"kind", ""},           {"acl", ""}};
  if (options_.values || options_.patch) columns.push_back({"value", "VALUE"});
  if (options_.patch) columns.push_back({"previous", "PREVIOUS"});
  columns.push_back({"path", options_.children ? "PATH" : ""});
  return columns;
}

Cell HistoryPrinting::value_cell(const std::optional<NodeCopy>& node) const {
  const std::optional<Bytes> data = data_of(node);
  if (!context_.output.is_table() || !data) return Cell::data(data);
  return Cell::string(cut_text(as_text(*data), kShownValue));
}

std::vector<Cell> HistoryPrinting::row_of(const Version& version) const {
  const bool told = version.told();
  const bool shown = is_known(version.after);
  const std::optional<std::int64_t> delta = delta_of(version);
  std::vector<Cell> row = {
      version.life == 0 ? Cell() : Cell::integer(version.life),
      version.zxid == 0 ? Cell() : Cell::zxid(version.zxid),
      version.zxid == 0 ? Cell() : Cell::time(WallTime{version.time_ms}),
      told ? Cell::session(version.session) : Cell(),
      told ? Cell::integer(version.cxid) : Cell(),
      Cell::string(what_text(version.what)),
      told ? Cell::string(txn_type_name(version.type)) : Cell(),
      version.part == 0 ? Cell() : Cell::integer(version.part),
      shown ? Cell::integer(version.after->stat.version) : Cell(),
      shown ? Cell::integer(version.after->stat.aversion) : Cell(),
      shown ? Cell::size(static_cast<std::uint64_t>(size_of(version.after).value_or(0))) : Cell(),
      delta ? Cell::integer(*delta) : Cell(),
      shown ? Cell::string(node_kind_name(node_kind(version.after->stat.ephemeral_owner))) : Cell(),
      shown ? Cell::string(acl_of(*version.after)) : Cell()};
  if (options_.values || options_.patch) row.push_back(value_cell(version.after));
  if (options_.patch) row.push_back(value_cell(version.before));
  row.push_back(Cell::string(version.path));
  return row;
}

void HistoryPrinting::print_patch(const Version& version) {
  Output& output = context_.output;
  const bool data_changed = version.what != Version::What::kAclSet;
  if (version.what == Version::What::kAclSet && version.before && version.after) {
    output.line(output.red("- " + escape_terminal(acl_of(*version.before))));
    output.line(output.green("+ " + escape_terminal(acl_of(*version.after))));
  }
  if (!data_changed) return;
  const bool before_told =
      !version.told() || version.what == Version::What::kCreated || is_known(version.before);
  const std::optional<Bytes> was = version.told() ? data_of(version.before) : std::nullopt;
  const std::optional<Bytes> is = data_of(version.after);
  if (!before_told) output.line(output.dim("  what was there before is not known"));
  const auto is_text = [](const std::optional<Bytes>& data) {
    return !data || (is_utf8(as_text(*data)) && as_text(*data).find('\0') == std::string_view::npos);
  };
  if (!is_text(was) || !is_text(is)) {
    output.line(fmt::format("  no text: {} before, {} after", was ? human_size(was->size()) : "none",
                            is ? human_size(is->size()) : "none"));
    return;
  }
  for (const forensics::DiffLine& line :
       forensics::diff_lines(was ? as_text(*was) : "", is ? as_text(*is) : "", kShownContext)) {
    const std::string text = escape_terminal(cut_text(line.text, kShownLine));
    switch (line.sign) {
      case '-':
        output.line(output.red("- " + text));
        break;
      case '+':
        output.line(output.green("+ " + text));
        break;
      case '@':
        output.line(output.dim("  …"));
        break;
      default:
        output.line("  " + text);
    }
  }
}

void HistoryPrinting::print(const Version& version) {
  ++count_;
  if (!patch_for_people_) return rows().row(row_of(version));
  Output& output = context_.output;
  std::string line;
  if (version.life != 0) line = fmt::format("life {}  ", version.life);
  if (version.zxid != 0)
    line += fmt::format("{}  {}  ", zxid_text(version.zxid), human_time(WallTime{version.time_ms}));
  if (version.told())
    line += fmt::format("session {}  {}", hex_text(static_cast<std::uint64_t>(version.session)),
                        txn_type_name(version.type));
  else
    line += what_text(version.what);
  if (version.part != 0) line += fmt::format(" (part {} of a multi)", version.part);
  if (is_known(version.after))
    line += fmt::format("  v{}  {}", version.after->stat.version,
                        human_size(static_cast<std::uint64_t>(size_of(version.after).value_or(0))));
  if (const auto delta = delta_of(version); delta && *delta != 0) line += fmt::format("  ({:+} B)", *delta);
  if (options_.children) line += "  " + escape_terminal(version.path);
  output.line(output.bold(line));
  print_patch(version);
}

Status HistoryPrinting::take(const Version& version) {
  seen_ = true;
  if (version.life != 0) {
    lives_ = version.life;
    last_ =
        version.what == Version::What::kMissing && !version.after ? Version::What::kDeleted : version.what;
    if (version.what == Version::What::kMissing) complete_ = false;
    if (version.what == Version::What::kBefore)
      before_ = fmt::format(
          "{} was there before the logs begin with {}{}", version.path,
          base_name(logs_.listing.logs.front().path),
          version.zxid == 0 ? std::string()
                            : ": last written at " + zxid_text(version.zxid) + ", by whom no record tells");
  }
  // Nobody asks for a time and means what no record tells.
  if (version.zxid == 0 ? logs_.first_zxid > 0 || logs_.since_ms != INT64_MIN
                        : !logs_.takes(version.zxid, version.time_ms))
    return {};
  const std::uint64_t limit = options_.limit ? static_cast<std::uint64_t>(*options_.limit) : UINT64_MAX;
  if (options_.reverse) {
    if (patch_for_people_)
      held_.push_back(version);
    else
      held_rows_.push_back(row_of(version));
    if (held_rows_.size() > limit) held_rows_.pop_front();
    if (held_.size() > limit) held_.pop_front();
  } else if (count_ < limit) {
    print(version);
  }
  return {};
}

void HistoryPrinting::summarise() {
  Report summary("history");
  const bool there = seen_ && last_ != Version::What::kDeleted;
  if (context_.output.is_table()) {
    if (!patch_for_people_) rows().finish(nullptr);
    context_.output.line(fmt::format("{} {}, {} {}, {}", human_count(count_), count_ == 1 ? "row" : "rows",
                                     lives_, lives_ == 1 ? "life" : "lives",
                                     there ? "there at the end" : "not there at the end"));
    return;
  }
  summary.field("path", Cell::string(logs_.path))
      .field("count", Cell::count(count_))
      .field("lives", Cell::count(lives_))
      .field("exists", Cell::boolean(there))
      .field("complete", Cell::boolean(complete_));
  rows().finish(&summary);
}

Status HistoryPrinting::run() {
  forensics::HistoryOptions wanted;
  wanted.path = logs_.path;
  wanted.children = options_.children;
  wanted.last_zxid = logs_.last_zxid;
  restore::Findings findings;
  context_.job.progress.phase = "replaying";
  ZK_TRY_STATUS(forensics::walk_history(
      *logs_.opened.source, logs_.listing, wanted, [&](const Version& version) { return take(version); },
      findings, context_.job));
  for (; !held_.empty(); held_.pop_back()) print(held_.back());
  for (; !held_rows_.empty(); held_rows_.pop_back(), ++count_) rows().row(std::move(held_rows_.back()));
  for (const restore::Finding& finding : findings)
    if (finding.severity != restore::Severity::kNote) complete_ = false;
  if (seen_) summarise();
  if (before_) context_.output.note(*before_);
  show_findings(context_.output, findings, Stance::kReading);
  if (seen_) return {};
  if (!complete_) {
    // Not the same as never: the findings made the status 3.
    context_.output.warn(fmt::format("no record that can be read tells of a node {}", logs_.path));
    return {};
  }
  // The nearest name is that of a node which is there now.
  StateOptions options = options_;
  Result<StateAt> at = load_state_at(context_, options, NodeArgument::kRequired);
  if (at) {
    const Result<restore::NodeId> found = find_node(*at, logs_.path);
    if (!found) return fail(found.error().clone());
  }
  return fail(Error(ErrorId::kNotFound, fmt::format("no log here knows a node {}", logs_.path)));
}

Status run(Context& context, const Options& options) {
  ZK_TRY(const LogsOf logs, open_logs(context, options, options, NodeArgument::kRequired));
  if (logs.path != "/" && !restore::Tree::valid_path(logs.path))
    return fail(Error(ErrorId::kUsage, fmt::format("'{}' can be no path of a node", logs.path))
                    .with_hint("a path begins with / and does not end with one"));
  return HistoryPrinting(context, options, logs).run();
}

}  // namespace

Verb history_verb() {
  VerbBuilder<Options> verb({
      .name = "history",
      .group = Group::kForensics,
      .summary = "show every version of one node",
      .description =
          "Goes through the logs and prints each time the node was created, set, given another ACL or "
          "deleted: "
          "when, by which session, in which transaction. A node that was deleted and created again has "
          "several "
          "lives, which are numbered. What was there before the logs begin comes first, as 'before', with "
          "the "
          "zxid of its last write; what must have happened in records that are missing is shown as 'missing' "
          "(exit 3). Session 0x0 is the server itself.\n\n"
          "Children that come and go are no versions of their parent, although they change its pzxid and "
          "cversion; --children adds rows for them.",
      .examples = {{"zkark history /var/lib/zookeeper /kafka/config/x", "who changed it, and when"},
                   {"zkark history /var/lib/zookeeper /kafka/config/x -p --reverse --limit 3",
                    "its last three changes, as patches"},
                   {"zkark history -r /srv/zk-backup /app --since '2 hours ago' --json",
                    "from a repository, for a program"}},
      .exit_codes = {3, 5, 6, 7},
      .uses = kUsesRepository | kUsesCache | kUsesTime | kUsesProgress,
  });
  add_source_options(verb);
  add_span_options(verb);
  verb.number("limit", "COUNT", &Options::limit, 0, INT64_MAX, "show so many versions, no more");
  verb.flag("reverse", &Options::reverse, "newest first");
  verb.flag("values", &Options::values, "the value that each version had");
  verb.flag("patch", 'p', &Options::patch, "what changed in the value, line by line");
  verb.flag("children", &Options::children, "also when children of it came and went");
  return std::move(verb).build(run);
}

}  // namespace zkark::cli
