#include "restore/config_files.h"

#include <algorithm>

#include "restore/data_dir.h"
#include "restore/log_walk.h"

namespace zkark::restore {
namespace {

bool is_dynamic_name(std::string_view name) { return name.find(".dynamic") != name.npos; }

const ExtraFile* find_config(const SourceListing& listing) {
  if (const ExtraFile* exact = listing.extra("zoo.cfg")) return exact;
  for (const ExtraFile& extra : listing.extras)
    if (!is_dynamic_name(extra.name) && looks_like_zoo_cfg(as_bytes(extra.content))) return &extra;
  return nullptr;
}

Finding not_understood(const Error& error) {
  Finding finding = finding_of(error);
  finding.message = "the captured configuration is left out: " + finding.message;
  finding.hint =
      "--zoo-cfg FILE gives another one; without one, which members belong to the ensemble is not known";
  return finding;
}

Result<CapturedConfig> understand(const SourceListing& listing) {
  CapturedConfig captured;
  captured.file = find_config(listing);
  if (captured.file == nullptr) return captured;
  ZK_TRY(captured.cfg, ZooCfg::parse(captured.file->content, captured.file->path));
  const ZooCfg& cfg = *captured.cfg;
  const std::string home = parent_path(captured.file->path);
  if (const auto data_dir = cfg.data_dir()) captured.data_dir = resolve_config_path(*data_dir, home);
  if (const auto log_dir = cfg.get("dataLogDir"); log_dir && !log_dir->empty()) {
    captured.log_dir = resolve_config_path(*log_dir, home);
    if (captured.log_dir == captured.data_dir) captured.log_dir.clear();
  }
  if (const auto plain = cfg.client_address(); plain && *plain) captured.clients.push_back(**plain);
  if (const auto secure = cfg.secure_client_address(); secure && *secure)
    captured.clients.push_back(**secure);
  ZK_TRY(captured.ensemble, cfg.ensemble());
  const auto pointer = cfg.dynamic_config_file();
  if (!pointer) return captured;
  captured.dynamic = listing.extra(base_name(*pointer));
  if (captured.dynamic == nullptr) {
    Finding note;
    note.id = ErrorId::kNoFile;
    note.message =
        "the dynamic configuration was not captured: the restored zoo.cfg names a file that is not there";
    note.file = *pointer;
    note.hint = "copy it beside the restored zoo.cfg before the server starts";
    captured.notes.push_back(std::move(note));
    return captured;
  }
  const auto read_ensemble = [&]() -> Status {
    ZK_TRY(const ZooCfg dynamic, ZooCfg::parse(captured.dynamic->content, captured.dynamic->path));
    ZK_TRY(captured.ensemble, dynamic.ensemble());
    return {};
  };
  if (const Status read = read_ensemble(); !read) {
    captured.notes.push_back(not_understood(read.error()));
    captured.dynamic = nullptr;
  }
  return captured;
}

}  // namespace

Result<CapturedConfig> captured_config(const SourceListing& listing) {
  Result<CapturedConfig> captured = understand(listing);
  if (captured || captured.error().id() != ErrorId::kBadZooCfg) return captured;
  CapturedConfig nothing;
  nothing.notes.push_back(not_understood(captured.error()));
  return nothing;
}

std::vector<ClientAddress> client_addresses(const CapturedConfig& captured,
                                            std::optional<std::int64_t> server_id) {
  std::vector<ClientAddress> addresses = captured.clients;
  const ServerLine* own = server_id ? captured.ensemble.find(*server_id) : nullptr;
  if (own != nullptr && own->client &&
      std::find(addresses.begin(), addresses.end(), *own->client) == addresses.end())
    addresses.push_back(*own->client);
  return addresses;
}

Result<std::vector<std::pair<std::string, std::string>>> restored_config(
    const CapturedConfig& captured, const RestoredConfigOptions& options) {
  std::vector<std::pair<std::string, std::string>> files;
  if (!captured.cfg) return files;
  ZooCfgMove move;
  move.data_dir = options.dir;
  if (!options.log_dir.empty()) move.data_log_dir = options.log_dir;
  if (const auto pointer = captured.cfg->dynamic_config_file())
    move.dynamic_config_file = join_path(join_path(options.dir, "conf"), base_name(*pointer));
  if (options.extended_types) move.extra.push_back({"extendedTypesEnabled", "true"});
  ZK_TRY(std::string moved, move_zoo_cfg(*captured.cfg, move));
  files.emplace_back("zoo.cfg", std::move(moved));
  files.emplace_back("zoo.cfg.orig", captured.file->content);
  if (captured.dynamic != nullptr && captured.dynamic->name != "zoo.cfg") {
    files.emplace_back(captured.dynamic->name, captured.dynamic->content);
    files.emplace_back(captured.dynamic->name + ".orig", captured.dynamic->content);
  }
  return files;
}

Result<bool> has_records_above(ReadFs& fs, const std::string& log_dir, std::int64_t zxid) {
  DataDirOptions options;
  options.dir = log_dir;
  DataDir logs(fs, std::move(options));
  const Result<SourceListing> listing = logs.list();
  if (!listing) {
    if (listing.error().id() == ErrorId::kNoFile || listing.error().id() == ErrorId::kNoData) return false;
    return fail(listing.error().clone());
  }
  Findings ignored;
  LogWalkOptions walk_options;
  walk_options.after_zxid = zxid;
  LogWalk walk(logs, listing->logs, walk_options, ignored);
  ZK_TRY(const auto entry, walk.next());
  return entry.has_value();
}

}  // namespace zkark::restore
