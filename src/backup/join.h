#pragma once
// How the pieces of one backup hang together: which segments agree, where records are missing, where an epoch
// begins, and what falls apart into two timelines. Works on a manifest that is being made.
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "formats/base/job.h"
#include "restore/finding.h"
#include "src/backup/manifest.h"
#include "src/backup/repository.h"

namespace zkark::backup {

/// Puts segments in order. Of segments that hold the same zxids (copies of logs from several days or
/// members), those that agree stay, what is wholly held by others goes; one that contradicts what stands
/// before it goes, with a finding. Reads the overlaps back from the repository.
Status drop_contradictions(const Repository& repository, std::vector<StoredSegment>& segments,
                           restore::Findings& findings, Job& job);

/// Names a hole, with a finding unless damage told it already.
void add_gap(Manifest& manifest, std::int64_t after, std::int64_t before, std::string reason,
             restore::Findings& findings);
/// Makes the epoch step behind `after` a hole.
void set_gap(Manifest& manifest, std::int64_t after, std::int64_t before, std::string reason);
/// Names every hole and epoch step between the segments, and before the first: behind `before`, what is
/// stored already, or else behind the oldest base.
void join_segments(Manifest& manifest, std::optional<std::int64_t> before, restore::Findings& findings);
/// Epoch steps that the certificate's ranges reach across.
void mark_proven_steps(Manifest& manifest);

/// Takes everything above `last` out of a manifest and gives it as a full of its own, without timeline.
Manifest cut_behind(Manifest& manifest, std::int64_t last);

}  // namespace zkark::backup
