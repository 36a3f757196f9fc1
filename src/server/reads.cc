#include "src/server/reads.h"

#include <algorithm>
#include <optional>

namespace zkark::server {
namespace {

using restore::kNoNode;
using restore::NodeId;
using restore::NodeView;
using restore::Tree;

bool may(const ReadContext& context, const NodeView& node, std::int32_t perms) {
  if (node.acl == restore::kOpenAcl) return true;
  return context.rules.allows(context.state.tree.acls().list(node.acl), perms, context.who);
}

void write_node_stat(JuteWriter& out, const NodeView& node) {
  write_stat(out, node.stat, node.data, node.children);
}

ZkCode exists(JuteReader& in, const ReadContext& context, JuteWriter& out) {
  const auto request = PathWatchRequest::read(in);
  if (!in.ok()) return ZkCode::kMarshallingError;
  if (request.path.find('\0') != std::string_view::npos) return ZkCode::kBadArguments;
  const NodeId id = context.state.tree.find(request.path);
  if (id == kNoNode) {
    if (request.watch) context.watches.add(request.path, context.watcher, kDataWatch);
    return ZkCode::kNoNode;
  }
  const NodeView node = context.state.tree.get(id);
  if (!may(context, node, Perms::kRead)) return ZkCode::kNoAuth;
  if (request.watch) context.watches.add(request.path, context.watcher, kDataWatch);
  write_node_stat(out, node);
  return ZkCode::kOk;
}

ZkCode get_data(JuteReader& in, const ReadContext& context, JuteWriter& out) {
  const auto request = PathWatchRequest::read(in);
  if (!in.ok()) return ZkCode::kMarshallingError;
  const NodeId id = context.state.tree.find(request.path);
  if (id == kNoNode) return ZkCode::kNoNode;
  const NodeView node = context.state.tree.get(id);
  if (!may(context, node, Perms::kRead)) return ZkCode::kNoAuth;
  if (request.watch) context.watches.add(request.path, context.watcher, kDataWatch);
  out.buffer(node.data);
  write_node_stat(out, node);
  return ZkCode::kOk;
}

ZkCode get_children(JuteReader& in, const ReadContext& context, bool with_stat, JuteWriter& out) {
  const auto request = PathWatchRequest::read(in);
  if (!in.ok()) return ZkCode::kMarshallingError;
  const Tree& tree = context.state.tree;
  const NodeId id = tree.find(request.path);
  if (id == kNoNode) return ZkCode::kNoNode;
  const NodeView node = tree.get(id);
  if (!may(context, node, Perms::kRead)) return ZkCode::kNoAuth;
  if (request.watch) context.watches.add(request.path, context.watcher, kChildWatch);
  out.i32(static_cast<std::int32_t>(node.children));
  for (NodeId child = tree.first_child(id); child != kNoNode; child = tree.next_sibling(child))
    out.ustring(tree.get(child).name);
  if (with_stat) write_node_stat(out, node);
  return ZkCode::kOk;
}

/// Who may not administer the node sees digest ids without their hash (ZOOKEEPER-1392).
ZkCode get_acl(JuteReader& in, const ReadContext& context, JuteWriter& out) {
  const std::string_view path = in.path();
  if (!in.ok()) return ZkCode::kMarshallingError;
  const NodeId id = context.state.tree.find(path);
  if (id == kNoNode) return ZkCode::kNoNode;
  const NodeView node = context.state.tree.get(id);
  if (!may(context, node, Perms::kRead | Perms::kAdmin)) return ZkCode::kNoAuth;
  AclList acl = context.state.tree.acls().list(node.acl);
  if (node.acl == restore::kOpenAcl) acl = open_acl_unsafe();
  if (may(context, node, Perms::kAdmin)) {
    out.vector(acl);
  } else {
    out.i32(static_cast<std::int32_t>(acl.size()));
    for (const Acl& entry : acl) {
      out.i32(entry.perms);
      out.ustring(entry.scheme);
      if (entry.scheme == "digest" && entry.id)
        out.ustring(std::string(entry.id->substr(0, entry.id->find(':'))) + ":x");
      else
        out.ustring(entry.id);
    }
  }
  write_node_stat(out, node);
  return ZkCode::kOk;
}

ZkCode count_descendants(JuteReader& in, const ReadContext& context, JuteWriter& out) {
  const std::string_view path = in.path();
  if (!in.ok()) return ZkCode::kMarshallingError;
  const Tree& tree = context.state.tree;
  const NodeId id = tree.find(path);
  if (id == kNoNode) return ZkCode::kNoNode;
  if (!may(context, tree.get(id), Perms::kRead)) return ZkCode::kNoAuth;
  // Of "" Apache counts all paths that begin with "/", and that is the root's, too.
  if (id == restore::kRoot)
    return out.i32(static_cast<std::int32_t>(tree.size() - (path.empty() ? 0 : 1))), ZkCode::kOk;
  std::int32_t count = 0;
  for (NodeId at = id;;) {
    if (tree.first_child(at) != kNoNode) {
      at = tree.first_child(at);
    } else {
      while (at != id && tree.next_sibling(at) == kNoNode) at = tree.parent(at);
      if (at == id) break;
      at = tree.next_sibling(at);
    }
    ++count;
  }
  out.i32(count);
  return ZkCode::kOk;
}

/// As Java trims: everything up to U+0020 is a blank.
bool blank(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](unsigned char c) { return c <= ' '; });
}

