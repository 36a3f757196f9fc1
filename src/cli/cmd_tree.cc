// `tree`: a subtree drawn, with how much lies below each node, at a point.
#include <fmt/format.h>

#include <algorithm>

#include "src/cli/context.h"
#include "src/cli/node_cells.h"
#include "src/cli/state_at.h"
#include "src/cli/text.h"
#include "src/cli/verb.h"
#include "src/forensics/sizes.h"

namespace zkark::cli {
namespace {

using forensics::SiblingOrder;
using forensics::SubtreeSize;
using forensics::SubtreeSizes;
using restore::NodeId;
using restore::NodeView;

struct Options : StateOptions {
  std::optional<std::int64_t> depth;
  bool sizes = false;
  SiblingOrder sort = SiblingOrder::kName;
};

const std::vector<Column>& columns() {
  static const std::vector<Column> kColumns = {
      {"path", ""},       {"depth", ""},    {"kind", ""},          {"version", ""},
      {"data_bytes", ""}, {"children", ""}, {"subtree_nodes", ""}, {"subtree_data_bytes", ""}};
  return kColumns;
}

/// One node on its way to the screen.
struct Drawn {
  NodeId id;
  std::string_view branch;  // the lines that lead to it, and its own corner
  std::string_view path;
  std::uint64_t depth;
  bool cut;  // its children are not shown
};

/// visit(Drawn) for `from` and what is below it, down to `depth`; until it is told to stop.
template <class Visit>
Status draw(Context& context, const restore::Tree& tree, const SubtreeSizes& sizes, NodeId from,
            SiblingOrder order, std::uint64_t depth, Visit visit) {
  struct Level {
    std::vector<NodeId> ids;
    std::size_t next;
    std::size_t branch_size, path_size;
  };
  std::string branch, path = from == restore::kRoot ? "" : tree.path(from);
  const bool root_is_cut = depth == 0 && tree.child_count(from) != 0;
  visit(Drawn{from, "", path.empty() ? std::string_view("/") : path, 0, root_is_cut});
  std::vector<Level> levels;
  if (depth != 0) levels.push_back({sizes.children(tree, from, order), 0, 0, path.size()});
  for (std::uint64_t seen = 0; !levels.empty(); ++seen) {
    if ((seen & 1023) == 0) ZK_TRY_STATUS(context.job.check());
    Level& level = levels.back();
    branch.resize(level.branch_size);
    if (level.next == level.ids.size()) {
      levels.pop_back();
      continue;
    }
    const NodeId id = level.ids[level.next++];
    const bool last = level.next == level.ids.size();
    path.resize(level.path_size);
    path += '/';
    path += tree.get(id).name;
    branch += last ? "└── " : "├── ";
    const bool has_children = tree.child_count(id) != 0;
    const bool deeper = levels.size() < depth;
    visit(Drawn{id, branch, path, levels.size(), has_children && !deeper});
    branch.resize(level.branch_size);
    if (!has_children || !deeper) continue;
    branch += last ? "    " : "│   ";
    levels.push_back({sizes.children(tree, id, order), 0, branch.size(), path.size()});
  }
  return {};
}

std::string nodes_text(std::uint64_t count) {
  return fmt::format("{} {}", human_count(count), count == 1 ? "node" : "nodes");
}

Status print_for_people(Context& context, const Options& options, const StateAt& at,
                        const SubtreeSizes& sizes, NodeId from) {
  Output& output = context.output;
  const restore::Tree& tree = at.state.tree;
  const SubtreeSize& all = sizes.of(from);
  const std::size_t width = std::max<std::size_t>(human_count(all.nodes).size(), 5);
  if (options.sizes) output.line(output.bold(fmt::format("{:>{}}  {:>10}  PATH", "NODES", width, "SIZE")));
  ZK_TRY_STATUS(draw(context, tree, sizes, from, options.sort,
                     static_cast<std::uint64_t>(options.depth.value_or(INT64_MAX)), [&](const Drawn& node) {
                       const SubtreeSize& below = sizes.of(node.id);
                       std::string line;
                       if (options.sizes)
                         line = fmt::format("{:>{}}  {:>10}  ", human_count(below.nodes), width,
                                            human_size(below.data_bytes));
                       line += output.dim(node.branch);
                       line += escape_terminal(node.id == from ? node.path : tree.get(node.id).name);
                       const std::string_view kind = kind_of(tree.get(node.id));
                       if (kind != "persistent") line += output.dim(fmt::format("  ({})", kind));
                       if (node.cut)
                         line += output.dim(fmt::format("  … {} below", nodes_text(below.nodes - 1)));
                       output.line(line);
                     }));
  output.line(fmt::format("{}, {} of data", nodes_text(all.nodes), human_size(all.data_bytes)));
  return {};
}

Status run(Context& context, const Options& options) {
  ZK_TRY(const StateAt at, load_state_at(context, options));
  const restore::Tree& tree = at.state.tree;
  ZK_TRY(const NodeId from, find_node(at, at.path));
  ZK_TRY(const SubtreeSizes sizes, SubtreeSizes::measure(tree, from, context.job));
  if (context.output.is_table()) return print_for_people(context, options, at, sizes, from);
  RowStream rows = context.output.stream("tree", "nodes", columns());
  ZK_TRY_STATUS(draw(context, tree, sizes, from, options.sort,
                     static_cast<std::uint64_t>(options.depth.value_or(INT64_MAX)), [&](const Drawn& drawn) {
                       const NodeView node = tree.get(drawn.id);
                       const SubtreeSize& below = sizes.of(drawn.id);
                       rows.row({Cell::string(drawn.path), Cell::count(drawn.depth),
                                 Cell::string(kind_of(node)), Cell::integer(node.stat.version),
                                 Cell::size(node.data ? node.data->size() : 0), Cell::count(node.children),
                                 Cell::count(below.nodes), Cell::size(below.data_bytes)});
                     }));
  Report summary("tree");
  summary.field("path", Cell::string(tree.path(from)))
      .field("zxid", Cell::zxid(at.target.zxid))
      .field("count", Cell::count(sizes.of(from).nodes))
      .field("total_data_bytes", Cell::size(sizes.of(from).data_bytes));
  rows.finish(&summary);
  return context.job.check();
}

}  // namespace

Verb tree_verb() {
  VerbBuilder<Options> verb({
      .name = "tree",
      .group = Group::kForensics,
      .summary = "draw a subtree, with its sizes, at a point",
      .description =
          "Rebuilds the tree as it was at a point and draws a node with everything below it. With --sizes "
          "each "
          "line begins with how many nodes and how many bytes of data its subtree holds, the node itself "
          "included; what --depth leaves out is counted all the same. In every other format there is one row "
          "per node, with both sizes.",
      .examples = {{"zkark tree /var/lib/zookeeper /kafka", "what is there now"},
                   {"zkark tree /var/lib/zookeeper --sizes --depth 2 --sort size", "where the data is"},
                   {"zkark tree /var/lib/zookeeper /app --at '2 hours ago' -o csv",
                    "for a spreadsheet, as of then"}},
      .exit_codes = {3, 5, 6, 7},
      .uses = kUsesRepository | kUsesCache | kUsesTime | kUsesProgress,
  });
  add_state_options(verb);
  verb.number("depth", "COUNT", &Options::depth, 0, INT64_MAX, "so many levels below the node, no more");
  verb.flag("sizes", &Options::sizes, "nodes and data bytes of each subtree");
  verb.choice("sort", "ORDER", &Options::sort,
              {{"name", SiblingOrder::kName, "by name"},
               {"size", SiblingOrder::kSize, "most data below it first"},
               {"nodes", SiblingOrder::kNodes, "most nodes below it first"}},
              "order of the children of a node");
  return std::move(verb).build(run);
}

}  // namespace zkark::cli
