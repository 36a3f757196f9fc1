#include "restore/tree.h"

#include <algorithm>

#include "formats/base/check.h"
#include "formats/digest.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace zkark::restore {
namespace {

// A table slot holds the upper 32 bits of a path's hash and the node's id; kDeleted keeps probe chains whole.
constexpr std::uint64_t kEmpty = 0;
constexpr std::uint64_t kDeleted = 0xffffffffULL;
constexpr std::uint64_t kHashMask = 0xffffffff00000000ULL;

std::string_view parent_of(std::string_view path) { return path.substr(0, path.rfind('/')); }

/// memcmp() == 0 for names: so short that a call costs more than the comparison.
bool same_text(const char* a, const char* b, std::size_t size) {
  const auto load = [](const char* from, auto value) {
    std::memcpy(&value, from, sizeof value);
    return value;
  };
  if (size >= 8) {
    for (std::size_t i = 0; i + 8 < size; i += 8)
      if (load(a + i, std::uint64_t{}) != load(b + i, std::uint64_t{})) return false;
    return load(a + size - 8, std::uint64_t{}) == load(b + size - 8, std::uint64_t{});
  }
  if (size >= 4)
    return load(a, std::uint32_t{}) == load(b, std::uint32_t{}) &&
           load(a + size - 4, std::uint32_t{}) == load(b + size - 4, std::uint32_t{});
  for (std::size_t i = 0; i < size; ++i)
    if (a[i] != b[i]) return false;
  return true;
}

}  // namespace

AclTable::AclTable() { entries_.push_back({std::string(), 1, false}); }

AclSlot AclTable::add(const AclList& acl) {
  if (acl.is_null()) {
    use(kOpenAcl);
    return kOpenAcl;
  }
  std::string encoded(as_text(acl.encoded()));
  auto [at, is_new] = by_list_.try_emplace(encoded, kOpenAcl);
  if (is_new) {
    if (free_.empty()) {
      at->second = static_cast<AclSlot>(entries_.size());
      entries_.emplace_back();
    } else {
      at->second = free_.back();
      free_.pop_back();
    }
    entries_[at->second] = {std::move(encoded), 0, false};
  }
  use(at->second);
  return at->second;
}

AclSlot AclTable::add_dangling() {
  static constexpr char kEmptyList[4] = {0, 0, 0, 0};
  entries_.push_back({std::string(kEmptyList, 4), 1, true});
  return static_cast<AclSlot>(entries_.size() - 1);
}

void AclTable::drop(AclSlot slot) {
  if (slot == kOpenAcl || --entries_[slot].uses != 0) return;
  if (entries_[slot].dangling) return;
  by_list_.erase(entries_[slot].encoded);
  entries_[slot].encoded.clear();
  free_.push_back(slot);
}

Tree::Tree(bool ascii_digest) : ascii_digest_(ascii_digest) {
  table_.resize(1024);
  const NodeId root = new_id();
  ZK_CHECK(root == kRoot);
  insert(root, hash(""));
  kinds_[0] = 1;
  rehash_digest(node(root), "");
}

PathHash Tree::hash(std::string_view path) { return XXH3_64bits(path.data(), path.size()); }

/// Compares from the last component up to the root.
bool Tree::is_at(NodeId id, std::string_view path) const {
  while (id != kRoot) {
    const Node& n = node(id);
    const std::size_t size = n.name_size;
    if (path.size() < size + 1) return false;
    const char* tail = path.data() + path.size() - size;
    if (tail[-1] != '/' || !same_text(tail, n.name(), size)) return false;
    path.remove_suffix(size + 1);
    id = n.parent;
  }
  return path.empty();
}

NodeId Tree::find(std::string_view path, PathHash h) const {
  if (path.empty() || path == "/") return kRoot;
  const std::size_t mask = table_.size() - 1;
  for (std::size_t i = (h >> 32) & mask;; i = (i + 1) & mask) {
    const std::uint64_t slot = table_[i];
    if (slot == kEmpty) return kNoNode;
    if (((slot ^ h) & kHashMask) != 0 || slot == kDeleted) continue;
    const auto id = static_cast<NodeId>(slot);
    if (is_at(id, path)) return id;
  }
}