ZkCode get_ephemerals(JuteReader& in, const ReadContext& context, JuteWriter& out) {
  const auto request = PathRequest::read(in);
  if (!in.ok()) return ZkCode::kMarshallingError;
  const std::string_view prefix = request.path.value_or(std::string_view());
  const bool all = blank(prefix) || prefix == "/";
  std::vector<std::string> paths = context.state.tree.ephemerals_of(context.session);
  if (!all) std::erase_if(paths, [&](const std::string& path) { return !path.starts_with(prefix); });
  out.i32(static_cast<std::int32_t>(paths.size()));
  for (const std::string& path : paths) out.ustring(path);
  return ZkCode::kOk;
}

ZkCode sync(JuteReader& in, JuteWriter& out) {
  const auto request = PathRequest::read(in);
  if (!in.ok()) return ZkCode::kMarshallingError;
  out.ustring(request.path);
  return ZkCode::kOk;
}

/// Types of checkWatches and removeWatches: 1 children, 2 data, 3 any, since 3.9 4 persistent, 5 recursive.
/// Where the one-shot kind that was asked for is not there, the lasting one that tells the same is meant: 3.8
/// has one kind per path.
std::optional<WatchKinds> kinds_asked(std::int32_t type, WatchKinds there) {
  const auto first_of = [there](WatchKinds once, WatchKinds lasting) -> WatchKinds {
    return (there & once) != 0 ? once : lasting;
  };
  switch (type) {
    case 1:
      return first_of(kChildWatch, kPersistentWatch | kRecursiveWatch);
    case 2:
      return first_of(kDataWatch, kPersistentWatch | kRecursiveWatch);
    case 3:
      return static_cast<WatchKinds>(0xff);
    case 4:
      return kPersistentWatch;
    case 5:
      return kRecursiveWatch;
    default:
      return std::nullopt;
  }
}

ZkCode check_watches(JuteReader& in, const ReadContext& context, bool remove) {
  const auto request = WatchRequest::read(in);
  if (!in.ok()) return ZkCode::kMarshallingError;
  const WatchKinds there = context.watches.kinds_of(request.path, context.watcher);
  const auto asked = kinds_asked(request.kind, there);
  if (!asked) return ZkCode::kMarshallingError;
  // Apache goes up from the path, and stumbles where there is no way up.
  if (!remove && !request.path.empty() && request.path.find('/') == std::string_view::npos)
    return ZkCode::kMarshallingError;
  if ((there & *asked) == 0) return ZkCode::kNoWatcher;
  if (remove) context.watches.remove(request.path, context.watcher, *asked);
  return ZkCode::kOk;
}

ZkCode add_watch(JuteReader& in, const ReadContext& context, JuteWriter& out) {
  const auto request = WatchRequest::read(in);
  if (!in.ok() || request.kind < 0 || request.kind > 1) return ZkCode::kMarshallingError;
  context.watches.add(request.path, context.watcher, request.kind == 0 ? kPersistentWatch : kRecursiveWatch);
  out.i32(0);
  return ZkCode::kOk;
}

ZkCode who_am_i(const ReadContext& context, JuteWriter& out) {
  out.i32(static_cast<std::int32_t>(context.who.size()));
  for (const Identity& identity : context.who) {
    out.ustring(identity.scheme);
    out.ustring(user_name(identity));
  }
  return ZkCode::kOk;
}

/// One getData or getChildren of a multiRead: its result, or its code. False: it cannot be decoded.
bool read_part(OpCode op, JuteReader& in, const ReadContext& context, std::string& results) {
  const auto request = PathWatchRequest::read(in);
  if (!in.ok()) return false;
  const Tree& tree = context.state.tree;
  const NodeId id = tree.find(request.path);
  ZkCode err = ZkCode::kOk;
  if (id == kNoNode)
    err = ZkCode::kNoNode;
  else if (!may(context, tree.get(id), Perms::kRead))
    err = ZkCode::kNoAuth;
  JuteWriter out(results);
  if (err != ZkCode::kOk) {
    const auto code = static_cast<std::int32_t>(err);
    MultiHeader{-1, false, code}.write(out);
    out.i32(code);
    return true;
  }
  const NodeView node = tree.get(id);
  MultiHeader{static_cast<std::int32_t>(op), false, 0}.write(out);
  if (op == OpCode::kGetData) {
    out.buffer(node.data);
    write_node_stat(out, node);
    return true;
  }
  out.i32(static_cast<std::int32_t>(node.children));
  for (NodeId child = tree.first_child(id); child != kNoNode; child = tree.next_sibling(child))
    out.ustring(tree.get(child).name);
  return true;
}

