#pragma once
// A zoo.cfg as the configuration of this very run (serve, ping), not as data that is read, kept or judged.
#include <string>

#include "formats/zoo_cfg.h"
#include "src/cli/context.h"

namespace zkark::cli {

/// Reads and parses; what is wrong with it comes as_configuration().
Result<ZooCfg> read_zoo_cfg(Context& context, const std::string& path);

/// kBadZooCfg as kBadConfig, with all it says: status 2, with which Apache's server ends on a bad zoo.cfg
/// too, so that a service manager which gives up on 2 does so here. 6 would say that data are corrupt. Any
/// other error is as it was.
Error as_configuration(Error error);

}  // namespace zkark::cli
