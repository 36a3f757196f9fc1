#pragma once
// The second half of a backup: what was stored is read back and proven, a stale tail becomes a backup of its
// own timeline, and HEAD names the result (take.h reads and stores).
#include <vector>

#include "restore/source.h"
#include "src/backup/continuity.h"
#include "src/backup/manifest.h"
#include "src/backup/proof.h"
#include "src/backup/take.h"
#include "src/backup/writer.h"

namespace zkark::backup {

/// Borrows everything it is given. Fills what `report` says of proof and publication.
class Publication {
 public:
  Publication(RepositoryWriter& writer, const RepositoryEnvironment& env, restore::Source& source,
              const restore::SourceListing& listing, const Continuity& continuity, TakeReport& report,
              Job& job)
      : writer_(writer),
        env_(env),
        source_(source),
        listing_(listing),
        continuity_(continuity),
        report_(report),
        job_(job) {}

  /// `manifest` names stored data only. `prove`: replay them before they are named.
  Status run(Manifest manifest, bool prove);

 private:
  Result<std::vector<Manifest>> chain_before();
  Result<std::vector<Manifest>> prove_all(Manifest manifest);
  Result<Proof> prove_one(Manifest& manifest, bool whole);
  std::vector<Manifest> split(const Manifest& manifest, const std::vector<BrokenStep>& broken) const;
  Status publish(std::vector<Manifest> pieces);

  RepositoryWriter& writer_;
  const RepositoryEnvironment& env_;
  restore::Source& source_;
  const restore::SourceListing& listing_;
  const Continuity& continuity_;
  TakeReport& report_;
  Job& job_;
};

}  // namespace zkark::backup
