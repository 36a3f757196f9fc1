#include "src/server/auth.h"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <set>
#include <tuple>

namespace zkark::server {
namespace {

struct IpAddress {
  std::array<std::uint8_t, 16> bytes{};
  unsigned size = 0;  // 4 or 16
};

std::optional<unsigned> number(std::string_view text, int base, unsigned most) {
  unsigned value = 0;
  // Java's parseInt takes a sign.
  if (base == 10 && (text.starts_with('+') || text == "-0")) text.remove_prefix(1);
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (text.empty() || error != std::errc() || end != text.data() + text.size() || value > most)
    return std::nullopt;
  return value;
}

bool parse_v4(std::string_view text, std::uint8_t* into) {
  for (unsigned part = 0; part < 4; ++part) {
    const std::size_t dot = text.find('.');
    if ((dot == std::string_view::npos) != (part == 3)) return false;
    const auto value = number(text.substr(0, dot), 10, 255);
    if (!value) return false;
    into[part] = static_cast<std::uint8_t>(*value);
    if (part < 3) text.remove_prefix(dot + 1);
  }
  return true;
}

/// Groups of one side of "::"; nullopt for what is no list of groups. A dotted end counts as two.
std::optional<std::vector<std::uint8_t>> parse_groups(std::string_view text) {
  std::vector<std::uint8_t> bytes;
  while (!text.empty()) {
    const std::size_t colon = text.find(':');
    const std::string_view group = text.substr(0, colon);
    if (colon == std::string_view::npos && group.find('.') != std::string_view::npos) {
      std::uint8_t four[4];
      if (!parse_v4(group, four)) return std::nullopt;
      bytes.insert(bytes.end(), four, four + 4);
      return bytes;
    }
    const auto value = group.size() > 4 ? std::nullopt : number(group, 16, 0xffff);
    if (!value) return std::nullopt;
    bytes.push_back(static_cast<std::uint8_t>(*value >> 8));
    bytes.push_back(static_cast<std::uint8_t>(*value));
    if (colon == std::string_view::npos) return bytes;
    text.remove_prefix(colon + 1);
    if (text.empty()) return std::nullopt;
  }
  return bytes;
}

std::optional<IpAddress> parse_ip(std::string_view text) {
  IpAddress address;
  if (text.find(':') == std::string_view::npos) {
    if (!parse_v4(text, address.bytes.data())) return std::nullopt;
    address.size = 4;
    return address;
  }
  text = text.substr(0, text.find('%'));  // a zone
  const std::size_t gap = text.find("::");
  const auto front = parse_groups(text.substr(0, gap));
  if (!front) return std::nullopt;
  address.size = 16;
  if (gap == std::string_view::npos) {
    if (front->size() != 16) return std::nullopt;
    std::copy(front->begin(), front->end(), address.bytes.begin());
    return address;
  }
  const auto back = parse_groups(text.substr(gap + 2));
  if (!back || front->size() + back->size() > 14) return std::nullopt;
  std::copy(front->begin(), front->end(), address.bytes.begin());
  std::copy(back->rbegin(), back->rend(), address.bytes.rbegin());
  return address;
}

struct IpRule {
  IpAddress address;
  unsigned bits = 0;
};

std::optional<IpRule> parse_rule(std::string_view text) {
  const std::size_t slash = text.find('/');
  const auto address = parse_ip(text.substr(0, slash));
  if (!address) return std::nullopt;
  IpRule rule{*address, address->size * 8};
  if (slash == std::string_view::npos) return rule;
  const auto bits = number(text.substr(slash + 1), 10, rule.bits);
  if (!bits) return std::nullopt;
  rule.bits = *bits;
  return rule;
}

/// Exactly two parts around ':', as Java's split sees them: empty ones at the end do not count.
bool valid_digest_id(std::string_view id) {
  while (!id.empty() && id.back() == ':') id.remove_suffix(1);
  return std::count(id.begin(), id.end(), ':') == 1;
}

struct InSomeOrder {
  bool operator()(const Acl& a, const Acl& b) const {
    return std::tie(a.perms, a.scheme, a.id) < std::tie(b.perms, b.scheme, b.id);
  }
};

/// More than any client has. Each of them is looked at for every rule of every list, and all of them may go
/// into the log with every request of some fifty bytes.
constexpr std::size_t kMostIdentities = 256;
constexpr std::size_t kMostIdentityBytes = 64 << 10;

bool too_many(const std::vector<Identity>& who) {
  std::size_t bytes = 0;
  for (const Identity& identity : who) bytes += identity.scheme.size() + identity.id.size();
  return who.size() > kMostIdentities || bytes > kMostIdentityBytes;
}

const EVP_MD* find_hash(std::string name) {
  // Java says SHA1, SHA-256, SHA3-512, MD5; OpenSSL knows SHA1, SHA256, SHA3-512, MD5.
  if (name.starts_with("SHA-")) name.erase(3, 1);
  return EVP_get_digestbyname(name.c_str());
}

std::string base64(const unsigned char* bytes, std::size_t size) {
  std::string text((size + 2) / 3 * 4, '\0');
  EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()), bytes, static_cast<int>(size));
  return text;
}

}  // namespace

bool valid_ip_rule(std::string_view text) { return parse_rule(text).has_value(); }

