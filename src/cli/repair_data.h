#pragma once
// The half of `repair` that is about data: a corrected copy of a directory or of files.
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "src/cli/context.h"
#include "src/cli/verb.h"

namespace zkark::cli {

struct DataRepair {
  std::vector<std::string> sources;
  std::optional<std::string> log_dir, zoo_cfg;
  std::optional<std::string> to;
  Given<std::int64_t> chop;
  bool salvage = false;
  std::optional<std::string> owner;
  bool dry_run = false;
};
Status repair_data(Context& context, const DataRepair& wanted);

}  // namespace zkark::cli
