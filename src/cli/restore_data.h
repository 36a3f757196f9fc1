#pragma once
// What `restore` does: one restore from its options to its last line.
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "restore/target.h"
#include "src/cli/context.h"
#include "src/cli/verb.h"

namespace zkark::cli {

struct DataRestore {
  std::vector<std::string> sources;
  std::optional<std::string> log_dir, zoo_cfg;
  std::optional<std::string> to, to_log_dir;
  std::optional<std::string> at, timeline;
  bool exclusive = false;
  restore::TimeRule time_rule = restore::TimeRule::kRefuse;
  Given<std::int64_t> bump_epoch;
  bool no_bump_epoch = false;
  bool keep_sessions = false, drop_ephemerals = false;
  std::optional<std::string> path;
  std::optional<std::int64_t> server_id;
  bool replace = false;
  std::optional<std::string> owner;
  std::optional<std::string> probe;
  bool yes_replace_ensemble = false;
  bool accept_unproven = false;
  bool dry_run = false;

  bool bumps() const { return !no_bump_epoch; }
  bool part() const { return path && *path != "/"; }
  bool keeps_sessions() const { return !part() && (keep_sessions || (!bumps() && !drop_ephemerals)); }
};
Status restore_data(Context& context, const DataRestore& wanted);

}  // namespace zkark::cli