/// Its results come in one packet: 1 MiB of request may name 50,000 nodes of 1 MiB. Apache answers, or dies
/// of it; no client reads a packet of this size.
constexpr std::size_t kMostResults = 64 << 20;

ZkCode multi_read(JuteReader& in, const ReadContext& context, JuteWriter& out) {
  std::string results;
  for (;;) {
    const MultiHeader header = MultiHeader::read(in);
    if (!in.ok()) return ZkCode::kMarshallingError;
    if (header.done) break;
    const auto op = static_cast<OpCode>(header.op);
    if (op != OpCode::kGetData && op != OpCode::kGetChildren) return ZkCode::kMarshallingError;
    if (!read_part(op, in, context, results) || results.size() > kMostResults)
      return ZkCode::kMarshallingError;
  }
  out.raw(as_bytes(results));
  MultiHeader{}.write(out);
  return ZkCode::kOk;
}

}  // namespace

bool is_read(OpCode op) {
  switch (op) {
    case OpCode::kExists:
    case OpCode::kGetData:
    case OpCode::kGetAcl:
    case OpCode::kGetChildren:
    case OpCode::kSync:
    case OpCode::kPing:
    case OpCode::kGetChildren2:
    case OpCode::kCheckWatches:
    case OpCode::kRemoveWatches:
    case OpCode::kMultiRead:
    case OpCode::kGetEphemerals:
    case OpCode::kGetAllChildrenNumber:
    case OpCode::kAddWatch:
    case OpCode::kWhoAmI:
      return true;
    default:
      return false;
  }
}

ZkCode read(OpCode op, Bytes body, const ReadContext& context, JuteWriter& out) {
  JuteReader in(body);
  switch (op) {
    case OpCode::kExists:
      return exists(in, context, out);
    case OpCode::kGetData:
      return get_data(in, context, out);
    case OpCode::kGetAcl:
      return get_acl(in, context, out);
    case OpCode::kGetChildren:
      return get_children(in, context, false, out);
    case OpCode::kGetChildren2:
      return get_children(in, context, true, out);
    case OpCode::kSync:
      return sync(in, out);
    case OpCode::kCheckWatches:
      return check_watches(in, context, false);
    case OpCode::kRemoveWatches: {
      JuteReader as_java(body, Limits{INT64_MAX, true});  // nobody watches a null path
      return check_watches(as_java, context, true);
    }
    case OpCode::kMultiRead:
      return multi_read(in, context, out);
    case OpCode::kGetEphemerals:
      return get_ephemerals(in, context, out);
    case OpCode::kGetAllChildrenNumber:
      return count_descendants(in, context, out);
    case OpCode::kAddWatch:
      return add_watch(in, context, out);
    case OpCode::kWhoAmI:
      return who_am_i(context, out);
    default:
      return ZkCode::kOk;  // ping
  }
}

ZkCode set_watches(OpCode op, Bytes body, const ReadContext& context) {
  JuteReader in(body);
  const auto request = SetWatchesRequest::read(in, op == OpCode::kSetWatches2);
  if (!in.ok()) return ZkCode::kMarshallingError;
  // A null list is where Apache stumbles: what comes before it is done.
  if (request.data.is_null()) return ZkCode::kMarshallingError;
  const Tree& tree = context.state.tree;
  const auto catch_up = [&](EventType type, std::string_view path) { context.watcher.event(type, path, -1); };
  for (const PathItem& item : request.data) {
    const NodeId id = tree.find(item.path);
    if (id == kNoNode)
      catch_up(EventType::kDeleted, item.path);
    else if (tree.stat(id).mzxid > request.relative_zxid)
      catch_up(EventType::kDataChanged, item.path);
    else
      context.watches.add(item.path, context.watcher, kDataWatch);
  }
  if (request.exist.is_null()) return ZkCode::kMarshallingError;
  for (const PathItem& item : request.exist) {
    if (tree.find(item.path) != kNoNode)
      catch_up(EventType::kCreated, item.path);
    else
      context.watches.add(item.path, context.watcher, kDataWatch);
  }
  if (request.child.is_null()) return ZkCode::kMarshallingError;
  for (const PathItem& item : request.child) {
    const NodeId id = tree.find(item.path);
    if (id == kNoNode)
      catch_up(EventType::kDeleted, item.path);
    else if (tree.stat(id).pzxid > request.relative_zxid)
      catch_up(EventType::kChildrenChanged, item.path);
    else
      context.watches.add(item.path, context.watcher, kChildWatch);
  }
  if (op == OpCode::kSetWatches) return ZkCode::kOk;
  if (request.persistent.is_null()) return ZkCode::kMarshallingError;
  for (const PathItem& item : request.persistent)
    context.watches.add(item.path, context.watcher, kPersistentWatch);
  if (request.recursive.is_null()) return ZkCode::kMarshallingError;
  for (const PathItem& item : request.recursive)
    context.watches.add(item.path, context.watcher, kRecursiveWatch);
  return ZkCode::kOk;
}

}  // namespace zkark::server
