#pragma once
// Jute records that txns, snapshots and the protocol share.
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "formats/jute.h"
#include "formats/ops.h"

namespace zkark {

/// One access rule: ACL{i32 perms, Id{ustring scheme, ustring id}}. Strings borrow.
struct Acl {
  std::int32_t perms = 0;
  std::optional<std::string_view> scheme, id;
  static Acl read(JuteReader& in) {
    Acl acl;
    acl.perms = in.i32();
    acl.scheme = in.ustring();
    acl.id = in.ustring();
    return acl;
  }
  bool operator==(const Acl&) const = default;
};
using AclList = JuteVector<Acl>;

/// The encoded form of a list, for building records; AclList(as_bytes(result)) views it.
std::string encode_acls(std::span<const Acl> acls);
/// World may do everything: what a null list means (ACL id -1).
AclList open_acl_unsafe();

/// A path inside a vector<ustring>.
struct PathItem {
  std::string_view path;
  static PathItem read(JuteReader& in) { return {in.path()}; }
};
using PathList = JuteVector<PathItem>;
std::string encode_paths(std::span<const std::string_view> paths);

/// StatPersisted, in its order on disk (60 bytes). cversion counts creates only; clients see
/// 2 * cversion - numChildren.
struct StatPersisted {
  std::int64_t czxid = 0, mzxid = 0, ctime = 0, mtime = 0;
  std::int32_t version = 0, cversion = 0, aversion = 0;
  std::int64_t ephemeral_owner = 0;
  std::int64_t pzxid = 0;
  static constexpr std::size_t kBytes = 60;
  static StatPersisted read(JuteReader& in);
  void write(JuteWriter& out) const;
  bool operator==(const StatPersisted&) const = default;
};

/// What an ephemeralOwner stands for (EphemeralType, 3.5.3+): 0 persistent, top bit alone = container,
/// 0xff00… = TTL with 40 bits of milliseconds, anything else a session id.
enum class NodeKind : std::uint8_t { kPersistent, kEphemeral, kContainer, kTtl };
inline constexpr std::int64_t kContainerOwner = INT64_MIN;
inline constexpr std::int64_t kMaxTtlMs = 0xffffffffffLL;
constexpr NodeKind node_kind(std::int64_t owner) {
  if (owner == 0) return NodeKind::kPersistent;
  if (owner == kContainerOwner) return NodeKind::kContainer;
  if ((static_cast<std::uint64_t>(owner) >> 56) == 0xff) return NodeKind::kTtl;
  return NodeKind::kEphemeral;
}
/// TTL in ms of a kTtl owner.
constexpr std::int64_t ttl_of(std::int64_t owner) { return owner & kMaxTtlMs; }
constexpr std::int64_t ttl_owner(std::int64_t ttl_ms) {
  return static_cast<std::int64_t>(0xff00000000000000ULL) | (ttl_ms & kMaxTtlMs);
}
constexpr std::string_view node_kind_name(NodeKind kind) {
  switch (kind) {
    case NodeKind::kPersistent:
      return "persistent";
    case NodeKind::kEphemeral:
      return "ephemeral";
    case NodeKind::kContainer:
      return "container";
    case NodeKind::kTtl:
      return "ttl";
  }
  return "persistent";
}

}  // namespace zkark
