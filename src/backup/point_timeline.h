#pragma once
// On which timeline of a cluster a point lies (design section 6, Points): old timelines stay readable.
#include <string>
#include <string_view>
#include <vector>

#include "formats/base/job.h"
#include "restore/target.h"
#include "src/backup/repository.h"

namespace zkark::backup {

/// The newest backup of each timeline of a cluster, newest first.
std::vector<HeadEntry> timelines_of(const Repository& repository, std::string_view cluster);

/// One of them by the beginning of its id, at least 4 digits. kNotFound names those there are; kUsage when
/// several begin so.
Result<HeadEntry> find_timeline(const Repository& repository, std::string_view cluster,
                                std::string_view prefix);

struct PointTimeline {
  HeadEntry newest;  // of the timeline
  std::string why;   // "the newest of 2", "the only one of 2 that holds it"
};

/// latest: the newest timeline. A zxid: the one that stores it; of several that store the same record, whose
/// state is therefore the same, the newest that can be restored there; kRefused with all readings where they
/// store different ones. A time: the newest timeline on which it can be restored; one that began later (a
/// restore, a full backup after older logs were purged) does not hold it, and one that ended before holds it
/// with its end. Where no timeline holds the point, the newest one: whoever looks the point up there tells
/// its neighbours. One that cannot be read because of damage is passed over and named in `why`. With one
/// timeline nothing is read. kNotFound without backups.
Result<PointTimeline> timeline_of_point(const Repository& repository, std::string_view cluster,
                                        const restore::PointSpec& point, Job& job);

}  // namespace zkark::backup