NodeId Tree::find_below(NodeId parent, std::string_view path, PathHash h) const {
  const std::string_view name = path.substr(path.rfind('/') + 1);
  const std::size_t mask = table_.size() - 1;
  for (std::size_t i = (h >> 32) & mask;; i = (i + 1) & mask) {
    const std::uint64_t slot = table_[i];
    if (slot == kEmpty) return kNoNode;
    if (((slot ^ h) & kHashMask) != 0 || slot == kDeleted) continue;
    const auto id = static_cast<NodeId>(slot);
    const Node& n = node(id);
    if (n.parent == parent && n.name_size == name.size() && same_text(n.name(), name.data(), name.size()))
      return id;
  }
}

/// What stands first at the place of `hash`: nearly always the node, if there is one.
NodeId Tree::likely_node(PathHash h) const {
  const std::size_t mask = table_.size() - 1;
  for (std::size_t i = (h >> 32) & mask, tries = 0; tries < 4; i = (i + 1) & mask, ++tries) {
    const std::uint64_t slot = table_[i];
    if (slot == kEmpty) break;
    if (((slot ^ h) & kHashMask) == 0 && slot != kDeleted) return static_cast<NodeId>(slot);
  }
  return kNoNode;
}

void Tree::fetch_node(PathHash h) const {
  const NodeId id = likely_node(h);
  if (id == kNoNode) return;
  const auto* const at = reinterpret_cast<const char*>(&node(id));
  __builtin_prefetch(at);
  __builtin_prefetch(at + 64);
}

void Tree::fetch_data(PathHash h) const {
  const NodeId id = likely_node(h);
  if (id == kNoNode) return;
  const Node& n = node(id);
  __builtin_prefetch(&node(n.parent));  // its name is compared, too
  if (n.data == nullptr) return;
  __builtin_prefetch(n.data);
  if (n.data_size > 64) __builtin_prefetch(n.data + 64);
}

NodeId Tree::find_parent(std::string_view path) const {
  const std::string_view parent = parent_of(path);
  // Neighbours in logs and snapshots mostly share their parent.
  if (last_parent_ != kNoNode && is_at(last_parent_, parent)) return last_parent_;
  return last_parent_ = find(parent);
}

std::size_t Tree::slot_of(NodeId id, std::string_view path) const {
  const std::size_t mask = table_.size() - 1;
  for (std::size_t i = (hash(path) >> 32) & mask;; i = (i + 1) & mask) {
    ZK_CHECK(table_[i] != kEmpty);
    if (static_cast<NodeId>(table_[i]) == id && table_[i] != kDeleted) return i;
  }
}

void Tree::insert(NodeId id, std::uint64_t h) {
  if ((table_used_ + 1) * 10 > table_.size() * 7) grow();
  const std::size_t mask = table_.size() - 1;
  std::size_t i = (h >> 32) & mask;
  while (table_[i] != kEmpty) i = (i + 1) & mask;
  table_[i] = (h & kHashMask) | id;
  ++table_used_;
}

/// Doubles the table, or only cleans out deleted slots. The place comes from the hash bits that a slot keeps.
void Tree::grow() {
  std::vector<std::uint64_t> old = std::move(table_);
  table_.assign(count_ * 10 > old.size() * 4 ? old.size() * 2 : old.size(), kEmpty);
  const std::size_t mask = table_.size() - 1;
  table_used_ = 0;
  for (std::uint64_t slot : old) {
    if (slot == kEmpty || slot == kDeleted) continue;
    std::size_t i = (slot >> 32) & mask;
    while (table_[i] != kEmpty) i = (i + 1) & mask;
    table_[i] = slot;
    ++table_used_;
  }
}

NodeId Tree::new_id() {
  if (!free_ids_.empty()) {
    const NodeId id = free_ids_.back();
    free_ids_.pop_back();
    node(id) = Node{};
    node(id).live = true;
    ++count_;
    return id;
  }
  const NodeId id = next_id_++;
  if (id / kChunkNodes >= chunks_.size()) chunks_.push_back(std::make_unique<Node[]>(kChunkNodes));
  node(id).live = true;
  ++count_;
  return id;
}

bool Tree::valid_path(std::string_view path) {
  if (path.size() < 2 || path.front() != '/' || path.back() == '/') return false;
  return path.find("//") == std::string_view::npos;
}

