#pragma once
// Who a client is and what it may do (reference/client-protocol-and-server section 5; Apache:
// ZooKeeperServer.checkACL, PrepRequestProcessor.fixupACL, DigestAuthenticationProvider,
// IPAuthenticationProvider).
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "formats/data.h"
#include "formats/proto.h"
#include "src/server/settings.h"

namespace zkark::server {

/// One authenticated id of a client: {"ip", "127.0.0.1"}, {"digest", "bob:ikIa…="}, {"super", ""}.
struct Identity {
  std::string scheme, id;
  bool operator==(const Identity&) const = default;
};
/// All of them. A request keeps those that its client had when it came.
using Identities = std::shared_ptr<const std::vector<Identity>>;

/// What every connection begins with.
Identities identities_of_peer(std::string_view ip);

/// Immutable: the rules as the settings make them.
class AuthRules {
 public:
  explicit AuthRules(const Settings& settings);

  /// Whether someone with `who` has any of the permissions `wanted` under `acl`. A null or empty list grants
  /// everything.
  bool allows(const AclList& acl, std::int32_t wanted, const std::vector<Identity>& who) const;

  /// The list as it will be stored: without duplicates, "auth" replaced by the caller's own ids, encoded as a
  /// vector into `fixed`. Otherwise kInvalidAcl, or kMarshallingError for a null id where one is looked at
  /// and for a list that grows past jute.maxbuffer.
  ZkCode fix_up(const AclList& acl, const std::vector<Identity>& who, std::string& fixed) const;

  /// addAuth: the identities afterwards, or null when the scheme is unknown or refuses, or they are more than
  /// 256 or 64 KiB in all (of our own: Apache keeps what comes).
  Identities authenticate(std::string_view scheme, std::optional<Bytes> auth, std::string_view peer_ip,
                          const Identities& before) const;

  /// "user:BASE64(H(text))" with the user before the first colon.
  std::string digest_of(std::string_view text) const;
  bool skip_acl() const { return skip_acl_; }

 private:
  bool known(std::string_view scheme) const;
  bool valid_id(std::string_view scheme, std::string_view id) const;
  static bool matches(std::string_view scheme, std::string_view who, std::string_view acl_id);

  bool skip_acl_, digest_enabled_;
  std::string super_digest_, digest_alg_;
  std::optional<std::string> ensemble_name_;
  std::size_t most_bytes_;
};

/// What whoAmI shows of an identity.
std::string_view user_name(const Identity& identity);
/// Whether `text` is an IPv4 or IPv6 address, perhaps with "/bits" behind it (IPv6 since 3.9.4).
bool valid_ip_rule(std::string_view text);
/// Whether the address falls under the rule.
bool ip_matches(std::string_view ip, std::string_view rule);

}  // namespace zkark::server
