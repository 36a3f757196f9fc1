// `diff`: what differs between two points, two members, a directory and a repository.
#include <fmt/format.h>

#include <algorithm>

#include "src/cli/context.h"
#include "src/cli/node_cells.h"
#include "src/cli/show_findings.h"
#include "src/cli/state_at.h"
#include "src/cli/text.h"
#include "src/cli/verb.h"
#include "src/forensics/diff.h"
#include "src/forensics/line_diff.h"

namespace zkark::cli {
namespace {

using forensics::NodeChange;
using forensics::NodeDifference;
using restore::NodeView;

constexpr unsigned kWidestPath = 48;        // beyond, details are not lined up
constexpr std::size_t kShortValue = 40;     // bytes of a value that stands in the line itself
constexpr std::size_t kPatchContext = 3;    // equal lines around what differs
constexpr std::size_t kLongestLine = 4096;  // bytes of a line of a patch

struct Options {
  std::string a;
  std::optional<std::string> b, from, to, log_dir;
  std::vector<forensics::PathPattern> paths;
  bool patch = false, stat = false, bookkeeping = false;
  restore::TimeRule time_rule = restore::TimeRule::kRefuse;
};

struct Side {
  StateAt at;
  const restore::Tree& tree() const { return at.state.tree; }
};

StateOptions side_options(const Options& options, const std::string& source,
                          const std::optional<std::string>& point) {
  StateOptions wanted;
  wanted.source = source;
  wanted.path = "/";
  wanted.at = point;
  wanted.log_dir = options.log_dir;
  wanted.time_rule = options.time_rule;
  return wanted;
}

bool looks_like_text(Bytes bytes) {
  return is_utf8(as_text(bytes)) && as_text(bytes).find('\0') == std::string_view::npos;
}
std::string size_text(const std::optional<Bytes>& data) { return data ? human_size(data->size()) : "null"; }

std::string kind_text(const NodeView& node) {
  std::string text(kind_of(node));
  if (node_kind(node.stat.ephemeral_owner) == NodeKind::kEphemeral)
    text += fmt::format(" of {}", hex_text(static_cast<std::uint64_t>(node.stat.ephemeral_owner)));
  return text;
}

/// Every field of the stat that is not the same: name, before, after.
struct StatField {
  std::string_view name;
  std::string before, after;
};
std::vector<StatField> stat_fields(const NodeView& a, const NodeView& b) {
  std::vector<StatField> fields;
  const auto compare = [&](std::string_view name, auto before, auto after, auto text) {
    if (before != after) fields.push_back({name, text(before), text(after)});
  };
  const auto hex = [](std::int64_t value) { return zxid_text(value); };
  const auto number = [](std::int32_t value) { return fmt::format("{}", value); };
  const auto time = [](std::int64_t ms) { return rfc3339(WallTime{ms}); };
  const StatPersisted &x = a.stat, &y = b.stat;
  compare("czxid", x.czxid, y.czxid, hex);
  compare("ctime", x.ctime, y.ctime, time);
  compare("mzxid", x.mzxid, y.mzxid, hex);
  compare("mtime", x.mtime, y.mtime, time);
  compare("pzxid", x.pzxid, y.pzxid, hex);
  compare("version", x.version, y.version, number);
  compare("cversion", client_stat(a).cversion, client_stat(b).cversion, number);
  compare("aversion", x.aversion, y.aversion, number);
  compare("ephemeralOwner", x.ephemeral_owner, y.ephemeral_owner, hex);
  return fields;
}

/// Prints one diff in whatever form was asked for.
class DiffPrinter {
 public:
  DiffPrinter(Context& context, const Options& options, const Side& a, const Side& b,
              const forensics::TreeDiff& diff)
      : output_(context.output), job_(context.job), options_(options), a_(a), b_(b), diff_(diff) {
    for (const NodeDifference& one : diff.differences)
      width_ = std::max(width_, std::min(kWidestPath, display_width(escape_terminal(one.path))));
  }

  void print(const std::vector<std::optional<forensics::Author>>& authors) {
    if (output_.is_table()) {
      for (std::size_t i = 0; i < authors.size() && !job_.stopped(); ++i)
        print_for_people(diff_.differences[i], authors[i]);
      output_.line(summary_text());
      return;
    }
    RowStream rows = output_.stream("diff", "changes", columns());
    for (std::size_t i = 0; i < authors.size() && !job_.stopped(); ++i)
      rows.row(cells(diff_.differences[i], authors[i]));
    Report summary("diff");
    summary.field("a", Cell::string(a_.at.opened.source->description()))
        .field("a_zxid", Cell::zxid(a_.at.target.zxid))
        .field("b", Cell::string(b_.at.opened.source->description()))
        .field("b_zxid", Cell::zxid(b_.at.target.zxid))
        .field("added", Cell::count(diff_.added))
        .field("modified", Cell::count(diff_.modified))
        .field("removed", Cell::count(diff_.removed))
        .field("unchanged", Cell::count(diff_.unchanged))
        .field("stat_only", Cell::count(diff_.stat_only))
        .field("acls_unknown", Cell::count(diff_.acls_unknown));
    rows.finish(&summary);
  }

