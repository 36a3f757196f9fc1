#pragma once
// Where a verb writes a directory of its own, and nothing may be moved aside for it.
#include <optional>
#include <string>

#include "restore/target_dir.h"
#include "src/cli/context.h"

namespace zkark::cli {

/// The target at `dir` (absolute), absent or empty; files go into it as they are where it is `flat`. `owner`
/// as --owner gives it. Errors: kTargetNotEmpty, what TargetDir::examine says, an owner that is not known.
Result<restore::TargetDir> examine_empty_target(Context& context, const std::string& dir, bool flat,
                                                const std::optional<std::string>& owner);

}  // namespace zkark::cli
