#include "restore/state.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>

#include "formats/digest.h"
#include "restore/fingerprint.h"

namespace zkark::restore {
namespace {

constexpr std::size_t kBatch = 4096;  // items between looks at the stop token

Failure bad_node(std::uint64_t offset, std::string_view what, std::string_view path) {
  return fail(Error(ErrorId::kBadSnapshot, fmt::format("{}: {}", what, path)).at_offset(offset));
}

/// Whether a part of the tree, LoadOptions::below, keeps the node.
bool is_kept(std::string_view path, std::string_view below) {
  if (path.size() >= below.size())
    return path.starts_with(below) && (path.size() == below.size() || path[below.size()] == '/');
  return below.starts_with(path) && below[path.size()] == '/';
}

}  // namespace

State initial_state(bool ascii_digest) {
  State state(ascii_digest);
  Tree& tree = state.tree;
  const StatPersisted zero{};
  tree.set_data(kRoot, "", Bytes(), zero);
  const NodeId zookeeper = tree.create("/zookeeper", kRoot, Bytes(), tree.acls().add({}), zero);
  tree.create("/zookeeper/quota", zookeeper, Bytes(), tree.acls().add({}), zero);
  const Acl read_only{Perms::kRead, "world", "anyone"};
  const std::string list = encode_acls(std::span(&read_only, 1));
  StatPersisted config{};
  config.aversion = -1;
  tree.create("/zookeeper/config", zookeeper, Bytes(), tree.acls().add(AclList(as_bytes(list))), config);
  return state;
}

Result<LoadedSnapshot> load_snapshot(SnapshotReader& reader, const LoadOptions& options, Job& job) {
  LoadedSnapshot loaded{State(options.ascii_digest), {}, {}, 0};
  ZK_TRY(loaded.header, reader.read_header());
  State& state = loaded.state;
  Tree& tree = state.tree;
  for (;;) {
    ZK_TRY(auto session, reader.next_session());
    if (!session) break;
    state.sessions[session->id] = session->timeout_ms;
  }
  std::unordered_map<std::int64_t, AclSlot> slots;  // id on disk -> slot, one use held until the end
  for (;;) {
    ZK_TRY(auto acl, reader.next_acl());
    if (!acl) break;
    const AclSlot slot = tree.acls().add(acl->acl);
    if (auto [at, is_new] = slots.insert_or_assign(acl->id, slot); !is_new) tree.acls().drop(slot);
  }
  bool root_seen = false;
  const AclList open = open_acl_unsafe();
  // Several nodes at a time: while one is put into the tree, the places of the next ones come into the cache.
  constexpr std::size_t kTogether = 16;
  SnapNode nodes[kTogether];
  std::uint64_t ends[kTogether];
  PathHash hashes[kTogether];
  for (std::size_t n = 0;;) {
    ZK_TRY(std::size_t count, reader.next_nodes(nodes, ends));
    if (count == 0) break;
    if (n / kBatch != (n + count) / kBatch) ZK_TRY_STATUS(job.check());
    n += count;
    if (!options.below.empty()) {
      std::size_t kept = 0;
      for (std::size_t i = 0; i < count; ++i) {
        const StatPersisted& stat = nodes[i].stat;
        loaded.digest += node_digest(nodes[i].path, nodes[i].data, stat, options.ascii_digest);
        loaded.highest_stamp = std::max({loaded.highest_stamp, stat.czxid, stat.mzxid, stat.pzxid});
        if (!is_kept(nodes[i].path, options.below)) continue;
        nodes[kept] = nodes[i];
        ends[kept++] = ends[i];
      }
      count = kept;
    }
    for (std::size_t i = 0; i < count; ++i) hashes[i] = tree.prepare(nodes[i].path);
    for (std::size_t i = 0; i < count; ++i) {
      const SnapNode& node = nodes[i];
      AclSlot slot = kOpenAcl;
      if (node.acl_id != -1) {
        auto at = slots.find(node.acl_id);
        if (at == slots.end()) {
          slot = tree.acls().add_dangling();
          ++loaded.dangling_acls;
        } else {
          slot = at->second;
          tree.acls().use(slot);
        }
      }
      if (options.fingerprint != nullptr && in_digest(node.path)) {
        if (tree.acls().dangling(slot))
          options.fingerprint->spoil();
        else
          options.fingerprint->add(node.path.empty() ? "/" : node.path, node.data, node.stat,
                                   slot == kOpenAcl ? open.encoded() : tree.acls().list(slot).encoded());
      }
      if (node.path.empty()) {
        if (root_seen) return bad_node(ends[i], "the root comes twice", "/");
        root_seen = true;
        tree.set_acl(kRoot, "", slot, node.stat);
        tree.set_data(kRoot, "", node.data, node.stat);
        continue;
      }
      if (!Tree::valid_path(node.path)) return bad_node(ends[i], "a malformed path", node.path);
      const NodeId parent = root_seen ? tree.find_parent(node.path) : kNoNode;
      if (parent == kNoNode) return bad_node(ends[i], "a node comes before its parent", node.path);
      if (tree.find_below(parent, node.path, hashes[i]) != kNoNode)
        return bad_node(ends[i], "a path comes twice", node.path);
      tree.create(node.path, hashes[i], parent, node.data, slot, node.stat);
    }
  }
  for (const auto& [id, slot] : slots) tree.acls().drop(slot);
  if (!root_seen) return bad_node(reader.offset(), "the snapshot has no root", "/");
  ZK_TRY(loaded.tail, reader.read_tail());
  if (options.below.empty()) loaded.digest = tree.digest();
  state.last_zxid = options.zxid;
  state.quotas.load(tree);
  return loaded;
}

Status write_snapshot(const State& state, ByteSink& sink, const WriteSnapshotOptions& options, Job& job) {
  const Tree& tree = state.tree;
  SnapshotWriter writer(sink);
  ZK_TRY_STATUS(writer.begin({}, state.sessions.size()));
  for (const auto& [id, timeout] : state.sessions) ZK_TRY_STATUS(writer.session({id, timeout}));

  std::vector<std::int64_t> ids(tree.acls().slots(), 0);
  std::vector<AclSlot> used;
  ids[kOpenAcl] = -1;
  tree.walk(kRoot, [&](NodeId id, std::string_view) {
    const AclSlot slot = tree.get(id).acl;
    if (ids[slot] == 0) {
      used.push_back(slot);
      ids[slot] = static_cast<std::int64_t>(used.size());
    }
    return true;
  });
  ZK_TRY_STATUS(writer.begin_acls(used.size()));
  for (AclSlot slot : used) ZK_TRY_STATUS(writer.acl({ids[slot], tree.acls().list(slot)}));

  Status status;
  std::size_t n = 0;
  tree.walk(kRoot, [&](NodeId id, std::string_view path) {
    const NodeView view = tree.get(id);
    status = writer.node({id == kRoot ? std::string_view() : path, view.data, ids[view.acl], view.stat});
    if (status && ++n % kBatch == 0) status = job.check();
    return status.has_value();
  });
  ZK_TRY_STATUS(std::move(status));
  if (!options.digest_section) return writer.end({}, {});
  SnapDigest digest;
  digest.zxid = options.zxid;
  digest.version = kDigestVersion;
  digest.digest = static_cast<std::int64_t>(tree.digest());
  // zxid 0 means "no digest" to a reader; its digest field is then zero (DataTree.serializeZxidDigest).
  if (digest.zxid == 0) digest.digest = 0;
  return writer.end(digest, options.zxid);
}

}  // namespace zkark::restore