 private:
  static std::string_view change_name(NodeChange change) {
    return change == NodeChange::kAdded ? "added" : change == NodeChange::kRemoved ? "removed" : "modified";
  }
  static std::vector<std::string> what(const NodeDifference& one) {
    std::vector<std::string> names;
    if (one.recreated) names.emplace_back("recreated");
    if (one.data) names.emplace_back("data");
    if (one.kind) names.emplace_back("kind");
    if (one.acl) names.emplace_back("acl");
    if (one.stat) names.emplace_back("stat");
    return names;
  }

  bool carries_values() const { return output_.is_json() || options_.patch; }

  std::vector<Column> columns() const {
    std::vector<Column> all = {{"change", "CHANGE"},
                               {"path", "PATH"},
                               {"what", "WHAT"},
                               {"kind_before", ""},
                               {"kind_after", ""},
                               {"version_before", ""},
                               {"version_after", ""},
                               {"mzxid_before", ""},
                               {"mzxid_after", ""},
                               {"data_bytes_before", ""},
                               {"data_bytes_after", ""},
                               {"acl_before", ""},
                               {"acl_after", ""},
                               {"zxid", ""},
                               {"time", ""},
                               {"session", ""}};
    if (options_.stat) all.insert(all.end(), {{"stat_before", ""}, {"stat_after", ""}});
    if (carries_values()) all.insert(all.end(), {{"value_before", ""}, {"value_after", ""}});
    return all;
  }

  std::vector<Cell> cells(const NodeDifference& one, const std::optional<forensics::Author>& author) const {
    std::optional<NodeView> before, after;
    if (one.in_a != restore::kNoNode) before = a_.tree().get(one.in_a);
    if (one.in_b != restore::kNoNode) after = b_.tree().get(one.in_b);
    std::vector<Cell> row = {Cell::string(change_name(one.change)), Cell::string(one.path),
                             Cell::list(what(one))};
    const auto both = [&](auto cell) {
      row.push_back(before ? cell(*before, a_.tree()) : Cell());
      row.push_back(after ? cell(*after, b_.tree()) : Cell());
    };
    both([](const NodeView& node, const restore::Tree&) { return Cell::string(kind_of(node)); });
    both([](const NodeView& node, const restore::Tree&) { return Cell::integer(node.stat.version); });
    both([](const NodeView& node, const restore::Tree&) { return Cell::zxid(node.stat.mzxid); });
    both([](const NodeView& node, const restore::Tree&) {
      return node.data ? Cell::size(node.data->size()) : Cell();
    });
    both([](const NodeView& node, const restore::Tree& tree) {
      return Cell::list(acl_texts(tree, node.acl));
    });
    row.push_back(author ? Cell::zxid(author->zxid) : Cell());
    row.push_back(author ? Cell::time(WallTime{author->time_ms}) : Cell());
    row.push_back(author ? Cell::session(author->session) : Cell());
    if (options_.stat) {
      std::vector<std::pair<std::string, std::string>> x, y;
      if (before && after)
        for (const StatField& field : stat_fields(*before, *after)) {
          x.emplace_back(field.name, field.before);
          y.emplace_back(field.name, field.after);
        }
      row.push_back(Cell::map(std::move(x)));
      row.push_back(Cell::map(std::move(y)));
    }
    if (carries_values())
      both([](const NodeView& node, const restore::Tree&) { return Cell::data(node.data); });
    return row;
  }

  // ---- for people ----

  void line(std::string_view mark, const NodeDifference& one, const std::string& details,
            const std::optional<forensics::Author>& author) {
    std::string text = fmt::format("{} {}", paint(mark), escape_terminal(one.path));
    const unsigned used = display_width(escape_terminal(one.path));
    text.append(used < width_ ? width_ - used : 0, ' ');
    if (!details.empty()) text += "  " + details;
    if (author)
      text += fmt::format("  {}  session {}", zxid_text(author->zxid),
                          hex_text(static_cast<std::uint64_t>(author->session)));
    output_.line(text);
  }
  std::string paint(std::string_view mark) const {
    return mark[0] == 'A' ? output_.green(mark) : mark[0] == 'D' ? output_.red(mark) : output_.yellow(mark);
  }

