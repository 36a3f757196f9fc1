#pragma once
// What servers say of themselves, taken together: are they the members of one ensemble, and who is behind?
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "src/client/ping.h"

namespace zkark::client {

struct EnsembleView {
  /// The only one that leads; nullopt where nobody does, or several.
  std::optional<std::size_t> leader;
  /// Per server, transactions behind that leader; nullopt where that is not known: no leader among those
  /// asked, no zxid told, or the epochs differ, as in an ensemble that has written nothing since its
  /// election. The servers are not asked at one instant: under load a small number means nothing.
  std::vector<std::optional<std::uint64_t>> behind;
  /// What no ensemble says of itself: two leaders, a standalone server among members, a member in an epoch
  /// that its leader has not begun. A sentence each.
  std::vector<std::string> contradictions;
  /// Worth a look: learners that have not caught up, nobody who leads, different releases.
  std::vector<std::string> remarks;
};

/// Of servers that somebody takes for the members of one ensemble.
EnsembleView view_of(const std::vector<PingResult>& results);

/// "3.8.0" of "3.8.0-5a02a05eddb59aee6ac762f7ea82e92a68eb9c0f", "3.5.4-beta" of "3.5.4-beta-7f51e5b6".
/// "3.8.0-zkark-0.1.0", which is no build of Apache's, stays.
std::string release_of(const std::string& version);

}  // namespace zkark::client
