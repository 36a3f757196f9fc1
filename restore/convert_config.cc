// The configuration of a converted copy.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "restore/convert.h"

namespace zkark::restore {
namespace {

std::string bracketed(const std::string& host) {
  return host.find(':') == host.npos ? host : fmt::format("[{}]", host);
}

/// host:quorum:election[:observer], as 3.4 reads it.
std::string static_line(const ServerLine& server) {
  const PeerAddress& address = server.addresses.front();
  return fmt::format("{}:{}:{}{}", bracketed(address.host), address.quorum_port, address.election_port,
                     server.observer ? ":observer" : "");
}

Finding cfg_note(std::string message, const std::string& file, std::string hint) {
  Finding note;
  note.id = ErrorId::kBadConfig;
  note.message = std::move(message);
  note.file = file;
  note.hint = std::move(hint);
  return note;
}

/// Members, groups and weights of the dynamic file as lines of zoo.cfg, and what its lines say of this
/// member.
Status make_static(const CapturedConfig& captured, std::optional<std::int64_t> server_id,
                   std::vector<PropertyEdit>& edits) {
  edits.push_back({"dynamicConfigFile", std::nullopt});
  for (const ServerLine& server : captured.ensemble.servers)
    edits.push_back({fmt::format("server.{}", server.id), static_line(server)});
  if (captured.dynamic != nullptr) {
    ZK_TRY(const ZooCfg dynamic, ZooCfg::parse(captured.dynamic->content, captured.dynamic->path));
    for (const Property& property : dynamic.properties())
      if (property.key.starts_with("group.") || property.key.starts_with("weight."))
        edits.push_back({property.key, property.value});
  }
  const ServerLine* own = server_id ? captured.ensemble.find(*server_id) : nullptr;
  if (own == nullptr) return {};
  if (own->observer) edits.push_back({"peerType", "observer"});
  if (own->client && !captured.cfg->get("clientPort")) {
    edits.push_back({"clientPort", std::to_string(own->client->port)});
    if (own->client->host != "0.0.0.0") edits.push_back({"clientPortAddress", own->client->host});
  }
  return {};
}

bool says_extended(const ZooCfg& cfg) {
  const Result<bool> flag = cfg.flag("extendedTypesEnabled", false);
  return flag && *flag;
}

/// `since` as the table of keys says it: "3.5.1". A line without a patch is meant as a whole.
bool knows(const Release& release, std::string_view since) {
  if (since.empty()) return true;
  const std::string line = fmt::format("3.{}", release.line);
  if (release.text == line && since.starts_with(line + ".")) return true;
  Result<Release> from = parse_release(since);
  // Alpha and beta releases of 3.5 are no targets; what they brought, 3.5.5 has.
  if (!from) return !since.starts_with("3.5.") || release.is_at_least(5);
  return release >= *from;
}

}  // namespace

Result<ConvertedConfig> converted_config(const CapturedConfig& captured, const RestoredConfigOptions& place,
                                         const std::optional<Release>& release,
                                         std::optional<std::int64_t> server_id) {
  ConvertedConfig result;
  ZK_TRY(result.files, restored_config(captured, place));
  if (place.extended_types && captured.cfg && !says_extended(*captured.cfg))
    result.notes.push_back(
        cfg_note("there are TTL nodes, which a server deletes at its start without "
                 "extendedTypesEnabled=true: conf/zoo.cfg of the copy has it",
                 captured.file->path, ""));
  if (place.extended_types && !captured.cfg)
    result.notes.push_back(
        cfg_note("there are TTL nodes, which a server deletes at its start without "
                 "extendedTypesEnabled",
                 "", "-Dzookeeper.extendedTypesEnabled=true"));
  if (!captured.cfg || !release) return result;
  const Abilities can = abilities_of(*release);
  const std::string& file = captured.file->path;
  if (!can.multi_address)
    for (const ServerLine& server : captured.ensemble.servers)
      if (server.addresses.size() > 1)
        result.notes.push_back(
            cfg_note(fmt::format("server.{} has several addresses, {} reads one{}", server.id, release->text,
                                 can.dynamic_config ? "" : ": the first is kept"),
                     file, ""));
  std::set<std::string> told;
  for (const Property& property : captured.cfg->properties()) {
    const ZooKey* key = find_zoo_key(property.key);
    const bool moved = property.key == "dynamicConfigFile";
    if (key == nullptr || moved || knows(*release, key->since) || !told.insert(property.key).second) continue;
    result.notes.push_back(
        cfg_note(fmt::format("{} (since {}) means nothing to {}: it stays and is passed over", property.key,
                             key->since, release->text),
                 file, ""));
  }
  if (can.dynamic_config) return result;
  const bool written_anew =
      captured.cfg->dynamic_config_file() ||
      std::any_of(captured.ensemble.servers.begin(), captured.ensemble.servers.end(),
                  [](const ServerLine& s) { return s.client.has_value() || s.addresses.size() > 1; });
  if (!written_anew) return result;
  if (captured.cfg->dynamic_config_file() && captured.ensemble.servers.empty()) {
    result.notes.push_back(
        cfg_note(fmt::format("{} knows no dynamicConfigFile, and the file was not captured: "
                             "zoo.cfg has no members",
                             release->text),
                 file, "write its server lines into conf/zoo.cfg before the server starts"));
    return result;
  }
  std::vector<PropertyEdit> edits;
  ZK_TRY_STATUS(make_static(captured, server_id, edits));
  for (auto& [name, content] : result.files)
    if (name == "zoo.cfg") {
      ZK_TRY(content, edit_properties(content, name, edits));
    }
  std::erase_if(result.files, [&](const auto& one) {
    return captured.dynamic != nullptr && one.first == captured.dynamic->name && one.first != "zoo.cfg";
  });
  result.notes.push_back(cfg_note(
      fmt::format("{} knows no dynamicConfigFile: the members stand in conf/zoo.cfg itself", release->text),
      file, server_id ? "" : "clientPort has to be written there, too"));
  return result;
}

}  // namespace zkark::restore
