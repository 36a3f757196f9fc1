// `stat`: everything about one node at a point but its data.
#include "src/cli/context.h"
#include "src/cli/node_cells.h"
#include "src/cli/state_at.h"
#include "src/cli/verb.h"

namespace zkark::cli {
namespace {

struct Options : StateOptions {
  bool stored = false;
};

Status run(Context& context, const Options& options) {
  ZK_TRY(const StateAt at, load_state_at(context, options, NodeArgument::kRequired));
  const restore::Tree& tree = at.state.tree;
  ZK_TRY(const restore::NodeId id, find_node(at, at.path));
  const restore::NodeView node = tree.get(id);
  const StatPersisted& stat = node.stat;
  const ClientStat seen =
      options.stored ? ClientStat{stat.cversion, stat.ephemeral_owner} : client_stat(node);
  const bool ttl = node_kind(stat.ephemeral_owner) == NodeKind::kTtl;

  Report report("stat");
  report.field("path", "path", Cell::string(at.path));
  report.field("zxid", "", Cell::zxid(at.target.zxid));
  report.field("kind", "kind", Cell::string(kind_of(node)));
  report.field("czxid", "cZxid", Cell::zxid(stat.czxid));
  report.field("ctime", "ctime", Cell::time(WallTime{stat.ctime}));
  report.field("mzxid", "mZxid", Cell::zxid(stat.mzxid));
  report.field("mtime", "mtime", Cell::time(WallTime{stat.mtime}));
  report.field("pzxid", "pZxid", Cell::zxid(stat.pzxid));
  report.field("cversion", "cversion", Cell::integer(seen.cversion));
  report.field("version", "dataVersion", Cell::integer(stat.version));
  report.field("aversion", "aclVersion", Cell::integer(stat.aversion));
  report.field("ephemeral_owner", "ephemeralOwner", Cell::session(seen.ephemeral_owner));
  report.field("ttl_ms", ttl ? "ttl" : "", ttl ? Cell::duration_ms(ttl_of(stat.ephemeral_owner)) : Cell());
  report.field("data_is_null", "", Cell::boolean(!node.data));
  report.field("data_bytes", "dataLength",
               Cell::integer(static_cast<std::int64_t>(node.data ? node.data->size() : 0)));
  report.field("children", "numChildren", Cell::integer(node.children));
  report.field("acl", "acl", Cell::list(acl_texts(tree, node.acl)));
  context.output.print(report);
  return {};
}

}  // namespace

Verb stat_verb() {
  VerbBuilder<Options> verb({
      .name = "stat",
      .group = Group::kForensics,
      .summary = "print the stat and ACL of a node at a point",
      .description = "Prints what a client's stat and getAcl would have shown at a point. On disk ZooKeeper "
                     "keeps two fields "
                     "otherwise: cversion counts creates only (clients see twice that, less the number of "
                     "children), and "
                     "ephemeralOwner marks containers and TTL nodes (clients see 0); --stored shows those.",
      .examples = {{"zkark stat /var/lib/zookeeper /kafka/config/x", "as a client sees it now"},
                   {"zkark stat /var/lib/zookeeper /app/lock --at '2 hours ago'", "as it was two hours ago"}},
      .exit_codes = {3, 5, 6, 7},
      .uses = kUsesRepository | kUsesCache | kUsesTime | kUsesProgress,
  });
  add_state_options(verb);
  verb.flag("stored", &Options::stored, "cversion and ephemeralOwner as they are on disk");
  return std::move(verb).build(run);
}

}  // namespace zkark::cli
