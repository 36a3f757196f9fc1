#pragma once
// From zoo.cfg and system properties to Settings. What serve does with each key is in the list of keys
// (formats/zoo_cfg_keys.inc); docs/reference/serve-settings.md tells it to people.
#include <cstdint>
#include <optional>
#include <vector>

#include "formats/zoo_cfg.h"
#include "src/server/settings.h"
#include "src/server/settings_properties.h"

namespace zkark::server {

/// What the caller has read besides zoo.cfg. Borrowed.
struct SettingsContext {
  const ZooCfg* dynamic = nullptr;    // the file that dynamicConfigFile names
  std::optional<std::int64_t> my_id;  // of the file myid in dataDir; nullopt: there is none
};

struct SettingsReading {
  Settings settings;
  /// First those of the file in its order, then those of properties (line 0, key "-Dname"). Notes: keys that
  /// change nothing. Warnings: unknown keys with the nearest known one, keys that have no effect yet with the
  /// reason, values that mean something else than they say.
  std::vector<CfgRemark> remarks;
};

/// Everything there is to say, refusals among the remarks: the settings are for use only if there is none.
SettingsReading judge_settings(const ZooCfg& cfg, const PropertyMap& properties,
                               const SettingsContext& context = {});

/// The same, failing with kBadZooCfg where anything is refused: bad values, and files that ask for a server
/// that is not standalone. The message names every refusal with its line; the place is that of the first.
Result<SettingsReading> read_settings(const ZooCfg& cfg, const PropertyMap& properties,
                                      const SettingsContext& context = {});

}  // namespace zkark::server
