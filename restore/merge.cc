// Which way through each hole is taken, and what shows that it is the right one.
#include "restore/merge.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

#include "restore/merge_layout.h"
#include "restore/merge_paths.h"
#include "restore/merge_proof.h"
#include "restore/merge_scan.h"

namespace zkark::restore {
namespace {

class Merger {
 public:
  Merger(MergeMember& target, std::vector<MergeMember>& others, const MergeOptions& options,
         Findings& findings, Job& job)
      : target_(target), others_(others), options_(options), findings_(findings), job_(job) {}
  Result<MergePlan> run();

 private:
  struct Judgement {
    bool right = false;   // it may stand
    bool proven = false;  // by digests from before it to beyond it
    std::string why;      // it may not, or what shows it
  };

  Status gather();
  Status choose();
  Status choose_among(std::size_t h);
  Status settle();
  Status check_mismatches();
  Judgement judge(std::size_t h, const HolePath& way) const;
  bool step_shown(std::size_t h, const Anchor& before, const Anchor& after) const;
  bool sides_shown(std::size_t h, const HolePath& way) const;
  bool is_empty_step(std::size_t h, const HolePath& way) const {
    return scan_.holes[h].kind == HoleKind::kStep && way.records.empty();
  }
  const HolePath* way(std::size_t h) const { return chosen_[h] ? &ways_[h].paths[*chosen_[h]] : nullptr; }
  Status prove();
  void report(MergePlan& plan);
  void report_findings(const MergePlan& plan);
  std::string dead_ends(std::size_t h) const;