bool ip_matches(std::string_view ip, std::string_view text) {
  const auto rule = parse_rule(text);
  const auto address = parse_ip(ip);
  if (!rule || !address || rule->address.size != address->size) return false;
  for (unsigned bit = 0; bit < rule->bits; bit += 8) {
    const unsigned left = std::min(8U, rule->bits - bit);
    const auto mask = static_cast<std::uint8_t>(0xff00U >> left);
    if (((rule->address.bytes[bit / 8] ^ address->bytes[bit / 8]) & mask) != 0) return false;
  }
  return true;
}

Identities identities_of_peer(std::string_view ip) {
  return std::make_shared<const std::vector<Identity>>(1, Identity{"ip", std::string(ip)});
}

AuthRules::AuthRules(const Settings& settings)
    : skip_acl_(settings.skip_acl),
      digest_enabled_(settings.digest_auth),
      super_digest_(settings.super_digest),
      digest_alg_(settings.digest_alg),
      ensemble_name_(settings.ensemble_auth_name),
      most_bytes_(static_cast<std::size_t>(settings.jute_max_buffer)) {}

bool AuthRules::known(std::string_view scheme) const {
  if (scheme == "ip") return true;
  if (scheme == "digest") return digest_enabled_;
  return scheme == "ensemble" && ensemble_name_;
}

bool AuthRules::valid_id(std::string_view scheme, std::string_view id) const {
  if (scheme == "ip") return valid_ip_rule(id);
  if (scheme == "digest") return valid_digest_id(id);
  return true;
}

bool AuthRules::matches(std::string_view scheme, std::string_view who, std::string_view acl_id) {
  if (scheme == "ip") return ip_matches(who, acl_id);
  return scheme == "digest" && who == acl_id;
}

bool AuthRules::allows(const AclList& acl, std::int32_t wanted, const std::vector<Identity>& who) const {
  if (skip_acl_ || acl.empty()) return true;
  for (const Identity& identity : who)
    if (identity.scheme == "super") return true;
  for (const Acl& entry : acl) {
    if ((entry.perms & wanted) == 0 || !entry.scheme || !entry.id) continue;
    if (*entry.scheme == "world" && *entry.id == "anyone") return true;
    if (!known(*entry.scheme)) continue;
    for (const Identity& identity : who)
      if (identity.scheme == *entry.scheme && matches(identity.scheme, identity.id, *entry.id)) return true;
  }
  return false;
}

ZkCode AuthRules::fix_up(const AclList& acl, const std::vector<Identity>& who, std::string& fixed) const {
  if (acl.empty()) return ZkCode::kInvalidAcl;
  std::vector<Acl> list;
  std::set<Acl, InSomeOrder> seen;
  std::size_t bytes = 0;
  for (const Acl& entry : acl) {
    if (!seen.insert(entry).second) continue;
    // Each 'auth' stands for all identities: no txn may be as long as that can get.
    if (bytes > most_bytes_) return ZkCode::kMarshallingError;
    if (!entry.scheme) return ZkCode::kInvalidAcl;
    if (*entry.scheme == "auth") {  // its id is not looked at
      const std::size_t before = list.size();
      for (const Identity& identity : who)
        if (identity.scheme == "digest" && digest_enabled_) {
          list.push_back({entry.perms, identity.scheme, identity.id});
          bytes += identity.scheme.size() + identity.id.size();
        }
      if (list.size() == before) return ZkCode::kInvalidAcl;
      continue;
    }
    const bool world = *entry.scheme == "world";
    if (!world && !known(*entry.scheme)) return ZkCode::kInvalidAcl;
    if (!entry.id) return ZkCode::kMarshallingError;
    if (world ? *entry.id != "anyone" : !valid_id(*entry.scheme, *entry.id)) return ZkCode::kInvalidAcl;
    list.push_back(entry);
  }
  fixed = encode_acls(list);
  return ZkCode::kOk;
}

std::string AuthRules::digest_of(std::string_view text) const {
  const EVP_MD* hash = find_hash(digest_alg_);
  if (hash == nullptr) hash = EVP_sha1();
  unsigned char bytes[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  EVP_Digest(text.data(), text.size(), bytes, &size, hash, nullptr);
  std::string digest(text.substr(0, text.find(':')));
  digest += ':';
  digest += base64(bytes, size);
  return digest;
}

Identities AuthRules::authenticate(std::string_view scheme, std::optional<Bytes> auth,
                                   std::string_view peer_ip, const Identities& before) const {
  std::vector<Identity> all = *before;
  const auto add = [&all](Identity identity) {
    if (std::find(all.begin(), all.end(), identity) == all.end()) all.push_back(std::move(identity));
  };
  if (scheme == "ip") {
    add({"ip", std::string(peer_ip)});
  } else if (scheme == "digest" && digest_enabled_ && auth) {
    std::string digest = digest_of(as_text(*auth));
    if (digest == super_digest_) add({"super", ""});
    add({"digest", std::move(digest)});
  } else if (scheme == "ensemble" && ensemble_name_ && auth) {
    if (!auth->empty() && as_text(*auth) != *ensemble_name_) return nullptr;
  } else {
    return nullptr;
  }
  if (too_many(all)) return nullptr;
  return std::make_shared<const std::vector<Identity>>(std::move(all));
}

std::string_view user_name(const Identity& identity) {
  const std::string_view id = identity.id;
  return identity.scheme == "digest" ? id.substr(0, id.find(':')) : id;
}

}  // namespace zkark::server