std::optional<Bytes> Tree::data(NodeId id) const {
  const Node& n = node(id);
  if (n.data_size < 0) return std::nullopt;
  return Bytes(n.data, static_cast<std::size_t>(n.data_size));
}

NodeView Tree::get(NodeId id) const {
  const Node& n = node(id);
  NodeView view;
  view.name = {n.name(), n.name_size};
  view.data = data(id);
  view.stat = {n.czxid, n.mzxid, n.ctime, n.mtime, n.version, n.cversion, n.aversion, n.owner, n.pzxid};
  view.acl = n.acl;
  view.children = n.children;
  view.parent = n.parent;
  return view;
}

std::string Tree::path(NodeId id) const {
  std::string text;
  path_into(id, text);
  return text;
}

void Tree::path_into(NodeId id, std::string& text) const {
  std::size_t size = 0;
  for (NodeId at = id; at != kRoot; at = node(at).parent) size += node(at).name_size + 1;
  text.assign(std::max<std::size_t>(size, 1), '/');
  for (NodeId at = id; at != kRoot; at = node(at).parent) {
    size -= node(at).name_size;
    std::memcpy(text.data() + size, node(at).name(), node(at).name_size);
    --size;
  }
}

NodeId Tree::create(std::string_view path, PathHash hash, NodeId parent, std::optional<Bytes> data,
                    AclSlot acl, const StatPersisted& stat) {
  const std::string_view name = path.substr(path.rfind('/') + 1);
  const NodeId id = new_id();
  Node& n = node(id);
  n.name_size = static_cast<std::uint32_t>(name.size());
  if (name.size() <= Node::kInlineName)
    std::memcpy(n.short_name, name.data(), name.size());
  else
    n.long_name = blobs_.put(as_bytes(name));
  n.parent = parent;
  n.acl = acl;
  store_data(n, data);
  Node& p = node(parent);
  n.next_sibling = p.first_child;
  if (p.first_child != kNoNode) node(p.first_child).previous_sibling = id;
  p.first_child = id;
  ++p.children;
  path_bytes_ += path.size();
  ++kinds_[0];  // store_stat moves it to the kind of its owner
  store_stat(id, n, stat);
  insert(id, hash);
  rehash_digest(n, path);
  return id;
}

/// Takes one childless node out of everything.
void Tree::unlink(NodeId id, std::string_view path) {
  if (observer_ != nullptr) observer_->removing(id);
  Node& n = node(id);
  table_[slot_of(id, path)] = kDeleted;
  Node& p = node(n.parent);
  if (n.previous_sibling != kNoNode)
    node(n.previous_sibling).next_sibling = n.next_sibling;
  else
    p.first_child = n.next_sibling;
  if (n.next_sibling != kNoNode) node(n.next_sibling).previous_sibling = n.previous_sibling;
  --p.children;
  digest_ -= n.digest;
  path_bytes_ -= path.size();
  count_owner(id, n.owner, false);
  store_data(n, std::nullopt);
  if (n.name_size > Node::kInlineName) blobs_.drop(n.long_name, n.name_size);
  acls_.drop(n.acl);
  n.live = false;
  if (last_parent_ == id) last_parent_ = kNoNode;
  free_ids_.push_back(id);
  --count_;
}

void Tree::remove(NodeId id) {
  ZK_CHECK(id != kRoot);
  if (node(id).first_child == kNoNode) return unlink(id, path(id));
  // Deepest first, without recursion: depth is the file's choice.
  for (NodeId at = id;;) {
    while (node(at).first_child != kNoNode) at = node(at).first_child;
    const NodeId parent = node(at).parent;
    unlink(at, path(at));
    if (at == id) return;
    at = parent;
  }
}

void Tree::store_data(Node& n, std::optional<Bytes> data) {
  if (n.data != nullptr && data &&
      BlobPool::same_block(static_cast<std::size_t>(n.data_size), data->size())) {
    std::memmove(n.data, data->data(), data->size());
    data_bytes_ += data->size() - static_cast<std::uint64_t>(n.data_size);
    n.data_size = static_cast<std::int32_t>(data->size());
    return;
  }
  std::byte* fresh =
      data && !data->empty() ? blobs_.put(*data) : nullptr;  // before the old goes: it may be a view of it
  if (n.data != nullptr) {
    blobs_.drop(n.data, static_cast<std::size_t>(n.data_size));
    data_bytes_ -= static_cast<std::uint64_t>(n.data_size);
  }
  n.data = fresh;
  n.data_size = data ? static_cast<std::int32_t>(data->size()) : -1;
  if (fresh != nullptr) data_bytes_ += data->size();
}