  static bool stands_in_line(const std::optional<Bytes>& data) {
    return data && !data->empty() && data->size() <= kShortValue && looks_like_text(*data);
  }

  std::string value_change(const NodeView& x, const NodeView& y) const {
    if (!options_.patch && stands_in_line(x.data) && stands_in_line(y.data))
      return fmt::format("- {}  + {}", escape_terminal(as_text(*x.data)), escape_terminal(as_text(*y.data)));
    return fmt::format("{} → {}", size_text(x.data), size_text(y.data));
  }

  void print_for_people(const NodeDifference& one, const std::optional<forensics::Author>& author) {
    if (one.change != NodeChange::kModified) {
      const bool added = one.change == NodeChange::kAdded;
      const NodeView node = added ? b_.tree().get(one.in_b) : a_.tree().get(one.in_a);
      std::string details = fmt::format("v{}  {}", node.stat.version, size_text(node.data));
      if (node.stat.ephemeral_owner != 0) details += "  " + kind_text(node);
      line(added ? "A" : "D", one, details, author);
      if (options_.patch) patch(added ? std::nullopt : node.data, added ? node.data : std::nullopt);
      return;
    }
    const NodeView x = a_.tree().get(one.in_a), y = b_.tree().get(one.in_b);
    std::string details;
    const auto say = [&](const std::string& text) { details += (details.empty() ? "" : "  ") + text; };
    if (one.recreated)
      say(fmt::format("another node: created by {} → {}", zxid_text(x.stat.czxid), zxid_text(y.stat.czxid)));
    if (x.stat.version != y.stat.version) say(fmt::format("v{} → v{}", x.stat.version, y.stat.version));
    if (one.data) say(value_change(x, y));
    if (one.kind) say(fmt::format("{} → {}", kind_text(x), kind_text(y)));
    if (!details.empty() || !one.acl) line("M", one, details.empty() ? "stat" : details, author);
    if (one.acl)
      line("M acl", one, fmt::format("{} → {}", acl_line(a_.tree(), x.acl), acl_line(b_.tree(), y.acl)),
           details.empty() ? author : std::nullopt);
    if (options_.stat)
      for (const StatField& field : stat_fields(x, y))
        output_.line(fmt::format("    {:14} {} → {}", field.name, field.before, field.after));
    if (options_.patch && one.data) patch(x.data, y.data);
  }

  static std::string acl_line(const restore::Tree& tree, restore::AclSlot slot) {
    std::string text;
    for (const std::string& rule : acl_texts(tree, slot))
      text += (text.empty() ? "" : ",") + escape_terminal(rule);
    return text.empty() ? "-" : text;
  }

  void patch(const std::optional<Bytes>& before, const std::optional<Bytes>& after) {
    if ((before && !looks_like_text(*before)) || (after && !looks_like_text(*after))) {
      if (!before || !after) return;  // the size stands in the line
      const auto [x, y] = std::mismatch(before->begin(), before->end(), after->begin(), after->end());
      output_.line(fmt::format("    binary, different from byte {} on", x - before->begin()));
      return;
    }
    for (const forensics::DiffLine& one :
         forensics::diff_lines(before ? as_text(*before) : "", after ? as_text(*after) : "", kPatchContext)) {
      const bool cut = one.text.size() > kLongestLine;
      std::string text = fmt::format("    {}{}{}", one.sign,
                                     escape_terminal(one.text.substr(0, kLongestLine)), cut ? "…" : "");
      output_.line(one.sign == '+' ? output_.green(text) : one.sign == '-' ? output_.red(text) : text);
    }
  }

  std::string summary_text() const {
    std::string text =
        fmt::format("{} added, {} changed, {} removed, {} unchanged", human_count(diff_.added),
                    human_count(diff_.modified), human_count(diff_.removed), human_count(diff_.unchanged));
    std::uint64_t ephemerals = 0;
    for (const NodeDifference& one : diff_.differences) {
      const restore::Tree& tree = one.in_b != restore::kNoNode ? b_.tree() : a_.tree();
      const restore::NodeId id = one.in_b != restore::kNoNode ? one.in_b : one.in_a;
      if (node_kind(tree.stat(id).ephemeral_owner) == NodeKind::kEphemeral) ++ephemerals;
    }
    if (ephemerals != 0) text += fmt::format("; ephemeral of these: {}", human_count(ephemerals));
    if (diff_.stat_only != 0 && !options_.stat)
      text += fmt::format("; {} differ in nothing but stat (--stat)", human_count(diff_.stat_only));
    if (diff_.acls_unknown != 0)
      text += fmt::format("; {} ACLs are not known", human_count(diff_.acls_unknown));
    return text;
  }

