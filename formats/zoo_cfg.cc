#include "formats/zoo_cfg.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "formats/base/fs.h"
#include "formats/file_names.h"

namespace zkark {
namespace {

/// String.split: pieces between separators, empty ones at the end dropped.
std::vector<std::string_view> java_split(std::string_view text, char separator) {
  std::vector<std::string_view> pieces;
  for (std::size_t from = 0;;) {
    const std::size_t to = text.find(separator, from);
    pieces.push_back(text.substr(from, to - from));
    if (to == std::string_view::npos) break;
    from = to + 1;
  }
  while (pieces.size() > 1 && pieces.back().empty()) pieces.pop_back();
  return pieces;
}

/// ConfigUtils.getHostAndPort: "host:a:b" or "[v6]:a:b" in pieces, without the brackets.
std::optional<std::vector<std::string_view>> host_and_ports(std::string_view text) {
  if (!text.starts_with('[')) return java_split(text, ':');
  const std::size_t close = text.find(']');
  if (close == std::string_view::npos || close + 2 == text.size()) return std::nullopt;
  std::vector<std::string_view> pieces = {text.substr(1, close - 1)};
  if (close + 2 < text.size())
    for (std::string_view piece : java_split(text.substr(close + 2), ':')) pieces.push_back(piece);
  return pieces;
}

std::optional<std::int64_t> parse_decimal(std::string_view text) {
  if (text.starts_with('+') && text.size() > 1 && text[1] != '-') text.remove_prefix(1);
  std::int64_t value = 0;
  const char* end = text.data() + text.size();
  auto [stop, problem] = std::from_chars(text.data(), end, value);
  if (text.empty() || problem != std::errc() || stop != end) return std::nullopt;
  return value;
}

std::optional<std::uint16_t> parse_port(std::string_view text) {
  const std::optional<std::int64_t> value = parse_decimal(java_trim(text));
  if (!value || *value < 0 || *value > 65535) return std::nullopt;
  return static_cast<std::uint16_t>(*value);
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  return out;
}

Failure malformed(std::string message) {
  return fail(
      Error(ErrorId::kBadZooCfg, std::move(message))
          .with_hint("host:quorum port:election port[:participant|observer][;[client host:]client port]"));
}

Result<ClientAddress> parse_client(std::string_view text) {
  const auto pieces = host_and_ports(text);
  if (!pieces || pieces->size() > 2) return malformed(fmt::format("'{}' is no client address", text));
  const std::optional<std::uint16_t> port = parse_port(pieces->back());
  if (!port) return malformed(fmt::format("'{}' is no client port", pieces->back()));
  return ClientAddress{pieces->size() == 2 ? std::string(pieces->front()) : "0.0.0.0", *port};
}

/// One address of a server; `role` is the text behind it, if any.
Result<PeerAddress> parse_peer(std::string_view text, std::optional<std::string>& role) {
  const auto pieces = host_and_ports(java_trim(text));
  if (!pieces || pieces->size() < 2 || pieces->size() > 4)
    return malformed(fmt::format("'{}' is no server address", text));
  PeerAddress address;
  address.host = pieces->front();
  const std::optional<std::uint16_t> quorum = parse_port((*pieces)[1]);
  if (!quorum) return malformed(fmt::format("'{}' is no quorum port", (*pieces)[1]));
  address.quorum_port = *quorum;
  if (pieces->size() > 2) {
    const std::optional<std::uint16_t> election = parse_port((*pieces)[2]);
    if (!election) return malformed(fmt::format("'{}' is no election port", (*pieces)[2]));
    if (*election == *quorum)
      return malformed(fmt::format("quorum port and election port are both {}", *quorum));
    address.election_port = *election;
  }
  if (pieces->size() == 4) role = lower(java_trim((*pieces)[3]));
  return address;
}

bool is_membership_key(std::string_view key) {
  return key.starts_with("server.") || key.starts_with("group") || key.starts_with("weight");
}

/// The number behind the dot of server.N, group.N, weight.N.
std::optional<std::int64_t> key_number(std::string_view key) {
  const std::size_t dot = key.find('.');
  return dot == std::string_view::npos ? std::nullopt : parse_decimal(key.substr(dot + 1));
}

}  // namespace

std::size_t Ensemble::voters() const {
  return static_cast<std::size_t>(
      std::count_if(servers.begin(), servers.end(), [](const ServerLine& s) { return !s.observer; }));
}

const ServerLine* Ensemble::find(std::int64_t id) const {
  for (const ServerLine& server : servers)
    if (server.id == id) return &server;
  return nullptr;
}

Result<ServerLine> parse_server_line(std::int64_t id, std::string_view value) {
  ServerLine server;
  server.id = id;
  server.text = value;
  const std::vector<std::string_view> parts = java_split(value, ';');
  if (parts.size() > 2) return malformed(fmt::format("'{}' has more than one client address", value));
  if (parts.size() == 2) {
    ZK_TRY(server.client, parse_client(java_trim(parts[1])));
  }
  std::optional<std::string> role;
  for (std::string_view text : java_split(parts[0], '|')) {
    std::optional<std::string> own;
    ZK_TRY(PeerAddress address, parse_peer(text, own));
    if (own && *own != "participant" && *own != "observer")
      return malformed(fmt::format("'{}' is no role of a server", *own));
    if (own && role && *own != *role) return malformed("the addresses of one server have different roles");
    if (own) role = own;
    server.addresses.push_back(std::move(address));
  }
  server.observer = role == "observer";
  return server;
}

Result<ZooCfg> ZooCfg::parse(std::string text, std::string file) {
  ZooCfg cfg;
  ZK_TRY(cfg.properties_, parse_properties(text, file));
  for (std::size_t i = 0; i < cfg.properties_.size(); ++i)
    cfg.last_.insert_or_assign(std::string(java_trim(cfg.properties_[i].key)), i);
  cfg.text_ = std::move(text);
  cfg.file_ = std::move(file);
  return cfg;
}

const Property* ZooCfg::find(std::string_view key) const {
  const auto at = last_.find(key);
  return at == last_.end() ? nullptr : &properties_[at->second];
}

std::optional<std::string> ZooCfg::get(std::string_view key) const {
  const Property* property = find(key);
  if (property == nullptr) return std::nullopt;
  return std::string(java_trim(property->value));
}

Error ZooCfg::error(const Property& property, std::string message) const {
  return Error(ErrorId::kBadZooCfg,
               fmt::format("line {}: {}: {}", property.line, java_trim(property.key), message))
      .at(file_, property.begin);
}

Result<std::int64_t> ZooCfg::number(std::string_view key, std::int64_t fallback, std::int64_t least,
                                    std::int64_t most) const {
  const Property* property = find(key);
  if (property == nullptr) return fallback;
  const std::optional<std::int64_t> value = parse_decimal(java_trim(property->value));
  if (value && *value >= least && *value <= most) return *value;
  return fail(error(*property, fmt::format("'{}' is no number that fits", java_trim(property->value))));
}

Result<bool> ZooCfg::flag(std::string_view key, bool fallback) const {
  const Property* property = find(key);
  if (property == nullptr) return fallback;
  const std::string value = lower(java_trim(property->value));
  if (value == "true") return true;
  if (value == "false") return false;
  return fail(error(*property, fmt::format("'{}' is neither true nor false", java_trim(property->value))));
}

Result<std::string> ZooCfg::data_dir() const {
  std::optional<std::string> path = get("dataDir");
  if (path && !path->empty()) return *std::move(path);
  return fail(Error(ErrorId::kBadZooCfg, "dataDir is not set").at(file_));
}

Result<std::string> ZooCfg::data_log_dir() const {
  std::optional<std::string> path = get("dataLogDir");
  if (path && !path->empty()) return *std::move(path);
  return data_dir();
}

namespace {

Result<std::optional<ClientAddress>> address_of(const ZooCfg& cfg, std::string_view port_key,
                                                std::string_view host_key) {
  ZK_TRY(std::int64_t port, cfg.number(port_key, 0, 0, 65535));
  if (port == 0) return std::optional<ClientAddress>();
  return std::optional<ClientAddress>(
      ClientAddress{cfg.get(host_key).value_or("0.0.0.0"), static_cast<std::uint16_t>(port)});
}

}  // namespace

Result<std::optional<ClientAddress>> ZooCfg::client_address() const {
  return address_of(*this, "clientPort", "clientPortAddress");
}
Result<std::optional<ClientAddress>> ZooCfg::secure_client_address() const {
  return address_of(*this, "secureClientPort", "secureClientPortAddress");
}

Result<Ensemble> ZooCfg::ensemble() const {
  Ensemble ensemble;
  std::map<std::int64_t, std::int64_t> groups, weights;  // by server id
  for (const Property& property : properties_) {
    const std::string_view key = java_trim(property.key), value = java_trim(property.value);
    if (&property != find(key)) continue;  // a later line counts
    if (key == "version") {
      const std::optional<std::int64_t> version = parse_java_hex(value);
      if (!version) return fail(error(property, fmt::format("'{}' is no hexadecimal number", value)));
      ensemble.version = *version;
    }
    if (!is_membership_key(key)) continue;
    const std::optional<std::int64_t> id = key_number(key);
    if (!id) return fail(error(property, "no number follows the dot"));
    if (key.starts_with("server.")) {
      Result<ServerLine> server = parse_server_line(*id, value);
      if (!server) {
        Error why = error(property, server.error().message());
        return fail(std::move(why).with_hint(server.error().hint()));
      }
      server->line = property.line;
      ensemble.servers.push_back(*std::move(server));
    } else if (key.starts_with("group")) {
      for (std::string_view member : java_split(value, ':')) {
        const std::optional<std::int64_t> sid = parse_decimal(java_trim(member));
        if (!sid) return fail(error(property, fmt::format("'{}' is no server id", member)));
        if (!groups.emplace(*sid, *id).second)
          return fail(error(property, fmt::format("server {} is in more than one group", *sid)));
      }
    } else {
      const std::optional<std::int64_t> weight = parse_decimal(value);
      if (!weight) return fail(error(property, fmt::format("'{}' is no weight", value)));
      weights.emplace(*id, *weight);
    }
  }
  ensemble.hierarchical = !groups.empty() || !weights.empty();
  for (ServerLine& server : ensemble.servers) {
    if (const auto group = groups.find(server.id); group != groups.end()) server.group = group->second;
    if (const auto weight = weights.find(server.id); weight != weights.end()) server.weight = weight->second;
  }
  std::sort(ensemble.servers.begin(), ensemble.servers.end(),
            [](const ServerLine& a, const ServerLine& b) { return a.id < b.id; });
  return ensemble;
}

std::string resolve_config_path(std::string_view path, std::string_view base) {
  while (path.starts_with("./")) {
    path.remove_prefix(2);
    while (path.starts_with('/')) path.remove_prefix(1);
  }
  if (path.empty() || path == ".") return std::string(base);
  return join_path(base, path);
}

bool looks_like_zoo_cfg(Bytes beginning) {
  for (std::byte b : beginning) {
    const auto c = std::to_integer<unsigned char>(b);
    if ((c < 0x20 && c != '\t' && c != '\n' && c != '\r' && c != '\f') || c == 0x7f) return false;
  }
  const Result<std::vector<Property>> properties = parse_properties(as_text(beginning), "");
  if (!properties) return false;
  bool servers = false, others = false;
  for (const Property& property : *properties) {
    const std::string_view key = java_trim(property.key);
    if (key == "dataDir") return true;
    servers |= key.starts_with("server.");
    others |= !is_membership_key(key) && key != "version";
  }
  return servers && !others;
}

std::optional<std::int64_t> dynamic_config_version(std::string_view file_name) {
  const std::size_t dot = file_name.rfind('.');
  if (dot == std::string_view::npos) return std::nullopt;
  return parse_java_hex(file_name.substr(dot + 1));
}

Result<std::string> move_zoo_cfg(const ZooCfg& cfg, const ZooCfgMove& move) {
  std::vector<PropertyEdit> edits = {{"dataDir", move.data_dir}, {"dataLogDir", move.data_log_dir}};
  if (move.dynamic_config_file && cfg.dynamic_config_file())
    edits.push_back({"dynamicConfigFile", move.dynamic_config_file});
  edits.insert(edits.end(), move.extra.begin(), move.extra.end());
  return edit_properties(cfg.text(), cfg.file(), edits);
}

}  // namespace zkark