  MergeMember& target_;
  std::vector<MergeMember>& others_;
  const MergeOptions& options_;
  Findings& findings_;
  Job& job_;
  HoleScan scan_;
  std::vector<HoleRecords> records_;                // by hole
  std::vector<FoundPaths> ways_;                    // by hole
  std::vector<std::optional<std::size_t>> chosen_;  // by hole
  std::vector<std::string> reasons_;                // by hole: why it is not filled
  MergeLayout layout_;
  std::unique_ptr<MergedView> view_;
  HistoryProof proof_;
};

Status Merger::gather() {
  job_.progress.phase = "reading";
  ZK_TRY(scan_, scan_holes(target_, options_, job_));
  records_.resize(scan_.holes.size());
  for (HoleRecords& one : records_) one.members = &others_;
  for (MergeMember& member : others_) {
    ZK_TRY(HeldByHole held, scan_member(target_, scan_, member, job_));
    for (std::size_t h = 0; h < held.size(); ++h) records_[h].held.push_back(std::move(held[h]));
  }
  for (std::size_t h = 0; h < scan_.holes.size(); ++h) {
    ZK_TRY(FoundPaths found, find_paths(scan_.holes[h], records_[h], job_));
    ways_.push_back(std::move(found));
  }
  chosen_.resize(scan_.holes.size());
  reasons_.resize(scan_.holes.size());
  return {};
}

/// Lays out what is chosen, and replays it.
Status Merger::prove() {
  std::vector<const HolePath*> ways;
  for (std::size_t h = 0; h < scan_.holes.size(); ++h) {
    const HolePath* const one = way(h);
    ways.push_back(one != nullptr && !is_empty_step(h, *one) ? one : nullptr);
  }
  layout_ = lay_out(target_, others_, scan_, records_, ways);
  view_ = std::make_unique<MergedView>(*target_.source, target_.listing, layout_.logs);
  job_.progress.phase = "replaying";
  ZK_TRY(proof_, prove_history(*view_, view_->listing(), job_));
  return {};
}

/// Another epoch begins where its leader went on: a digest or a snapshot shows it, or two who agree.
bool Merger::step_shown(std::size_t h, const Anchor& before, const Anchor& after) const {
  for (const EpochStep& step : proof_.steps)
    if (step.first == after.zxid && step.last == before.zxid && step.proven) return true;
  return before.checksum && after.checksum && records_[h].witnesses(before, after) > 1;
}

/// Whom it is taken from holds what is on both sides; or a record of the same epoch, of which one leader
/// wrote all.
bool Merger::sides_shown(std::size_t h, const HolePath& way) const {
  const Hole& hole = scan_.holes[h];
  for (const PathRecord& where : way.records) {
    const MergeMember& from = others_[where.member];
    const std::int64_t zxid = records_[h].at(where).zxid;
    const bool both = hole.right && hole.right->checksum && way.left.checksum && from.common &&
                      from.common->first <= way.left.zxid && from.common->last >= hole.right->zxid;
    const bool same_leader = std::binary_search(from.shared_epochs.begin(), from.shared_epochs.end(),
                                                static_cast<std::int64_t>(zxid_epoch(zxid)));
    if (!both && !same_leader) return false;
  }
  return true;
}

Merger::Judgement Merger::judge(std::size_t h, const HolePath& way) const {
  const Hole& hole = scan_.holes[h];
  Judgement judgement;
  std::vector<Anchor> all{way.left};
  for (const PathRecord& where : way.records)
    all.push_back({records_[h].at(where).zxid, records_[h].at(where).checksum});
  const std::int64_t last = all.back().zxid;
  const std::int64_t first = way.records.empty() ? (hole.right ? hole.right->zxid : last) : all[1].zxid;
  if (hole.right && hole.right->checksum) all.push_back(*hole.right);
  for (std::size_t i = 1; i < all.size(); ++i) {
    if (zxid_epoch(all[i].zxid) == zxid_epoch(all[i - 1].zxid)) continue;
    if (step_shown(h, all[i - 1], all[i])) continue;
    // Nothing of the old epoch is taken, and nothing was before.
    if (!all[i - 1].checksum && all[i - 1].zxid == 0) continue;
    judgement.why = fmt::format(
        "nothing shows that the epoch of {} began behind {}: what an old leader logged last may never have "
        "been committed",
        zxid_text(all[i].zxid), zxid_text(all[i - 1].zxid));
    return judgement;
  }
  for (const Finding& stop : proof_.stops)
    if (stop.first_zxid && *stop.first_zxid > way.left.zxid && *stop.first_zxid <= all.back().zxid) {
      judgement.why = "replayed with what the others hold, the history does not go on: " + stop.message;
      return judgement;
    }
  const std::int64_t upto = hole.right && hole.right->checksum ? hole.right->zxid : last;
  judgement.proven = proof_.covers(first - 1, upto) || proof_.covers(way.left.zxid, upto);
  if (!judgement.proven && !sides_shown(h, way)) {
    judgement.why =
        "no digest reaches over it, and whoever holds it shares no transaction on both of its sides";
    return judgement;
  }
  judgement.right = true;
  judgement.why = judgement.proven
                      ? fmt::format("digests agree from {} to {}", zxid_text(way.left.zxid), zxid_text(upto))
                      : "not provable: no digest reaches over it; zxids and records beside it agree";
  return judgement;
}

/// Several ways lead through it: the one that the servers' digests show, else the one that most have.
Status Merger::choose_among(std::size_t h) {
  std::vector<HolePath>& paths = ways_[h].paths;
  std::optional<std::size_t> witnessed;
  bool several = false;
  for (std::size_t p = 0; p < paths.size(); ++p) {
    chosen_[h] = p;
    ZK_TRY_STATUS(prove());
    const Judgement judgement = judge(h, paths[p]);
    const std::int64_t behind = scan_.holes[h].to();
    const bool differs =
        std::any_of(proof_.mismatches.begin(), proof_.mismatches.end(), [&](const Finding& finding) {
          return finding.first_zxid && *finding.first_zxid > paths[p].left.zxid &&
                 *finding.first_zxid <= behind;
        });
    if (!judgement.right || differs) continue;
    if (judgement.proven) return {};
    several = witnessed.has_value();
    witnessed = p;
  }
  chosen_[h] = several ? std::nullopt : witnessed;
  if (!chosen_[h])
    reasons_[h] = "the others lead across it in more than one way, and no digest tells which is right";
  return {};
}

Status Merger::choose() {
  for (std::size_t h = 0; h < scan_.holes.size(); ++h) {
    std::vector<HolePath>& paths = ways_[h].paths;
    // As the member has it itself comes first.
    if (scan_.holes[h].kind == HoleKind::kStep) {
      std::erase_if(paths, [](const HolePath& one) { return one.records.empty(); });
      paths.insert(paths.begin(), HolePath{scan_.holes[h].left.back(), {}});
    }
    if (paths.empty())
      reasons_[h] = ways_[h].stuck;
    else
      chosen_[h] = 0;
  }
  for (std::size_t h = 0; h < scan_.holes.size(); ++h)
    if (ways_[h].paths.size() > 1) ZK_TRY_STATUS(choose_among(h));
  return {};
}

/// What does not hold is taken back, until the rest does.
Status Merger::settle() {
  for (;;) {
    ZK_TRY_STATUS(prove());
    bool changed = false;
    for (std::size_t h = 0; h < scan_.holes.size(); ++h) {
      if (way(h) == nullptr || is_empty_step(h, *way(h))) continue;
      const Judgement judgement = judge(h, *way(h));
      if (judgement.right) continue;
      chosen_[h].reset();
      reasons_[h] = judgement.why;
      changed = true;
      break;  // what lies behind is judged anew
    }
    if (!changed) return check_mismatches();
  }
}

/// A difference that the member does not have by itself.
Status Merger::check_mismatches() {
  std::optional<std::int64_t> first;
  for (std::size_t h = 0; h < scan_.holes.size(); ++h)
    if (way(h) != nullptr && !is_empty_step(h, *way(h)))
      first = std::min(first.value_or(INT64_MAX), way(h)->left.zxid);
  if (!first) return {};
  std::optional<HistoryProof> own;
  for (const Finding& finding : proof_.mismatches) {
    if (!finding.first_zxid || *finding.first_zxid <= *first) continue;
    if (!own) {
      ZK_TRY(own, prove_history(*target_.source, target_.listing, job_));
    }
    const bool known = std::any_of(own->mismatches.begin(), own->mismatches.end(),
                                   [&](const Finding& one) { return one.first_zxid == finding.first_zxid; });
    if (known) continue;
    return fail(
        Error(ErrorId::kDigestMismatch,
              fmt::format("with what the others hold the history is not the servers': {}", finding.message))
            .at_zxid(*finding.first_zxid)
            .with_hint("nothing was written; `zkark compare` shows whose records differ, `zkark "
                       "repair` makes a copy without the hole"));
  }
  return {};
}

std::string Merger::dead_ends(std::size_t h) const {
  return reasons_[h].empty() ? std::string("nobody holds it") : reasons_[h];
}

void Merger::report(MergePlan& plan) {
  for (std::size_t h = 0; h < scan_.holes.size(); ++h) {
    const Hole& hole = scan_.holes[h];
    const HolePath* const one = way(h);
    if (one != nullptr && is_empty_step(h, *one)) {
      // Unless its own files show that something is missing there.
      const bool broken = std::any_of(proof_.stops.begin(), proof_.stops.end(), [&](const Finding& stop) {
        return stop.first_zxid && *stop.first_zxid == one->left.zxid + 1 && hole.right;
      });
      if (!broken) continue;
    }
    MergeHole told;
    told.kind = hole.kind;
    told.first = (one != nullptr ? one->left : hole.left.back()).zxid + 1;
    if (hole.right) told.last = std::max(told.first, hole.right->zxid - (hole.right->checksum ? 1 : 0));
    told.file = hole.file;
    told.offset = hole.offset;
    told.filled = one != nullptr && !is_empty_step(h, *one);
    if (told.filled) {
      told.taken = layout_.taken[h];
      for (const TakenRun& run : told.taken) told.txns += run.txns;
      if (told.txns != 0) {
        told.first = told.taken.front().first_zxid;
        told.last = told.taken.back().last_zxid;
      }
      const Judgement judgement = judge(h, *one);
      told.proven = judgement.proven;
      told.proof = judgement.why;
      if (hole.kind == HoleKind::kTail && told.txns != 0) plan.extended = told.last;
    } else {
      if (hole.kind == HoleKind::kTail && hole.bad.empty())
        continue;  // there is no more, and none is missing
      told.reason = dead_ends(h);
      if (hole.room && !options_.extend)
        told.reason += "; nothing follows it, so --extend alone takes more than stood in these bytes";
    }
    plan.holes.push_back(std::move(told));
  }
  plan.made = layout_.made;
  plan.dropped = layout_.dropped;
  plan.proven = proof_.proven;
}

/// What is healed is worth knowing; what is not is told by the plan of the copy, in places of the view.
void Merger::report_findings(const MergePlan& plan) {
  for (std::size_t h = 0; h < scan_.holes.size(); ++h) {
    if (way(h) == nullptr || is_empty_step(h, *way(h))) continue;
    for (const std::size_t i : scan_.holes[h].findings) {
      Finding note = scan_.findings[i];
      if (note.severity == Severity::kNote) continue;
      note.severity = Severity::kNote;
      note.message += ": made up for by another member";
      findings_.push_back(std::move(note));
    }
  }
  for (const MergeHole& hole : plan.holes) {
    if (hole.filled) continue;
    Finding gap;
    gap.severity = Severity::kGap;
    gap.id = ErrorId::kGap;
    gap.file = hole.file;
    gap.offset = hole.offset;
    gap.first_zxid = hole.first;
    gap.last_zxid = hole.last;
    gap.message = fmt::format("a hole stays: {}", hole.reason);
    gap.hint = "give another member, or a backup (REPO@latest); what is left out of the copy is listed";
    findings_.push_back(std::move(gap));
  }
}

Result<MergePlan> Merger::run() {
  ZK_TRY_STATUS(gather());
  ZK_TRY_STATUS(choose());
  ZK_TRY_STATUS(settle());
  MergePlan plan;
  report(plan);
  plan.view = std::move(view_);
  Findings met;
  Result<RepairPlan> repair = plan_repair(*plan.view, plan.view->listing(), {}, met, job_);
  for (Finding& finding : met)
    if (finding.offset)
      std::tie(finding.file, finding.offset) = plan.view->origin(finding.file, *finding.offset);
  report_findings(plan);
  findings_.insert(findings_.end(), met.begin(), met.end());
  if (!repair) return fail(std::move(repair).error());
  plan.repair = *std::move(repair);
  // Where a hole stays, the copy is proven from behind it.
  for (const ZxidRange& range : plan.repair.rebuilt->replay.certificate.proven)
    if (!proof_.covers(range.first, range.last)) plan.proven.push_back(range);
  for (Loss& loss : plan.repair.losses) {
    const std::uint64_t size = loss.end - loss.begin;
    std::tie(loss.file, loss.begin) = plan.view->origin(loss.file, loss.begin);
    loss.end = loss.begin + size;
  }
  return plan;
}

}  // namespace

std::uint64_t MergePlan::txns_filled() const {
  std::uint64_t all = 0;
  for (const MergeHole& hole : holes) all += hole.txns;
  return all;
}

bool MergePlan::complete() const {
  return std::all_of(holes.begin(), holes.end(), [](const MergeHole& hole) { return hole.filled; });
}

Result<MergePlan> plan_merge(MergeMember& target, std::vector<MergeMember>& others,
                             const MergeOptions& options, Findings& findings, Job& job) {
  return Merger(target, others, options, findings, job).run();
}

}  // namespace zkark::restore
