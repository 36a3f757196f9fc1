#pragma once
// The running server of a data directory, and how far it got (design section 5: Timelines).
#include <cstdint>
#include <optional>

#include "src/cli/context.h"
#include "src/cli/source_arg.h"

namespace zkark::cli {

/// The last zxid that the server at work on the source has applied, asked with `srvr`. Only where it is known
/// to be that server: the source is a data directory, its zoo.cfg names this very directory as dataDir, and a
/// process has one of its logs open. Nothing for copies, tarballs, a stopped server or one that serves
/// nobody, and where other users' processes cannot be looked at. A server that has logged nothing since its
/// start has no log open; all it holds on disk it has applied.
std::optional<std::int64_t> last_applied_by_server(Context& context, const OpenedSource& opened);

}  // namespace zkark::cli
