#pragma once
// The tree of znodes: built for loading a million nodes in a fraction of a second and little memory. A node
// keeps its own name only; children are intrusive lists; one open-addressing table finds a node by the hash
// of its full path and proves the match by walking up the parents. The digest (formats/digest.h) is kept up
// to date.
//
// Not thread-safe for changes; readers may share a tree nobody changes. Ids are stable while their node
// lives.
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "formats/data.h"
#include "restore/blob_pool.h"

namespace zkark::restore {

using NodeId = std::uint32_t;
inline constexpr NodeId kNoNode = 0;
inline constexpr NodeId kRoot = 1;

using AclSlot = std::uint32_t;
inline constexpr AclSlot kOpenAcl = 0;  // the null list: world:anyone ALL, id -1 on disk

/// Distinct ACL lists, counted. Slots are ours; ids on disk are replica-local and not kept.
class AclTable {
 public:
  AclTable();
  /// The slot for a list (kOpenAcl for null), with one more use.
  AclSlot add(const AclList& acl);
  /// A slot for an id that a fuzzy snapshot's table lacks. It equals no other and grants nothing.
  AclSlot add_dangling();
  void use(AclSlot slot) { ++entries_[slot].uses; }
  void drop(AclSlot slot);
  /// The list, null for kOpenAcl; empty for a dangling slot. Borrows from the table.
  AclList list(AclSlot slot) const { return AclList(as_bytes(entries_[slot].encoded)); }
  bool dangling(AclSlot slot) const { return entries_[slot].dangling; }
  std::size_t slots() const { return entries_.size(); }
  std::uint64_t uses(AclSlot slot) const { return entries_[slot].uses; }

 private:
  struct Entry {
    std::string encoded;
    std::uint64_t uses = 0;
    bool dangling = false;
  };
  std::vector<Entry> entries_;
  std::unordered_map<std::string, AclSlot> by_list_;
  std::vector<AclSlot> free_;
};

/// One znode as seen from outside. Views live until the node changes.
struct NodeView {
  std::string_view name;  // last component; empty for the root
  std::optional<Bytes> data;
  StatPersisted stat;
  AclSlot acl = kOpenAcl;
  std::uint32_t children = 0;
  NodeId parent = kNoNode;
};

/// Told of each node right before it changes or goes: who copies a tree piece by piece while it changes keeps
/// what it has not copied yet. Not told of new nodes.
class TreeObserver {
 public:
  virtual ~TreeObserver() = default;
  /// Data, stat or ACL will change; links to children may have.
  virtual void changing(NodeId id) = 0;
  /// The node, which has no children, will go; its id may be used again.
  virtual void removing(NodeId id) = 0;
};

/// The hash of a path, as Tree::prepare() gives it.
using PathHash = std::uint64_t;

class Tree {
 public:
  /// A tree of the root alone (null data, zero stat, open ACL). `ascii_digest`: see node_digest.
  explicit Tree(bool ascii_digest = false);
  Tree(Tree&&) noexcept = default;
  Tree& operator=(Tree&&) noexcept = default;

  /// "" and "/" are the root. kNoNode when there is no such node.
  NodeId find(std::string_view path) const { return find(path, hash(path)); }
  NodeId find(std::string_view path, PathHash hash) const;
  /// find(path, hash) for who knows the parent: one name is compared, not all of them.
  NodeId find_below(NodeId parent, std::string_view path, PathHash hash) const;
  /// Whether the node `id`, of this tree or of any other, stands here at that path.
  bool has(NodeId id, std::string_view path) const {
    return id < next_id_ && node(id).live && is_at(id, path == "/" ? std::string_view() : path);
  }
  /// Most of the time of a replay over a large tree is waiting for memory. Who knows early which paths come
  /// next has their places fetched meanwhile: prepare() what find() will look at first, then, some records
  /// later, fetch_node() the node that is found there, then fetch_data() its value. Hints: any of them may be
  /// left out, and none changes anything.
  PathHash prepare(std::string_view path) const {
    const PathHash h = hash(path == "/" ? std::string_view() : path);
    __builtin_prefetch(&table_[(h >> 32) & (table_.size() - 1)]);
    return h;
  }
  void fetch_node(PathHash hash) const;
  void fetch_data(PathHash hash) const;
  /// Where `path`'s parent would be: find(path up to the last slash).
  NodeId find_parent(std::string_view path) const;
  NodeView get(NodeId id) const;
  const StatPersisted stat(NodeId id) const { return get(id).stat; }
  std::optional<Bytes> data(NodeId id) const;
  std::uint32_t child_count(NodeId id) const { return node(id).children; }
  std::string path(NodeId id) const;  // "/" for the root
  void path_into(NodeId id, std::string& text) const;

  /// True for "/a/b": absolute, no empty component, not the root.
  static bool valid_path(std::string_view path);

  /// A new node; `path` is valid, its parent is `parent`, nothing stands there. Takes over one use of `acl`.
  NodeId create(std::string_view path, NodeId parent, std::optional<Bytes> data, AclSlot acl,
                const StatPersisted& stat) {
    return create(path, hash(path), parent, data, acl, stat);
  }
  NodeId create(std::string_view path, PathHash hash, NodeId parent, std::optional<Bytes> data, AclSlot acl,
                const StatPersisted& stat);
  /// Removes a node and everything below it. Not for the root. Gives back the uses of its ACLs.
  void remove(NodeId id);
  void set_data(NodeId id, std::string_view path, std::optional<Bytes> data, const StatPersisted& stat);
  /// From now on `observer` (borrowed, one at a time, null for none) is told.
  void observe(TreeObserver* observer) { observer_ = observer; }
  void set_stat(NodeId id, std::string_view path, const StatPersisted& stat);
  void set_acl(NodeId id, std::string_view path, AclSlot acl, const StatPersisted& stat);

