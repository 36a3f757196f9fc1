#pragma once
// A node's stat as every verb shows it.
#include "restore/state.h"
#include "src/cli/table.h"

namespace zkark::cli {

/// The stat as a client sees it (DataNode.copyStat): cversion counts deletes too, containers and TTL nodes
/// have no owner.
struct ClientStat {
  std::int32_t cversion = 0;
  std::int64_t ephemeral_owner = 0;
};
ClientStat client_stat(const restore::NodeView& node);

/// "persistent", "ephemeral", "container", "ttl".
std::string_view kind_of(const restore::NodeView& node);
/// "world:anyone:cdrwa", …; "?" where a fuzzy snapshot lacks the list.
std::vector<std::string> acl_texts(const restore::Tree& tree, restore::AclSlot slot);

}  // namespace zkark::cli
