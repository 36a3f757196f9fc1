#include "src/cli/node_cells.h"

#include "src/cli/txn_print.h"

namespace zkark::cli {

ClientStat client_stat(const restore::NodeView& node) {
  ClientStat stat;
  // Unsigned: cversion wraps around in Java.
  stat.cversion =
      static_cast<std::int32_t>(2 * static_cast<std::uint32_t>(node.stat.cversion) - node.children);
  if (node_kind(node.stat.ephemeral_owner) == NodeKind::kEphemeral)
    stat.ephemeral_owner = node.stat.ephemeral_owner;
  return stat;
}

std::string_view kind_of(const restore::NodeView& node) {
  return node_kind_name(node_kind(node.stat.ephemeral_owner));
}

std::vector<std::string> acl_texts(const restore::Tree& tree, restore::AclSlot slot) {
  if (slot == restore::kOpenAcl) return {"world:anyone:cdrwa"};
  if (tree.acls().dangling(slot)) return {"?"};
  std::vector<std::string> texts;
  for (const Acl& rule : tree.acls().list(slot)) texts.push_back(acl_text(rule));
  return texts;
}

}  // namespace zkark::cli
