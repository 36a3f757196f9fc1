// `blame`: who wrote what stands in a node, or in every node of a subtree, at a point.
#include <fmt/format.h>

#include <algorithm>

#include "formats/base/fs.h"
#include "src/cli/context.h"
#include "src/cli/show_findings.h"
#include "src/cli/state_at.h"
#include "src/cli/text.h"
#include "src/cli/verb.h"
#include "src/forensics/blame.h"

namespace zkark::cli {
namespace {

using forensics::WriteAsked;
using forensics::Writer;
using forensics::Writers;
using restore::NodeId;

struct Options : StateOptions {
  bool recursive = false;
  bool created = false;
};

std::vector<Column> columns_of(const Options& options) {
  std::vector<Column> columns = {{"zxid", "ZXID"}, {"time", "TIME"}, {"session", "SESSION"}, {"cxid", ""},
                                 {"type", "TYPE"}, {"part", ""},     {"version", "VERSION"}};
  if (options.created) {
    columns.insert(columns.end(), {{"czxid", "CREATED"},
                                   {"ctime", "CREATED AT"},
                                   {"created_session", "BY"},
                                   {"created_cxid", ""},
                                   {"created_type", ""},
                                   {"created_part", ""}});
  } else {
    columns.insert(columns.end(), {{"czxid", ""}, {"ctime", ""}});
  }
  columns.push_back({"path", "PATH"});
  return columns;
}

/// Zxid 0: the server made it, before its first transaction.
void add_stamp(std::vector<Cell>& row, std::int64_t zxid, std::int64_t time_ms) {
  row.push_back(zxid == 0 ? Cell() : Cell::zxid(zxid));
  row.push_back(zxid == 0 ? Cell() : Cell::time(WallTime{time_ms}));
}

void add_writer(std::vector<Cell>& row, const std::optional<Writer>& writer) {
  row.push_back(writer ? Cell::session(writer->session) : Cell());
  row.push_back(writer ? Cell::integer(writer->cxid) : Cell());
  row.push_back(writer ? Cell::string(txn_type_name(writer->type)) : Cell());
  row.push_back(writer && writer->part != 0 ? Cell::integer(writer->part) : Cell());
}

/// What is unknown is said, and whether it is because records that should be here are not.
class Unanswered {
 public:
  Unanswered(const std::vector<WriteAsked>& asked, const Writers& writers, std::int64_t oldest_log) {
    for (std::size_t i = 0; i < asked.size(); ++i) {
      if (writers.of[i] || asked[i].zxid == 0) continue;
      if (asked[i].zxid < oldest_log)
        ++before_the_logs;
      else
        lost.push_back(asked[i].zxid);
    }
    std::sort(lost.begin(), lost.end());
  }
  /// Whether the finding may be the reason.
  bool concerns(const restore::Finding& finding) const {
    const auto at = std::lower_bound(lost.begin(), lost.end(), finding.first_zxid.value_or(0));
    return at != lost.end() && *at <= finding.last_zxid.value_or(INT64_MAX);
  }
  std::uint64_t before_the_logs = 0;
  std::vector<std::int64_t> lost;  // ascending
};

std::string writes_text(std::uint64_t count) {
  return count == 1 ? "1 write" : human_count(count) + " writes";
}

void tell_unanswered(Context& context, const StateAt& at, const Unanswered& unanswered,
                     const restore::Findings& findings) {
  for (const restore::Finding& finding : findings) {
    if (finding.severity != restore::Severity::kNote && unanswered.concerns(finding))
      show_finding(context.output, finding, Stance::kReading);
    else
      context.output.detail(error_of(finding).to_string());
  }
  if (unanswered.before_the_logs != 0) {
    const std::string place = at.listing.logs.empty() ? std::string("there is no log here")
                                                      : fmt::format("older than the oldest log here, {}",
                                                                    base_name(at.listing.logs.front().path));
    context.output.note(fmt::format("{} without a record: {}; who it was is not known",
                                    writes_text(unanswered.before_the_logs), place));
  }
  if (!unanswered.lost.empty()) {
    context.output.warn(
        fmt::format("{} without a record, the first of them at {}: the logs here do not hold it",
                    writes_text(unanswered.lost.size()), zxid_text(unanswered.lost.front())));
    context.output.exit().add(3);
  }
}

/// Who asks for a node that is gone may want to know who deleted it.
Result<NodeId> find_for_blame(const StateAt& at) {
  Result<NodeId> found = find_node(at, at.path);
  if (found || found.error().id() != ErrorId::kNotFound) return found;
  const std::string hint =
      fmt::format("{}; if it was there once, `zkark history` tells who deleted it", found.error().hint());
  // A hint once given stays, so the error is made anew.
  return fail(Error(ErrorId::kNotFound, std::string(found.error().message())).with_hint(hint));
}

Status run(Context& context, const Options& options) {
  const NodeArgument node = options.recursive ? NodeArgument::kRootIfLeftOut : NodeArgument::kRequired;
  ZK_TRY(const StateAt at, load_state_at(context, options, node));
  const restore::Tree& tree = at.state.tree;
  ZK_TRY(const NodeId from, find_for_blame(at));

  std::vector<NodeId> nodes;
  if (options.recursive)
    tree.walk(from, [&](NodeId id, std::string_view) {
      nodes.push_back(id);
      return true;
    });
  else
    nodes.push_back(from);
  std::vector<WriteAsked> asked;
  for (const NodeId id : nodes) asked.push_back({tree.get(id).stat.mzxid, id, false});
  if (options.created)
    for (const NodeId id : nodes) asked.push_back({tree.get(id).stat.czxid, id, true});
  context.job.progress.phase = "reading";
  restore::Findings findings;
  ZK_TRY(const Writers writers,
         forensics::find_writers(*at.opened.source, at.listing, tree, asked, findings, context.job));

  RowStream rows = context.output.stream("blame", "nodes", columns_of(options));
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    if ((i & 1023) == 0) ZK_TRY_STATUS(context.job.check());
    const StatPersisted stat = tree.get(nodes[i]).stat;
    std::vector<Cell> row;
    add_stamp(row, stat.mzxid, stat.mtime);
    add_writer(row, writers.of[i]);
    row.push_back(Cell::integer(stat.version));
    add_stamp(row, stat.czxid, stat.ctime);
    if (options.created) add_writer(row, writers.of[nodes.size() + i]);
    row.push_back(Cell::string(tree.path(nodes[i])));
    rows.row(std::move(row));
  }
  const std::int64_t oldest = at.listing.logs.empty() ? INT64_MAX : at.listing.logs.front().zxid;
  const Unanswered unanswered(asked, writers, oldest);
  Report summary("blame");
  if (!context.output.is_table())
    summary.field("path", Cell::string(tree.path(from)))
        .field("zxid", Cell::zxid(at.target.zxid))
        .field("before_the_logs", Cell::count(unanswered.before_the_logs))
        .field("complete", Cell::boolean(unanswered.lost.empty()));
  rows.finish(&summary);
  tell_unanswered(context, at, unanswered, findings);
  return context.job.check();
}

}  // namespace

