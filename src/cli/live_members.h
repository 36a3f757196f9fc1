#pragma once
// Whether servers of the ensemble that is about to be restored still run, and how far they got.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "formats/zoo_cfg.h"
#include "src/cli/context.h"

namespace zkark::cli {

/// "zk1:2181,zk2,[::1]:2182" with 2181 where no port is given. kUsage for anything else.
Result<std::vector<ClientAddress>> parse_hosts(std::string_view text);

struct LiveServer {
  std::string address;  // "zk1:2181"
  std::string what;     // "leader", "standalone", "accepts connections"
  std::optional<std::int64_t> zxid;
};

struct LiveMembers {
  std::vector<LiveServer> live;
  std::vector<std::string> silent;  // hosts that were to be asked and did not answer
};

/// Asks each host for `srvr`. What accepts connections is alive, whatever it says.
Result<LiveMembers> ask_hosts(Context& context, const std::vector<ClientAddress>& hosts);
/// Tries the client and election ports that a configuration names for its members.
Result<LiveMembers> try_members(Context& context, const Ensemble& ensemble);

}  // namespace zkark::cli
