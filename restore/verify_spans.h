#pragma once
// The fast way of replaying everything a source has, for sources without gaps (internal: verify).
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "formats/base/executor.h"
#include "formats/base/job.h"
#include "restore/replay.h"
#include "restore/source.h"

namespace zkark::restore {

/// What ends a verification; everything else is a finding.
bool is_fatal(const Error& error);

struct UnbrokenReplay {
  ReplayResult last;                          // of the last stretch: its state is the final one
  const SourceFile* newest_agreed = nullptr;  // the newest snapshot; null where there is none
  std::int64_t exact_from = 0;                // the first zxid at which the state is exact
  Certificate certificate;                    // of all stretches
  Findings findings;
  std::uint64_t txns = 0;
  std::uint64_t snapshots_compared = 0;
  std::vector<std::pair<const SourceFile*, std::int64_t>> fuzzy_ends;
};

/// Replays in stretches, several at a time: each begins with a snapshot (the first with `first_base`) and has
/// to end in exactly the tree that the next one begins with. A snapshot that a stretch passes is read as it
/// stands and has to be exactly the tree there. Then the whole is one unbroken replay, whatever the number of
/// stretches, and its outcome the same. `first_next` is the first snapshot behind `first_base`. nullopt:
/// something is odd, and replaying one after the other finds out what. Memory: a tree for each stretch at
/// work.
Result<std::optional<UnbrokenReplay>> replay_unbroken(Source& source, const SourceListing& listing,
                                                      const SourceFile* first_base, std::size_t first_next,
                                                      Executor& executor, Job& job);

}  // namespace zkark::restore