  /// Visits every node in the order of ids, which says nothing about the tree: visit(NodeId). The fastest way
  /// over all.
  template <class Visit>
  void for_each_node(Visit visit) const {
    for (NodeId id = kRoot; id < next_id_; ++id)
      if (node(id).live) visit(id);
  }
  NodeId first_child(NodeId id) const { return node(id).first_child; }
  NodeId next_sibling(NodeId id) const { return node(id).next_sibling; }
  NodeId parent(NodeId id) const { return node(id).parent; }
  /// A node's share of digest(), 0 for those outside.
  std::uint64_t digest_of(NodeId id) const { return node(id).digest; }
  /// Ids in use are below.
  NodeId id_end() const { return next_id_; }
  /// Children sorted by name bytes.
  std::vector<NodeId> sorted_children(NodeId id) const;
  /// Visits `from` and its subtree, parents first, siblings by name: visit(NodeId, path). Stops when it
  /// returns false.
  template <class Visit>
  void walk(NodeId from, Visit visit) const;

  AclTable& acls() { return acls_; }
  const AclTable& acls() const { return acls_; }
  std::size_t size() const { return count_; }  // nodes, the root included
  std::uint64_t digest() const { return digest_; }
  bool ascii_digest() const { return ascii_digest_; }
  std::uint64_t count_of(NodeKind kind) const { return kinds_[static_cast<std::size_t>(kind)]; }
  /// Sum of data lengths and of full path lengths in bytes.
  std::uint64_t data_bytes() const { return data_bytes_; }
  std::uint64_t path_bytes() const { return path_bytes_; }
  /// Paths of the ephemerals of a session, sorted.
  std::vector<std::string> ephemerals_of(std::int64_t owner) const;
  /// Sessions that own ephemerals, ascending.
  std::vector<std::int64_t> ephemeral_owners() const;

 private:
  // Two cache lines; what a lookup reads is in the first one. Names up to 16 bytes stand in the node itself.
  struct alignas(64) Node {
    static constexpr std::size_t kInlineName = 16;
    union {
      char short_name[kInlineName] = {};
      std::byte* long_name;
    };
    std::uint32_t name_size = 0;
    NodeId parent = kNoNode, first_child = kNoNode, next_sibling = kNoNode, previous_sibling = kNoNode;
    std::uint32_t children = 0;
    std::byte* data = nullptr;
    std::int32_t data_size = -1;  // -1: null
    std::uint32_t digest = 0;     // its share of digest_; 0 when outside
    std::int32_t version = 0, cversion = 0;
    std::int64_t czxid = 0, mzxid = 0, pzxid = 0, ctime = 0, mtime = 0, owner = 0;
    std::int32_t aversion = 0;
    AclSlot acl = kOpenAcl;
    bool live = false;  // false: the id is free

    const char* name() const {
      return name_size <= kInlineName ? short_name : reinterpret_cast<const char*>(long_name);
    }
  };
  static constexpr std::size_t kChunkNodes = 4096;

  Node& node(NodeId id) { return chunks_[id / kChunkNodes][id % kChunkNodes]; }
  const Node& node(NodeId id) const { return chunks_[id / kChunkNodes][id % kChunkNodes]; }
  static PathHash hash(std::string_view path);
  NodeId likely_node(PathHash hash) const;
  bool is_at(NodeId id, std::string_view path) const;
  std::size_t slot_of(NodeId id, std::string_view path) const;
  void insert(NodeId id, std::uint64_t hash);
  void grow();
  void unlink(NodeId id, std::string_view path);
  void store_data(Node& n, std::optional<Bytes> data);
  void store_stat(NodeId id, Node& n, const StatPersisted& stat);
  void rehash_digest(Node& n, std::string_view path);
  void count_owner(NodeId id, std::int64_t owner, bool add);
  NodeId new_id();

  std::vector<std::unique_ptr<Node[]>> chunks_;
  std::vector<NodeId> free_ids_;
  NodeId next_id_ = 1;
  std::vector<std::uint64_t> table_;  // upper half: hash, lower half: id
  std::size_t table_used_ = 0;        // filled and deleted slots
  BlobPool blobs_;
  AclTable acls_;
  std::unordered_map<std::int64_t, std::vector<NodeId>> ephemerals_;
  std::unordered_map<NodeId, std::uint32_t> ephemeral_index_;
  std::size_t count_ = 0;
  std::uint64_t digest_ = 0;
  std::uint64_t kinds_[4] = {};
  std::uint64_t data_bytes_ = 0, path_bytes_ = 0;
  bool ascii_digest_ = false;
  mutable NodeId last_parent_ = kNoNode;
  TreeObserver* observer_ = nullptr;
};

template <class Visit>
void Tree::walk(NodeId from, Visit visit) const {
  struct Level {
    std::vector<NodeId> ids;
    std::size_t next;
    std::size_t path_size;
  };
  std::string path = from == kRoot ? "" : this->path(from);
  if (!visit(from, std::string_view(from == kRoot ? "/" : path))) return;
  std::vector<Level> stack;
  stack.push_back({sorted_children(from), 0, path.size()});
  while (!stack.empty()) {
    Level& level = stack.back();
    if (level.next == level.ids.size()) {
      stack.pop_back();
      continue;
    }
    const NodeId id = level.ids[level.next++];
    path.resize(level.path_size);
    path += '/';
    path += get(id).name;
    if (!visit(id, std::string_view(path))) return;
    if (node(id).first_child != kNoNode) stack.push_back({sorted_children(id), 0, path.size()});
  }
}

}  // namespace zkark::restore
