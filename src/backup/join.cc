#include "src/backup/join.h"

#include <fmt/format.h>

#include <algorithm>

#include "formats/base/fs.h"
#include "restore/log_walk.h"
#include "src/backup/stored_records.h"

namespace zkark::backup {
namespace {

using restore::Finding;
using restore::Findings;
using restore::Severity;
using restore::Step;

/// Whether both have the same records in [first, last].
Result<bool> agree(const Repository& repository, const std::vector<const StoredSegment*>& a,
                   const StoredSegment& b, std::int64_t first, std::int64_t last, Job& job) {
  StoredRecords left(repository, a), right(repository, {&b});
  const auto next_inside = [&](StoredRecords& records) -> Result<std::optional<RecordMark>> {
    for (;;) {
      ZK_TRY(auto mark, records.next());
      if (!mark || mark->zxid > last) return std::optional<RecordMark>();
      if (mark->zxid >= first) return mark;
    }
  };
  for (std::uint64_t n = 0;; ++n) {
    if ((n & 1023) == 0) ZK_TRY_STATUS(job.check());
    ZK_TRY(const auto l, next_inside(left));
    ZK_TRY(const auto r, next_inside(right));
    if (l != r) return false;
    if (!l) return true;
  }
}

Finding contradiction(const StoredSegment& segment, std::int64_t first, std::int64_t last) {
  Finding finding;
  finding.severity = Severity::kDamage;
  finding.id = ErrorId::kZxidOrder;
  finding.file = segment.file_name;
  finding.first_zxid = first;
  finding.last_zxid = last;
  finding.message = fmt::format("another log holds other records for {} to {}; this one is not stored",
                                zxid_text(first), zxid_text(last));
  finding.hint = "logs of two histories lie together: back them up one after the other";
  return finding;
}

/// A torn record at the end of a log is one that was never acknowledged, unless the servers went on behind
/// it.
void tell_lost_tail(const Manifest& manifest, std::int64_t after, Findings& findings) {
  for (const StoredSegment& segment : manifest.segments) {
    if (segment.last_zxid != after) continue;
    for (Finding& note : findings)
      if (note.severity == Severity::kNote && note.id == ErrorId::kTruncated && note.offset &&
          base_name(note.file) == segment.file_name)
        note.message = fmt::format(
            "torn tail: the log was cut behind {}; what it held there is lost, and the servers went on with "
            "it",
            zxid_text(after));
  }
}

}  // namespace

Status drop_contradictions(const Repository& repository, std::vector<StoredSegment>& segments,
                           Findings& findings, Job& job) {
  std::stable_sort(segments.begin(), segments.end(), [](const StoredSegment& a, const StoredSegment& b) {
    return a.first_zxid != b.first_zxid ? a.first_zxid < b.first_zxid : a.last_zxid > b.last_zxid;
  });
  std::vector<StoredSegment> kept;
  std::int64_t last = INT64_MIN;
  for (StoredSegment& segment : segments) {
    if (segment.first_zxid <= last) {
      std::vector<const StoredSegment*> others;
      for (const StoredSegment& other : kept)
        if (other.last_zxid >= segment.first_zxid) others.push_back(&other);
      const std::int64_t end = std::min(last, segment.last_zxid);
      ZK_TRY(const bool same, agree(repository, others, segment, segment.first_zxid, end, job));
      if (!same) findings.push_back(contradiction(segment, segment.first_zxid, end));
      if (!same || segment.last_zxid <= last) continue;
    }
    last = segment.last_zxid;
    kept.push_back(std::move(segment));
  }
  segments = std::move(kept);
  return {};
}

void add_gap(Manifest& manifest, std::int64_t after, std::int64_t before, std::string reason,
             Findings& findings) {
  tell_lost_tail(manifest, after, findings);
  const auto about = [&](const Finding& f) {
    return f.severity != Severity::kNote && f.first_zxid && *f.first_zxid == after + 1;
  };
  const auto told = std::find_if(findings.begin(), findings.end(), about);
  if (told != findings.end() && told->severity == Severity::kDamage) reason = "damaged in the source";
  if (told == findings.end()) {
    Finding finding;
    finding.severity = Severity::kGap;
    finding.id = ErrorId::kGap;
    finding.first_zxid = after + 1;
    finding.last_zxid = before - 1;
    finding.message = fmt::format("transactions behind {} and before {} are missing: {}", zxid_text(after),
                                  zxid_text(before), reason);
    findings.push_back(std::move(finding));
  }
  manifest.gaps.push_back({after, before, std::move(reason)});
  std::stable_sort(manifest.gaps.begin(), manifest.gaps.end(),
                   [](const Gap& a, const Gap& b) { return a.after_zxid < b.after_zxid; });
}

void set_gap(Manifest& manifest, std::int64_t after, std::int64_t before, std::string reason) {
  std::erase_if(manifest.epoch_steps, [&](const EpochStep& step) { return step.from_zxid == after; });
  manifest.gaps.push_back({after, before, std::move(reason)});
  std::stable_sort(manifest.gaps.begin(), manifest.gaps.end(),
                   [](const Gap& a, const Gap& b) { return a.after_zxid < b.after_zxid; });
}

void join_segments(Manifest& manifest, std::optional<std::int64_t> before, Findings& findings) {
  std::optional<std::int64_t> previous = before;
  for (const StoredSegment& segment : manifest.segments) {
    const std::int64_t first = segment.first_zxid;
    const bool base_first = !previous && !manifest.bases.empty() && manifest.bases.front().zxid < first;
    if (base_first) previous = manifest.bases.front().zxid;
    if (previous && first > *previous) {
      const Step step = restore::step_between(*previous, first, TxnType::kCreate);
      if (step == Step::kGap)
        add_gap(manifest, *previous, first, "not in the source", findings);
      else if (step == Step::kEpoch)
        manifest.epoch_steps.push_back({*previous, first, false, "not replayed yet"});
    }
    previous = std::max(previous.value_or(segment.last_zxid), segment.last_zxid);
  }
}

void mark_proven_steps(Manifest& manifest) {
  for (EpochStep& step : manifest.epoch_steps)
    for (const restore::ZxidRange& range : manifest.certificate.proven)
      if (range.first <= step.from_zxid && step.to_zxid <= range.last) {
        step.proven = true;
        step.how = "digest";
      }
}

Manifest cut_behind(Manifest& manifest, std::int64_t last) {
  Manifest behind = manifest;
  behind.type = BackupType::kFull;
  behind.timeline = {};
  const auto split = [last](auto& below, auto& above, auto zxid) {
    std::erase_if(below, [&](const auto& item) { return zxid(item) > last; });
    std::erase_if(above, [&](const auto& item) { return zxid(item) <= last; });
  };
  split(manifest.bases, behind.bases, [](const StoredBase& base) { return base.zxid; });
  split(manifest.segments, behind.segments, [](const StoredSegment& segment) { return segment.first_zxid; });
  // The hole or step at the cut itself is what the fork says.
  split(manifest.gaps, behind.gaps, [](const Gap& gap) { return gap.before_zxid; });
  split(manifest.epoch_steps, behind.epoch_steps, [](const EpochStep& step) { return step.to_zxid; });
  std::erase_if(behind.gaps, [&](const Gap& gap) { return gap.after_zxid <= last; });
  std::erase_if(behind.epoch_steps, [&](const EpochStep& step) { return step.from_zxid <= last; });
  if (manifest.unconfirmed_from && *manifest.unconfirmed_from > last) manifest.unconfirmed_from.reset();
  if (behind.unconfirmed_from) behind.unconfirmed_from = std::max(*behind.unconfirmed_from, last + 1);
  manifest.last_zxid = last;
  manifest.source_bytes_read = 0;
  for (StoredSegment& segment : behind.segments)
    segment.restorable = !behind.bases.empty() && segment.last_zxid > behind.bases.front().zxid;
  return behind;
}

}  // namespace zkark::backup
