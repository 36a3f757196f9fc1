#pragma once
// Whether the server that a restore takes the place of is still at work (design section 6, Targets): its
// ports, its files, and logs that would be replayed on top of what is restored.
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "restore/config_files.h"
#include "src/cli/context.h"

namespace zkark::cli {

/// Where a server keeps its data, absolute; log_dir only when it is apart.
struct ServerPlace {
  std::string data_dir, log_dir;
};

/// What is known of the server whose data are restored, and where they go.
struct Replacement {
  std::string dir, log_dir;  // the target; log_dir "" = with the data
  bool occupied = false;     // the target holds something
  /// Of the captured configuration, of the source itself, of the source of the backup.
  std::vector<ServerPlace> places;
  std::vector<ClientAddress> clients;  // restore::client_addresses()
};

/// kTargetInUse (7) when the target is the place of a server that answers or has files open; of one that
/// answers elsewhere, a note.
Status refuse_server_at_work(Context& context, const Replacement& replacement);

/// For a restore that starts no new epoch: kRefused when a log directory that the restored server would use
/// too holds records above `zxid`. The configured one counts always; that of another place, where the target
/// is its data directory. None does where the target has a log directory of its own.
Status refuse_logs_above(Context& context, const Replacement& replacement,
                         const std::string& configured_log_dir, std::int64_t zxid);

}  // namespace zkark::cli