void Tree::store_stat(NodeId id, Node& n, const StatPersisted& s) {
  if (n.owner != s.ephemeral_owner) {
    count_owner(id, n.owner, false);
    count_owner(id, s.ephemeral_owner, true);
  }
  n.czxid = s.czxid, n.mzxid = s.mzxid, n.pzxid = s.pzxid;
  n.ctime = s.ctime, n.mtime = s.mtime, n.owner = s.ephemeral_owner;
  n.version = s.version, n.cversion = s.cversion, n.aversion = s.aversion;
}

void Tree::count_owner(NodeId id, std::int64_t owner, bool add) {
  const NodeKind kind = node_kind(owner);
  kinds_[static_cast<std::size_t>(kind)] += add ? 1 : ~0ULL;
  if (kind != NodeKind::kEphemeral) return;
  if (add) {
    std::vector<NodeId>& ids = ephemerals_[owner];
    ephemeral_index_[id] = static_cast<std::uint32_t>(ids.size());
    ids.push_back(id);
    return;
  }
  std::vector<NodeId>& ids = ephemerals_[owner];
  const std::uint32_t at = ephemeral_index_[id];
  ids[at] = ids.back();
  ephemeral_index_[ids[at]] = at;
  ids.pop_back();
  ephemeral_index_.erase(id);
  if (ids.empty()) ephemerals_.erase(owner);
}

void Tree::rehash_digest(Node& n, std::string_view path) {
  const StatPersisted stat{n.czxid,    n.mzxid,    n.ctime, n.mtime, n.version,
                           n.cversion, n.aversion, n.owner, n.pzxid};
  std::optional<Bytes> data;
  if (n.data_size > 0) data = Bytes(n.data, static_cast<std::size_t>(n.data_size));
  const std::uint64_t fresh = node_digest(path == "/" ? std::string_view() : path, data, stat, ascii_digest_);
  digest_ += fresh - n.digest;
  n.digest = static_cast<std::uint32_t>(fresh);
}

void Tree::set_data(NodeId id, std::string_view path, std::optional<Bytes> data, const StatPersisted& stat) {
  if (observer_ != nullptr) observer_->changing(id);
  Node& n = node(id);
  store_data(n, data);
  store_stat(id, n, stat);
  rehash_digest(n, path);
}

void Tree::set_stat(NodeId id, std::string_view path, const StatPersisted& stat) {
  if (observer_ != nullptr) observer_->changing(id);
  Node& n = node(id);
  store_stat(id, n, stat);
  rehash_digest(n, path);
}

void Tree::set_acl(NodeId id, std::string_view path, AclSlot acl, const StatPersisted& stat) {
  if (observer_ != nullptr) observer_->changing(id);
  Node& n = node(id);
  acls_.drop(n.acl);
  n.acl = acl;
  set_stat(id, path, stat);
}

std::vector<NodeId> Tree::sorted_children(NodeId id) const {
  std::vector<NodeId> ids;
  ids.reserve(node(id).children);
  for (NodeId child = node(id).first_child; child != kNoNode; child = node(child).next_sibling)
    ids.push_back(child);
  std::sort(ids.begin(), ids.end(), [this](NodeId a, NodeId b) { return get(a).name < get(b).name; });
  return ids;
}

std::vector<std::string> Tree::ephemerals_of(std::int64_t owner) const {
  std::vector<std::string> paths;
  if (auto at = ephemerals_.find(owner); at != ephemerals_.end())
    for (NodeId id : at->second) paths.push_back(path(id));
  std::sort(paths.begin(), paths.end());
  return paths;
}

std::vector<std::int64_t> Tree::ephemeral_owners() const {
  std::vector<std::int64_t> owners;
  for (const auto& [owner, ids] : ephemerals_) owners.push_back(owner);
  std::sort(owners.begin(), owners.end());
  return owners;
}

}  // namespace zkark::restore
