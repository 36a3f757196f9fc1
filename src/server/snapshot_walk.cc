// A cursor goes over the live tree, parents first, along the lists of children. Nodes never move, new ones
// stand at the head of their parent's list, and a node that goes has no children any more, so the cursor
// needs help in one case alone: when the node under it goes, it moves on first.
//
// Which nodes are to be written: those that are not younger than the snapshot and not written yet. Ids are
// used again, but only by younger nodes.
//
// What changes before the cursor comes is kept by id and written in its place. What goes is kept with its
// path and written at the end, the last first: its parent was there before it, so it is written by then, or
// it went later. (Sorted by path they would do, too, but a million of them would hold up the loop.)
#include "src/server/snapshot_walk.h"

#include <fmt/format.h>

#include "formats/digest.h"

namespace zkark::server {

using restore::AclSlot;
using restore::kNoNode;
using restore::kOpenAcl;
using restore::kRoot;
using restore::NodeId;

SnapshotWalk::SnapshotWalk(restore::State& state, ByteSink& sink, SnapshotSections sections)
    : tree_(state.tree),
      writer_(sink),
      sections_(sections),
      zxid_(state.last_zxid),
      digest_(state.tree.digest()),
      nodes_(state.tree.size()),
      end_(state.tree.id_end()),
      done_(end_, false) {}

SnapshotWalk::~SnapshotWalk() { tree_.observe(nullptr); }

Result<std::unique_ptr<SnapshotWalk>> SnapshotWalk::begin(restore::State& state, ByteSink& sink,
                                                          SnapshotSections sections) {
  std::unique_ptr<SnapshotWalk> walk(new SnapshotWalk(state, sink, sections));
  ZK_TRY_STATUS(walk->write_head(state));
  state.tree.observe(walk.get());
  return walk;
}

/// ACL ids are the slots of now: a slot that is used by another list later is used by newer nodes.
Status SnapshotWalk::write_head(const restore::State& state) {
  ZK_TRY_STATUS(writer_.begin({}, state.sessions.size()));
  for (const auto& [id, timeout_ms] : state.sessions) ZK_TRY_STATUS(writer_.session({id, timeout_ms}));
  const restore::AclTable& acls = tree_.acls();
  const auto slots = static_cast<AclSlot>(acls.slots());
  std::size_t used = 0;
  for (AclSlot slot = kOpenAcl + 1; slot < slots; ++slot)
    if (acls.uses(slot) != 0) ++used;
  ZK_TRY_STATUS(writer_.begin_acls(used));
  for (AclSlot slot = kOpenAcl + 1; slot < slots; ++slot)
    if (acls.uses(slot) != 0) ZK_TRY_STATUS(writer_.acl({slot, acls.list(slot)}));
  return {};
}

bool SnapshotWalk::pending(NodeId id) const {
  return id < end_ && !done_[id] && tree_.stat(id).czxid <= zxid_;
}

/// The next node in order that is not below `id`.
NodeId SnapshotWalk::behind(NodeId id) const {
  for (; id != kRoot; id = tree_.parent(id))
    if (const NodeId sibling = tree_.next_sibling(id); sibling != kNoNode) return sibling;
  return kNoNode;
}

SnapshotWalk::Kept SnapshotWalk::keep(NodeId id) const {
  const restore::NodeView node = tree_.get(id);
  Kept kept;
  kept.has_data = node.data.has_value();
  if (node.data) kept.data = as_text(*node.data);
  kept.acl = node.acl;
  kept.digest = tree_.digest_of(id);
  kept.stat = node.stat;
  return kept;
}

void SnapshotWalk::changing(NodeId id) {
  if (!pending(id) || before_.contains(id)) return;
  before_.emplace(id, keep(id));
}

void SnapshotWalk::removing(NodeId id) {
  if (id == next_) next_ = behind(id);
  if (!pending(id)) return;
  auto kept = before_.extract(id);
  orphans_.push_back({tree_.path(id), kept.empty() ? keep(id) : std::move(kept.mapped())});
}

Result<bool> SnapshotWalk::advance(const Slice& slice) {
  written_bytes_ = 0;
  std::size_t looked_at = 0;
  const auto enough = [&] { return looked_at++ == slice.nodes || written_bytes_ >= slice.bytes; };
  while (next_ != kNoNode) {
    if (enough()) return false;
    const NodeId id = next_;
    if (!pending(id)) {  // younger, and so is all that is below it
      next_ = behind(id);
      continue;
    }
    ZK_TRY_STATUS(write_node(id));
    const NodeId child = tree_.first_child(id);
    next_ = child != kNoNode ? child : behind(id);
  }
  tree_.observe(nullptr);  // what is left is here
  while (!orphans_.empty()) {
    if (enough()) return false;
    ZK_TRY_STATUS(write(orphans_.back().path, orphans_.back().node));
    orphans_.pop_back();
  }
  ZK_TRY_STATUS(finish());
  return true;
}

Status SnapshotWalk::write_node(NodeId id) {
  done_[id] = true;
  path_.clear();
  if (id != kRoot) tree_.path_into(id, path_);
  if (const auto kept = before_.extract(id); !kept.empty()) return write(path_, kept.mapped());
  const restore::NodeView node = tree_.get(id);
  return write(path_, node.data, node.acl, node.stat, tree_.digest_of(id));
}

Status SnapshotWalk::write(std::string_view path, const Kept& node) {
  std::optional<Bytes> data;
  if (node.has_data) data = as_bytes(node.data);
  return write(path, data, node.acl, node.stat, node.digest);
}

Status SnapshotWalk::write(std::string_view path, std::optional<Bytes> data, AclSlot acl,
                           const StatPersisted& stat, std::uint64_t digest) {
  ++written_;
  written_digest_ += digest;
  written_bytes_ += path.size() + (data ? data->size() : 0) + StatPersisted::kBytes;
  return writer_.node({path, data, acl == kOpenAcl ? -1 : static_cast<std::int64_t>(acl), stat});
}

Status SnapshotWalk::finish() {
  if (written_ != nodes_ || written_digest_ != digest_)
    return fail(
        Error(ErrorId::kInternal,
              fmt::format("the snapshot would hold {} nodes with digest {:x}, the tree had {} with {:x}",
                          written_, written_digest_, nodes_, digest_))
            .at_zxid(zxid_));
  if (!sections_.digest) return writer_.end({}, {});
  SnapDigest digest;
  digest.zxid = zxid_;
  digest.version = kDigestVersion;
  // zxid 0 says "no digest" to a reader; its field is zero then (DataTree.serializeZxidDigest).
  digest.digest = zxid_ == 0 ? 0 : static_cast<std::int64_t>(digest_);
  std::optional<std::int64_t> last_processed;
  if (sections_.last_processed_zxid) last_processed = zxid_;
  return writer_.end(digest, last_processed);
}

}  // namespace zkark::server
