// The canonical text of a state (contract: tests/compat/README.md), compared with Apache's own classes.
#include <fmt/format.h>

#include <algorithm>

#include "restore/state.h"

namespace zkark::restore {
namespace {

void append_escaped(std::string& out, std::string_view text, bool id) {
  for (char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool escape =
        byte < 0x21 || byte == 0x7f || c == '%' || (id && (byte > 0x7e || c == ',' || c == ':'));
    if (escape)
      out += fmt::format("%{:02x}", byte);
    else
      out += c;
  }
}

void append_id(std::string& out, const std::optional<std::string_view>& text) {
  if (text)
    append_escaped(out, *text, true);
  else
    out += '-';
}

void append_acl(std::string& out, const Tree& tree, AclSlot slot) {
  if (slot == kOpenAcl) {
    out += "31:world:anyone";
    return;
  }
  if (tree.acls().dangling(slot)) {
    out += '?';
    return;
  }
  bool first = true;
  for (const Acl& acl : tree.acls().list(slot)) {
    if (!first) out += ',';
    first = false;
    out += fmt::format("{}:", acl.perms);
    append_id(out, acl.scheme);
    out += ':';
    append_id(out, acl.id);
  }
}

}  // namespace

void canonical_dump(const State& state, const std::function<void(std::string_view)>& out) {
  const Tree& tree = state.tree;
  // Sorted by full path bytes, which is not the order of a walk ("/a" < "/a-b" < "/a/c").
  std::vector<std::pair<std::string, NodeId>> nodes;
  nodes.reserve(tree.size());
  tree.walk(kRoot, [&](NodeId id, std::string_view path) {
    nodes.emplace_back(path, id);
    return true;
  });
  std::sort(nodes.begin(), nodes.end());
  std::string line;
  for (const auto& [path, id] : nodes) {
    const NodeView n = tree.get(id);
    line.clear();
    append_escaped(line, path, false);
    line += '\t';
    line += n.data ? to_hex(*n.data) : "-";
    line += '\t';
    append_acl(line, tree, n.acl);
    line +=
        fmt::format("\t{} {} {} {} {} {} {} {} {}\n", n.stat.czxid, n.stat.mzxid, n.stat.pzxid, n.stat.ctime,
                    n.stat.mtime, n.stat.version, n.stat.cversion, n.stat.aversion, n.stat.ephemeral_owner);
    out(line);
  }
  for (const auto& [id, timeout] : state.sessions)
    out(fmt::format("session\t{:#x}\t{}\n", static_cast<std::uint64_t>(id), timeout));
}

}  // namespace zkark::restore
