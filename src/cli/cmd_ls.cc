// `ls`: the children of a node, or everything below it, at a point.
#include <fmt/format.h>

#include "src/cli/context.h"
#include "src/cli/node_cells.h"
#include "src/cli/state_at.h"
#include "src/cli/text.h"
#include "src/cli/verb.h"

namespace zkark::cli {
namespace {

using restore::NodeId;
using restore::NodeView;

struct Options : StateOptions {
  bool recursive = false;
  bool long_form = false;
};

const std::vector<Column>& columns() {
  static const std::vector<Column> kColumns = {{"kind", "KIND"},
                                               {"version", "VERSION"},
                                               {"data_bytes", "SIZE"},
                                               {"children", "CHILDREN"},
                                               {"mtime", "CHANGED"},
                                               {"mzxid", "MZXID"},
                                               {"ephemeral_owner", "SESSION"},
                                               {"path", "PATH"},
                                               {"czxid", ""},
                                               {"pzxid", ""},
                                               {"ctime", ""},
                                               {"cversion", ""},
                                               {"aversion", ""},
                                               {"ttl_ms", ""}};
  return kColumns;
}

std::vector<Cell> row_of(const NodeView& node, std::string_view path) {
  const ClientStat seen = client_stat(node);
  const StatPersisted& stat = node.stat;
  const bool ttl = node_kind(stat.ephemeral_owner) == NodeKind::kTtl;
  return {Cell::string(kind_of(node)),
          Cell::integer(stat.version),
          Cell::size(node.data ? node.data->size() : 0),
          Cell::count(node.children),
          Cell::time(WallTime{stat.mtime}),
          Cell::zxid(stat.mzxid),
          seen.ephemeral_owner == 0 ? Cell() : Cell::session(seen.ephemeral_owner),
          Cell::string(path),
          Cell::zxid(stat.czxid),
          Cell::zxid(stat.pzxid),
          Cell::time(WallTime{stat.ctime}),
          Cell::integer(seen.cversion),
          Cell::integer(stat.aversion),
          ttl ? Cell::integer(ttl_of(stat.ephemeral_owner)) : Cell()};
}

/// visit(id, full path, what to call it in a list for people) for everything asked for; stops when asked to.
template <class Visit>
void visit_nodes(const Context& context, const restore::Tree& tree, NodeId from, bool recursive,
                 Visit visit) {
  std::uint64_t seen = 0;
  if (recursive) {
    tree.walk(from, [&](NodeId id, std::string_view path) {
      visit(id, path, path);
      return (++seen & 1023) != 0 || !context.job.stopped();
    });
    return;
  }
  const std::string base = from == restore::kRoot ? "" : tree.path(from);
  for (const NodeId id : tree.sorted_children(from)) {
    if ((++seen & 1023) == 0 && context.job.stopped()) return;
    const std::string_view name = tree.get(id).name;
    visit(id, fmt::format("{}/{}", base, name), name);
  }
}

Status run(Context& context, const Options& options) {
  ZK_TRY(const StateAt at, load_state_at(context, options));
  const restore::Tree& tree = at.state.tree;
  ZK_TRY(const NodeId from, find_node(at, at.path));
  const bool people = context.output.is_table();
  if (people && !options.long_form) {
    visit_nodes(context, tree, from, options.recursive, [&](NodeId, std::string_view, std::string_view name) {
      context.output.line(escape_terminal(name));
    });
    return context.job.check();
  }
  RowStream rows = context.output.stream("ls", "nodes", columns());
  visit_nodes(context, tree, from, options.recursive,
              [&](NodeId id, std::string_view path, std::string_view name) {
                rows.row(row_of(tree.get(id), people ? name : path));
              });
  Report summary("ls");
  if (!people) summary.field("path", Cell::string(tree.path(from))).field("zxid", Cell::zxid(at.target.zxid));
  rows.finish(&summary);
  return context.job.check();
}

}  // namespace

Verb ls_verb() {
  VerbBuilder<Options> verb({
      .name = "ls",
      .group = Group::kForensics,
      .summary = "list the children of a node at a point",
      .description = "Rebuilds the tree as it was at a point and lists the children of one node, or the "
                     "whole tree below it. "
                     "Stats are those that a client sees. Nothing is written, and no server is needed.",
      .examples = {{"zkark ls /var/lib/zookeeper /kafka -l", "what is there now, with sizes and versions"},
                   {"zkark ls /var/lib/zookeeper -R --at 'yesterday 14:00'", "every path as of then"},
                   {"zkark ls snapshot.30001a2f0.gz /", "one snapshot alone"}},
      .exit_codes = {3, 5, 6, 7},
      .uses = kUsesRepository | kUsesCache | kUsesTime | kUsesProgress,
  });
  add_state_options(verb);
  verb.flag("recursive", 'R', &Options::recursive, "the node and everything below it, as full paths");
  verb.flag("long", 'l', &Options::long_form, "kind, version, size, children, last change and owner of each");
  return std::move(verb).build(run);
}

}  // namespace zkark::cli