  Output& output_;
  Job& job_;
  const Options& options_;
  const Side &a_, &b_;
  const forensics::TreeDiff& diff_;
  unsigned width_ = 0;
};

Status check_options(const Options& options) {
  if (!options.b && !options.from && !options.to)
    return fail(Error(ErrorId::kUsage, "with what to compare is not said")
                    .with_hint("zkark diff A B, or zkark diff SRC --from POINT [--to POINT]"));
  if (options.b && (options.from || options.to))
    return fail(Error(ErrorId::kUsage, "--from and --to are two points of one SRC, and two are given")
                    .with_hint("with two sources a point is written A@POINT"));
  if (options.b && options.log_dir)
    return fail(Error(ErrorId::kUsage, "--log-dir belongs to one SRC, and two are given")
                    .with_hint("give the zoo.cfg of each: it names both directories"));
  return {};
}

Status run(Context& context, const Options& options) {
  ZK_TRY_STATUS(check_options(options));
  const StateOptions sides[] = {side_options(options, options.a, options.from),
                                side_options(options, options.b.value_or(options.a), options.to)};
  ZK_TRY(std::vector<StateAt> states, load_states_at(context, sides));
  const Side a{std::move(states[0])}, b{std::move(states[1])};
  const forensics::DiffOptions wanted{options.paths, options.bookkeeping, options.stat};
  context.job.progress.phase = "comparing";
  ZK_TRY(const forensics::TreeDiff diff, diff_trees(a.tree(), b.tree(), wanted, context.job));
  const bool one_history =
      !options.b || a.at.opened.source->description() == b.at.opened.source->description();
  restore::Findings findings;
  ZK_TRY(const auto authors,
         find_authors(*b.at.opened.source, b.at.listing, diff, a.tree(), b.tree(),
                      one_history ? a.at.target.zxid : 0, b.at.target.zxid, findings, context.job));
  DiffPrinter(context, options, a, b, diff).print(authors);
  // Both states are exact; what is missing behind them only keeps a name from being known.
  for (const restore::Finding& finding : findings) context.output.detail(error_of(finding).to_string());
  if (!a.at.exact || !b.at.exact) context.output.exit().add(3);
  if (!diff.equal()) context.output.exit().add(4);
  return context.job.check();
}

}  // namespace

Verb diff_verb() {
  VerbBuilder<Options> verb({
      .name = "diff",
      .group = Group::kForensics,
      .summary = "show what differs between two points or sources",
      .description =
          "Rebuilds the tree at two points and shows the nodes that were added (A), removed (D) and modified "
          "(M), with values, ACLs and the transaction that did it where the logs hold it. A and B are any "
          "source, each with its own point (SRC@POINT): two points of one directory, the directories of two "
          "members, a directory and a repository, two backups.\n\nNodes of which only the stat differs, such "
          "as a parent whose children changed, are shown with --stat; /zookeeper/ with --bookkeeping: every "
          "server keeps that for itself.",
      .examples = {{"zkark diff latest~1 latest -r /srv/zkark --path /kafka", "what the last backup brought"},
                   {"zkark diff /var/lib/zookeeper --from '2 hours ago'", "since then, up to now"},
                   {"zkark diff zk1/data zk2/data -p", "two members, values as line patches"}},
      .exit_codes = {3, 4, 5, 6, 7},
      .uses = kUsesRepository | kUsesCache | kUsesTime | kUsesProgress,
  });
  verb.argument("A", &Options::a, "the one side").required().completes(Completes::kSource);
  verb.argument("B", &Options::b, "the other side").completes(Completes::kSource);
  verb.text("from", "POINT", &Options::from, "with one SRC: the one side is that point of it")
      .completes(Completes::kPoint);
  verb.text("to", "POINT", &Options::to, "with one SRC: the other side; the newest if left out")
      .completes(Completes::kPoint);
  verb.parsed("path", "PATTERN", &Options::paths, forensics::PathPattern::parse,
              "only these nodes: /a with all below it, or a pattern; may be given again");
  verb.flag("patch", 'p', &Options::patch, "values as line patches");
  verb.flag("stat", &Options::stat, "every field of the stat that differs");
  verb.flag("bookkeeping", &Options::bookkeeping, "/zookeeper/ too");
  verb.text("log-dir", "DIR", &Options::log_dir, "the dataLogDir, where it is apart from the dataDir")
      .completes(Completes::kDirectory);
  verb.choice("time-rule", "RULE", &Options::time_rule,
              {{"refuse", restore::TimeRule::kRefuse, "say which two points it names"},
               {"first", restore::TimeRule::kFirst, "before the first transaction that is later"},
               {"last", restore::TimeRule::kLast, "after the last transaction that is not later"}},
              "what a time means where the leader's clock stepped back");
  return std::move(verb).build(run);
}

}  // namespace zkark::cli