Verb blame_verb() {
  VerbBuilder<Options> verb({
      .name = "blame",
      .group = Group::kForensics,
      .summary = "tell who wrote a node, or each node of a subtree, last",
      .description =
          "For a node as it was at a point, or with -R for every node below it too: the transaction that "
          "wrote "
          "the data it holds, when, and by which session. A change of the ACL is no write of data: `zkark "
          "history` shows those. Only the logs that can hold the answers are read. Where the write is older "
          "than the oldest log, zxid and time are known and the session is not; a write that the logs should "
          "hold and do not is an incomplete answer (exit 3). Session 0x0 is the server itself.",
      .examples = {{"zkark blame /var/lib/zookeeper /kafka/config/x", "who wrote it last"},
                   {"zkark blame /var/lib/zookeeper /kafka -R --created",
                    "and who made it, for a whole subtree"},
                   {"zkark blame /var/lib/zookeeper /app/lock --at 'yesterday 14:00'", "as of then"}},
      .exit_codes = {3, 5, 6, 7},
      .uses = kUsesRepository | kUsesCache | kUsesTime | kUsesProgress,
  });
  add_state_options(verb);
  verb.flag("recursive", 'R', &Options::recursive, "the node and everything below it");
  verb.flag("created", &Options::created, "also who created it");
  return std::move(verb).build(run);
}

}  // namespace zkark::cli
