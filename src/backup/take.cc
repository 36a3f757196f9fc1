#include "src/backup/take.h"

#include <fmt/format.h>

#include <algorithm>

#include "restore/base_choice.h"
#include "restore/log_walk.h"
#include "restore/snapshot_look.h"
#include "src/backup/join.h"
#include "src/backup/publication.h"
#include "src/backup/taker.h"

namespace zkark::backup {
namespace {

using restore::Finding;
using restore::Severity;
using restore::SourceFile;

constexpr int kListings = 4;  // times a source that changes meanwhile is listed
constexpr std::int64_t kPauseMs = 50;
constexpr int kLooks = 3;

}  // namespace

void Taker::new_timeline(std::string cause) {
  std::byte id[8];
  env_.random.fill(id);
  manifest_.timeline = {};
  manifest_.timeline.id = to_hex(id);
  manifest_.timeline.cause = std::move(cause);
  manifest_.timeline.parent = continuity_.parent_timeline;
  manifest_.timeline.fork_zxid = continuity_.fork_zxid;
  manifest_.timeline.fork_checksum = continuity_.fork_checksum;
}

Status Taker::refuse_increment(std::string why) const {
  return fail(Error(ErrorId::kRefused, "no incremental backup is possible: " + std::move(why))
                  .at(source_.description())
                  .with_hint("take a full backup (--type auto or --type full)"));
}

/// What goes on from the stored end may still have something better to offer before it.
Status Taker::look_again() {
  ZK_TRY(again_, worth_reading_again(writer_.repository(), *continuity_.previous, source_, listing_, job_));
  full_ = again_.full;
  return {};
}

/// Full or increment, and on which timeline.
Status Taker::decide() {
  manifest_.cluster = options_.cluster;
  if (continuity_.previous) {
    manifest_.timeline = continuity_.previous->timeline;
    manifest_.parent = continuity_.previous->id;
  }
  const bool wants_incr = options_.type == TakeType::kIncr;
  switch (continuity_.relation) {
    case Relation::kFirst:
      if (wants_incr)
        return refuse_increment(fmt::format("nothing is stored of cluster {} yet", options_.cluster));
      new_timeline("first");
      return {};
    case Relation::kBehind:
      report_.source_behind = true;
      [[fallthrough]];
    case Relation::kContinues:
      full_ = options_.type == TakeType::kFull;
      return options_.type == TakeType::kAuto ? look_again() : Status();
    case Relation::kForked: {
      const std::string where = continuity_.fork_zxid ? " after " + zxid_text(*continuity_.fork_zxid) : "";
      if (wants_incr)
        return refuse_increment(fmt::format("the source was rewritten{} (another leader's history)", where));
      new_timeline(continuity_.fork_checksum ? "truncated tail" : "rewritten");
      return {};
    }
    case Relation::kRestored:
      if (wants_incr)
        return refuse_increment("the source was restored from a backup and starts a timeline of its own");
      new_timeline("restore");
      return {};
    case Relation::kPurged:
      if (wants_incr)
        return refuse_increment(
            fmt::format("the records after {} are gone from the source", zxid_text(continuity_.stored_to)));
      return {};
    case Relation::kForeign:
      if (!options_.accept_new_history)
        return fail(Error(ErrorId::kWrongCluster,
                          fmt::format("the source shares no transaction and no old znode with cluster {}",
                                      options_.cluster))
                        .at(source_.description())
                        .with_hint("give it a name of its own with -C NAME, or --accept-new-history if it "
                                   "really replaced that "
                                   "cluster"));
      continuity_.parent_timeline.clear();
      new_timeline("accepted new history");
      return {};
  }
  return {};
}

/// A full reads again what is stored already. Where it holds other records of a zxid, it starts a timeline:
/// one of the two is not what the servers had, and neither must stand in for the other.
Status Taker::keep_one_history() {
  if (!full_ || !continuity_.previous || manifest_.timeline.id != continuity_.previous->timeline.id)
    return {};
  ZK_TRY(const auto found, contradiction_with_stored(writer_.repository(), options_.cluster,
                                                     manifest_.timeline.id, manifest_.segments, job_));
  if (!found) return {};
  Finding finding;
  finding.severity = found->stored_failed_at ? Severity::kNote : Severity::kDamage;
  finding.id = ErrorId::kZxidOrder;
  finding.first_zxid = finding.last_zxid = found->zxid;
  finding.message =
      fmt::format("the source has another {} than what is stored{}: this backup begins a timeline",
                  zxid_text(found->zxid), found->stored_failed_at ? ", which failed its proof" : "");
  if (!found->stored_failed_at)
    finding.hint = "`zkark verify --replay=all` tells which of the two the servers had";
  report_.findings.push_back(std::move(finding));
  continuity_.parent_timeline = continuity_.previous->timeline.id;
  continuity_.fork_zxid.reset();
  continuity_.fork_checksum.reset();
  if (found->shared) {
    continuity_.fork_zxid = found->shared->zxid;
    continuity_.fork_checksum = found->shared->checksum;
  }
  new_timeline(std::string(kContradicts));
  return {};
}

/// Names every hole and epoch step: between segments, behind what is stored already, behind the base of a
/// full.
Status Taker::name_holes() {
  std::optional<std::int64_t> before;
  if (!full_) before = continuity_.stored_to;
  if (continuity_.relation == Relation::kPurged) {
    std::int64_t first = INT64_MAX;
    for (const StoredBase& base : manifest_.bases) first = std::min(first, base.zxid);
    if (!manifest_.segments.empty()) first = std::min(first, manifest_.segments.front().first_zxid);
    if (first > continuity_.stored_to && first != INT64_MAX)
      add_gap(manifest_, continuity_.stored_to, first, "purged from the source before it was backed up",
              report_.findings);
  }
  join_segments(manifest_, before, report_.findings);
  return {};
}

/// Behind a hole only a snapshot goes on. Across an epoch step the one between is taken along at once: it is
/// a new base if the step turns out not to be continuous (a member synchronised by snapshot names it above
/// the old epoch's end).
Status Taker::store_behind_holes() {
  const auto store_first = [&](std::int64_t after, std::int64_t before) -> Status {
    for (const SourceFile& snapshot : listing_.snapshots) {
      if (snapshot.zxid <= after || snapshot.zxid >= before) continue;
      for (const StoredBase& base : manifest_.bases)
        if (base.zxid == snapshot.zxid) return {};
      ZK_TRY(CollectedBase collected, collect_base(writer_, source_, snapshot, inline_, job_));
      const bool stored = collected.base.has_value();
      take_base(std::move(collected));
      if (stored) return {};
    }
    return {};
  };
  const std::vector<EpochStep> steps = manifest_.epoch_steps;
  for (const EpochStep& step : steps) ZK_TRY_STATUS(store_first(step.from_zxid, step.to_zxid));
  const std::vector<Gap> gaps = manifest_.gaps;
  for (const Gap& gap : gaps) ZK_TRY_STATUS(store_first(gap.after_zxid, INT64_MAX));
  return {};
}

/// A snapshot named above the last record: the member was synchronised by snapshot and has written nothing
/// since. (A new leader names one EPOCH<<32: nothing is missing there. A follower may apply a txn a moment
/// before it is in its log.)
Status Taker::look_beyond_logs() {
  if (listing_.snapshots.empty() || report_.source_behind) return {};
  std::int64_t last = full_ ? 0 : continuity_.stored_to;
  for (const StoredSegment& segment : manifest_.segments) last = std::max(last, segment.last_zxid);
  if (last == 0 || listing_.snapshots.back().zxid <= last) return {};
  ZK_TRY(const SourceFile* const newest, restore::newest_complete(source_, listing_, last));
  if (newest == nullptr || zxid_counter(newest->zxid) == 0) return {};
  const std::int64_t snapshot = newest->zxid;
  for (int look = 0; look < kLooks; ++look) {
    env_.clock.sleep_ms(kPauseMs);
    ZK_TRY(const restore::SourceListing now, source_.list());
    ZK_TRY(const std::int64_t record, last_record_of(source_, now.logs, job_));
    if (record >= snapshot) return fail(ErrorId::kNoFile, "the source went on while it was read");
  }
  add_gap(manifest_, last, snapshot, "not in the source's logs; a snapshot goes on behind it",
          report_.findings);
  return store_behind_holes();
}

/// Whether what does not fit together may be due to the server at work: files gone, cut or rewritten since
/// the listing.
Result<bool> Taker::source_changed() {
  const bool odd = std::any_of(report_.findings.begin(), report_.findings.end(),
                               [](const Finding& finding) { return finding.severity != Severity::kNote; });
  if (!odd) return false;
  ZK_TRY(const restore::SourceListing now, source_.list());
  const auto changed = [](const std::vector<SourceFile>& before, const std::vector<SourceFile>& after) {
    return std::any_of(before.begin(), before.end(), [&](const SourceFile& old) {
      const auto same =
          std::find_if(after.begin(), after.end(), [&](const SourceFile& f) { return f.path == old.path; });
      if (same == after.end() || same->size_bytes < old.size_bytes) return true;
      return &old != &before.back() && (same->size_bytes != old.size_bytes || same->mtime_ns != old.mtime_ns);
    });
  };
  return changed(listing_.logs, now.logs) || changed(listing_.snapshots, now.snapshots);
}

Status Taker::store_config() {
  for (const restore::ExtraFile& extra : listing_.extras) {
    StoredConfig config;
    config.role = extra.name.find(".dynamic") != std::string::npos ? "dynamic"
                  : extra.name == "zkark-lineage.json"             ? "lineage"
                                                                   : extra.name;
    config.path = extra.path;
    const StoredData* known = nullptr;
    if (continuity_.previous)
      for (const StoredConfig& old : continuity_.previous->config)
        if (old.role == config.role && base_name(old.path) == base_name(config.path)) known = &old.data;
    ZK_TRY(config.data, writer_.store(ObjectKind::kConfig, as_bytes(extra.content), known));
    manifest_.config.push_back(std::move(config));
  }
  return {};
}

/// Where a snapshot has no sections: all that got into it was in the logs by the time it was complete. It was
/// read to its end before; so the logs are looked at now, whatever of them was stored.
Status Taker::settle_fuzzy_ends() {
  std::optional<std::int64_t> last;
  for (StoredBase& base : manifest_.bases) {
    if (base.fuzzy_end_from != StoredBase::FuzzyEndFrom::kObserved) continue;
    if (!last) {
      ZK_TRY(const restore::SourceListing now, source_.list());
      ZK_TRY(last, last_record_of(source_, now.logs, job_));
      if (!manifest_.segments.empty()) last = std::max(*last, manifest_.segments.back().last_zxid);
    }
    SourceFile file;
    file.zxid = base.zxid;
    for (const auto& [zxid, facts] : facts_)
      if (zxid == base.zxid) base.fuzzy_end = restore::fuzzy_end_beside(listing_, file, *last, facts);
  }
  return {};
}

/// Of the timeline that the source goes on with.
std::optional<std::int64_t> Taker::unconfirmed_before() const {
  const bool goes_on =
      continuity_.relation == Relation::kContinues || continuity_.relation == Relation::kBehind;
  return goes_on && continuity_.previous ? continuity_.previous->unconfirmed_from : std::nullopt;
}

std::optional<std::int64_t> Taker::unconfirmed_now() const {
  const std::optional<std::int64_t> before = unconfirmed_before();
  // The tail is not in the source, or it is still its end and nobody can say more about it.
  const bool as_before = report_.source_behind || (!applied_ && manifest_.last_zxid <= continuity_.stored_to);
  std::optional<std::int64_t> from = before;
  if (!as_before) {
    if (!applied_) return {};
    from = *applied_ + 1;
    // What was stored as committed stays so: this member is only slow to apply it.
    if (before)
      from = std::max(*from, *before);
    else if (continuity_.relation == Relation::kContinues)
      from = std::max(*from, continuity_.stored_to + 1);
  }
  return from && *from <= manifest_.last_zxid ? from : std::nullopt;
}

Status Taker::describe() {
  ZK_TRY_STATUS(settle_fuzzy_ends());
  // What no base reaches is kept, and shown as not restorable.
  const bool from_start = !manifest_.segments.empty() && manifest_.segments.front().first_zxid == 1;
  if (full_ && !from_start)
    for (StoredSegment& segment : manifest_.segments)
      segment.restorable = !manifest_.bases.empty() && segment.last_zxid > manifest_.bases.front().zxid;
  manifest_.last_zxid = full_ ? 0 : continuity_.stored_to;
  for (const StoredSegment& segment : manifest_.segments)
    manifest_.last_zxid = std::max(manifest_.last_zxid, segment.last_zxid);
  for (const StoredBase& base : manifest_.bases)
    manifest_.last_zxid = std::max(manifest_.last_zxid, base.zxid);
  manifest_.source = options_.source;
  manifest_.source.server_id = listing_.myid;
  manifest_.source.current_epoch = listing_.current_epoch;
  manifest_.source.accepted_epoch = listing_.accepted_epoch;
  manifest_.source.last_applied_zxid = applied_;
  manifest_.unconfirmed_from = unconfirmed_now();
  if (const auto before = unconfirmed_before(); before && manifest_.unconfirmed_from != before)
    report_.confirmed_from = before;
  manifest_.host = env_.system.hostname();
  manifest_.tags = options_.tags;
  return {};
}

std::string Taker::nothing_new() const {
  std::string text = report_.source_behind
                         ? fmt::format("nothing new: the source ends before the last stored transaction {}",
                                       zxid_text(continuity_.stored_to))
                         : fmt::format("nothing new since {}", zxid_text(continuity_.stored_to));
  if (again_.failed_at)
    text += fmt::format("; what is stored failed its proof at {}, and the source has the same records",
                        zxid_text(*again_.failed_at));
  return text;
}

Result<TakeReport> Taker::run() {
  manifest_.started_ms = env_.clock.wall().ms;
  job_.progress.phase = "comparing";
  job_.progress.done = 0;
  job_.progress.total = 0;
  ZK_TRY(listing_, source_.list());
  listed_ = true;
  report_.findings = options_.source_findings;
  report_.findings.insert(report_.findings.end(), listing_.findings.begin(), listing_.findings.end());
  ZK_TRY(continuity_, find_continuity(writer_.repository(), options_.cluster, source_, listing_, job_));
  ZK_TRY_STATUS(decide());
  ZK_TRY_STATUS(require_space());
  job_.progress.phase = "reading";
  if (full_)
    ZK_TRY_STATUS(store_full());
  else if (!report_.source_behind)
    ZK_TRY_STATUS(store_increment());
  ZK_TRY_STATUS(gather());
  ZK_TRY_STATUS(keep_one_history());
  ZK_TRY_STATUS(name_holes());
  ZK_TRY_STATUS(store_behind_holes());
  ZK_TRY_STATUS(look_beyond_logs());
  if (!last_chance_) {
    ZK_TRY(const bool changed, source_changed());
    if (changed) return fail(ErrorId::kNoFile, "the source changed while it was read");
  }
  if (full_ && manifest_.bases.empty() && manifest_.segments.empty()) {
    // There were data: as verify judges them.
    const bool damaged =
        !listing_.snapshots.empty() || restore::has_severity(report_.findings, Severity::kDamage);
    return fail(Error(damaged ? ErrorId::kDamaged : ErrorId::kNoData,
                      "nothing readable was found: no intact snapshot and no record")
                    .at(source_.description())
                    .with_hint("`zkark inspect` shows what is wrong with each file"));
  }
  report_.stored_to = continuity_.stored_to;
  applied_ = options_.last_applied ? options_.last_applied() : options_.source.last_applied_zxid;
  const bool nothing = !full_ && manifest_.segments.empty() && manifest_.bases.empty();
  const auto before = unconfirmed_before();
  const bool confirms = before && !report_.source_behind && applied_ && *applied_ >= *before;
  if (nothing && !confirms && options_.tags.empty()) {
    report_.verdict = nothing_new();
    return tell_unreadable();
  }
  manifest_.type = full_ ? BackupType::kFull : BackupType::kIncr;
  ZK_TRY_STATUS(store_config());
  ZK_TRY_STATUS(describe());
  ZK_TRY_STATUS(Publication(writer_, env_, source_, listing_, continuity_, report_, job_)
                    .run(std::move(manifest_), options_.prove.value_or(full_)));
  return tell_unreadable();
}

/// What is wrong with the repository is no part of this backup's manifest.
TakeReport Taker::tell_unreadable() {
  for (Finding& finding : continuity_.unreadable) report_.findings.push_back(std::move(finding));
  if (again_.full) {
    Finding note;
    note.id = ErrorId::kIncomplete;
    note.message = "a full backup was taken: " + again_.why;
    report_.findings.push_back(std::move(note));
  }
  return std::move(report_);
}

Result<TakeReport> take_backup(const RepositoryEnvironment& env, restore::Source& source,
                               const TakeOptions& options, Job& job) {
  ZK_TRY(auto writer,
         RepositoryWriter::begin(env, {LockKind::kExclusive, "backup", options.lock_wait_ms}, job));
  for (int listing = 1;; ++listing) {
    Taker taker(*writer, env, source, options, listing == kListings, job);
    Result<TakeReport> report = taker.run();
    // A live server purged, cut or rewrote a file between listing and reading it: look again.
    if (!report && report.error().id() == ErrorId::kNoFile && taker.listed() && listing < kListings) {
      env.clock.sleep_ms(kPauseMs);
      continue;
    }
    // What was published stays published, whatever becomes of the lock.
    if (Status ended = writer->end(); !ended && report) {
      report->findings.push_back(restore::finding_of(ended.error(), Severity::kNote));
      report->findings.back().hint = "`zkark unlock` removes the lock";
    }
    if (!report && report.error().id() == ErrorId::kNoFile && taker.listed())
      return fail(std::move(report).error().with_hint(
          "files vanish from the source while they are read; run it again"));
    return report;
  }
}

}  // namespace zkark::backup
