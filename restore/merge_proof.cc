#include "restore/merge_proof.h"

#include <algorithm>

namespace zkark::restore {

bool HistoryProof::covers(std::int64_t before, std::int64_t upto) const {
  return std::any_of(proven.begin(), proven.end(),
                     [&](const ZxidRange& range) { return range.first <= before && upto <= range.last; });
}

Result<HistoryProof> prove_history(Source& source, const SourceListing& listing, Job& job) {
  HistoryProof proof;
  std::vector<const SourceFile*> bases;
  if (!listing.logs.empty() && listing.logs.front().zxid <= 1) bases.push_back(nullptr);
  for (const SourceFile& snapshot : listing.snapshots) bases.push_back(&snapshot);
  std::optional<std::int64_t> reached;
  for (const SourceFile* const base : bases) {
    if (reached && base != nullptr && base->zxid <= *reached) continue;
    Findings findings;
    Result<ReplayResult> replayed = replay(source, listing, base, {}, findings, job);
    if (!replayed) {
      const ErrorId id = replayed.error().id();
      if (base == nullptr || (exit_code(id) != 6 && id != ErrorId::kNoFile))
        return fail(std::move(replayed).error());
      continue;  // told by whoever plans the copy
    }
    const Certificate& certificate = replayed->certificate;
    proof.proven.insert(proof.proven.end(), certificate.proven.begin(), certificate.proven.end());
    proof.steps.insert(proof.steps.end(), replayed->epoch_steps.begin(), replayed->epoch_steps.end());
    if (replayed->stopped_by) proof.stops.push_back(findings[*replayed->stopped_by]);
    for (Finding& finding : findings)
      if (finding.severity == Severity::kDamage && finding.id == ErrorId::kDigestMismatch)
        proof.mismatches.push_back(std::move(finding));
    if (!replayed->stopped_by) break;
    reached = replayed->state.last_zxid;
  }
  return proof;
}

}  // namespace zkark::restore
