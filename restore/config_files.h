#pragma once
// The configuration that goes with restored data (design section 6: Result, Targets, Ensembles): what was
// captured, and what of it is written to DIR/conf.
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "formats/zoo_cfg.h"
#include "restore/source.h"

namespace zkark::restore {

/// What a source knows about the server it came from. Without a zoo.cfg everything is empty.
struct CapturedConfig {
  const ExtraFile* file = nullptr;  // of the listing
  std::optional<ZooCfg> cfg;
  const ExtraFile* dynamic = nullptr;  // the file dynamicConfigFile names, if it was captured
  std::string data_dir, log_dir;       // resolved against the place of zoo.cfg; log_dir only when it is apart
  std::vector<ClientAddress> clients;  // clientPort and secureClientPort, with their addresses
  Ensemble ensemble;
  Findings notes;  // a dynamic file that is missing; damage: a file that cannot be understood
};
/// Of several extras, the one named zoo.cfg, else the one that reads like one. One that cannot be understood
/// counts as not captured, with a finding: the data do not need it. Borrows from `listing`.
Result<CapturedConfig> captured_config(const SourceListing& listing);

/// Where the server listens for clients: zoo.cfg's ports, and those of the member's own line in the
/// (dynamic) list of servers; each once. Without `server_id` the line is unknown.
std::vector<ClientAddress> client_addresses(const CapturedConfig& captured,
                                            std::optional<std::int64_t> server_id);

struct RestoredConfigOptions {
  std::string dir;              // of the data, absolute
  std::string log_dir;          // "" = the same
  bool extended_types = false;  // there are TTL nodes: without extendedTypesEnabled a server deletes them
};
/// The files of DIR/conf: zoo.cfg moved to its new place, zoo.cfg.orig as it was, likewise the dynamic file.
/// Empty when no zoo.cfg was captured.
Result<std::vector<std::pair<std::string, std::string>>> restored_config(
    const CapturedConfig& captured, const RestoredConfigOptions& options);

/// Whether a log in that directory (a dataLogDir, or its version-2) holds a record above `zxid`: a server
/// would replay it over a snapshot of that point. False when there is no such directory.
Result<bool> has_records_above(ReadFs& fs, const std::string& log_dir, std::int64_t zxid);

}  // namespace zkark::restore
