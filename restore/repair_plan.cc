// What of a damaged source goes into its copy.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "restore/lineage.h"
#include "restore/repair.h"
#include "restore/repair_logs.h"
#include "restore/repair_scan.h"
#include "restore/repair_view.h"
#include "restore/snapshot_look.h"

namespace zkark::restore {
namespace {

/// About one file, or about what can be had of the data; anything else ends the work.
bool is_about_data(ErrorId id) {
  return exit_code(id) == 6 || id == ErrorId::kGap || id == ErrorId::kPointNotFound;
}

bool starts_epoch_behind(std::int64_t first, std::int64_t base) {
  return zxid_epoch(first) != zxid_epoch(base) && zxid_counter(first) <= 1;
}
bool leads_into(std::int64_t base, const LogRun& run) {
  return run.first_zxid <= base + 1 || starts_epoch_behind(run.first_zxid, base);
}
bool holds(const LogRun& run, std::int64_t zxid) { return run.first_zxid <= zxid && zxid <= run.last_zxid; }

struct LookedAt {
  const SourceFile* file = nullptr;
  bool sound = false;
  std::int64_t fuzzy_end = 0;
  std::string reason;  // why it is not sound, or not kept
};

class Planner {
 public:
  Planner(Source& source, const SourceListing& listing, const RepairOptions& options, Findings& findings,
          Job& job)
      : source_(source), listing_(listing), options_(options), findings_(findings), job_(job) {}

  Result<RepairPlan> run() {
    plan_.flat = options_.flat();
    add_findings(listing_.findings);
    if (options_.directory || options_.salvage)
      ZK_TRY_STATUS(options_.salvage ? plan_salvage() : plan_directory());
    else
      ZK_TRY_STATUS(plan_files());
    ZK_TRY_STATUS(settle_names());
    return std::move(plan_);
  }

 private:
  Status plan_salvage();
  Status plan_files();
  Status plan_directory();
  Status look_at_snapshots(std::int64_t last_record);
  Status note_unsound(LookedAt& looked, const Error& error);
  Status check_chop(const std::optional<std::int64_t>& below, const std::optional<std::int64_t>& above,
                    bool met);
  Result<bool> try_run(std::int64_t point, std::optional<std::size_t> run, std::optional<Error>& refusal);
  Status find_state();
  std::vector<std::int64_t> candidates() const;
  std::vector<std::optional<std::size_t>> runs_to(std::int64_t point) const;
  bool within_reach(std::int64_t point, std::optional<std::size_t> run) const;
  std::unique_ptr<RepairView> view(std::optional<std::size_t> run) const;
  Status take_state(const RepairView& view, Rebuilt rebuilt, std::int64_t point, Findings findings);
  Result<bool> try_first_epoch();
  Status leave_out_broken_steps(std::int64_t& floor);
  void add_findings(const Findings& findings);
  void add_snapshot(const LookedAt& looked, bool kept);
  Status settle_names();
  Failure nothing_left() const;

  Source& source_;
  const SourceListing& listing_;
  const RepairOptions& options_;
  Findings& findings_;
  Job& job_;
  RepairPlan plan_;
  LogScan scan_;
  std::vector<LookedAt> snapshots_;
  SourceListing usable_;  // the listing with its sound snapshots alone
  std::optional<std::int64_t> base_zxid_;
  std::optional<std::size_t> run_;  // that leads to the point; or lies below a snapshot that is the point
};

void Planner::add_findings(const Findings& findings) {
  for (const Finding& finding : findings) {
    const bool known = std::any_of(findings_.begin(), findings_.end(), [&](const Finding& old) {
      return old.id == finding.id && old.file == finding.file && old.offset == finding.offset &&
             (finding.offset || old.message == finding.message);
    });
    if (!known) findings_.push_back(finding);
  }
}

Status Planner::note_unsound(LookedAt& looked, const Error& error) {
  Finding finding = finding_of(error);
  if (finding.file.empty()) finding.file = looked.file->path;
  // A running server is always about to write one.
  const bool newest =
      looked.file == &listing_.snapshots.back() && listing_.snapshots.size() + listing_.logs.size() > 1;
  bool unfinished = false;
  if (newest && error.id() == ErrorId::kTruncated) {
    ZK_TRY(const bool complete, looks_complete(source_, *looked.file));
    unfinished = !complete;
  }
  if (unfinished) {
    finding.severity = Severity::kNote;
    finding.message =
        "the snapshot does not end with a seal: it was being written, or its server died over it";
    finding.offset.reset();
  }
  looked.reason = finding.message;
  add_findings({std::move(finding)});
  return {};
}

Status Planner::look_at_snapshots(std::int64_t last_record) {
  for (const SourceFile& snapshot : listing_.snapshots) {
    LookedAt looked;
    looked.file = &snapshot;
    const Result<SnapshotFacts> facts = scan_snapshot(source_, snapshot, job_);
    if (facts) {
      looked.sound = true;
      auto end = fuzzy_end(snapshot.zxid, facts->tail, facts->digest);
      if (!end) end = snapshot.known_fuzzy_end;
      looked.fuzzy_end = end.value_or(fuzzy_end_beside(listing_, snapshot, last_record, *facts));
    } else if (!is_about_data(facts.error().id())) {
      return fail(facts.error().clone());
    } else {
      ZK_TRY_STATUS(note_unsound(looked, facts.error()));
    }
    snapshots_.push_back(std::move(looked));
  }
  return {};
}

/// A slip of the pen must not cut a history at a place that nobody meant.
Status Planner::check_chop(const std::optional<std::int64_t>& below, const std::optional<std::int64_t>& above,
                           bool met) {
  if (!options_.chop_at || met) return {};
  for (const LookedAt& looked : snapshots_)
    if (looked.sound && looked.file->zxid == *options_.chop_at) return {};
  std::string near = "there is no record at all";
  if (below && above)
    near = fmt::format("the records next to it are {} and {}", zxid_text(*below), zxid_text(*above));
  else if (below || above)
    near = fmt::format("the {} record is {}", below ? "last" : "first", zxid_text(below ? *below : *above));
  return fail(
      Error(ErrorId::kPointNotFound, fmt::format("{} is no intact record", zxid_text(*options_.chop_at)))
          .at_zxid(*options_.chop_at)
          .with_hint(std::move(near)));
}

// ---- the latest state that can be had ----

/// The zxids at which stretches of the history end, the highest first.
std::vector<std::int64_t> Planner::candidates() const {
  if (options_.chop_at) return {*options_.chop_at};
  std::int64_t limit = INT64_MAX;
  if (options_.chop && !scan_.runs.empty()) limit = scan_.runs.front().last_zxid;
  if (options_.chop)
    for (const Finding& finding : scan_.findings)
      if (finding.severity == Severity::kDamage && finding.first_zxid)
        limit = std::min(limit, *finding.first_zxid - 1);
  std::vector<std::int64_t> points;
  for (const LogRun& run : scan_.runs) points.push_back(run.last_zxid);
  for (const LookedAt& looked : snapshots_)
    if (looked.sound) points.push_back(looked.file->zxid);
  std::erase_if(points, [&](std::int64_t point) { return point > limit; });
  std::sort(points.begin(), points.end(), std::greater<>());
  points.erase(std::unique(points.begin(), points.end()), points.end());
  return points;
}

/// The runs that hold the point, the last first (a rewritten end lies behind the one it replaces); without
/// one, that below it.
std::vector<std::optional<std::size_t>> Planner::runs_to(std::int64_t point) const {
  std::vector<std::optional<std::size_t>> found;
  std::optional<std::size_t> below;
  for (std::size_t i = scan_.runs.size(); i-- > 0;) {
    if (holds(scan_.runs[i], point)) found.emplace_back(i);
    if (!below && scan_.runs[i].first_zxid <= point) below = i;
  }
  if (found.empty()) found.push_back(below);
  return found;
}

/// Whether a replay is worth its time.
bool Planner::within_reach(std::int64_t point, std::optional<std::size_t> run) const {
  const bool held = run && holds(scan_.runs[*run], point);
  const auto reaches = [&](std::int64_t base) {
    return base == point || (base < point && held && leads_into(base, scan_.runs[*run]));
  };
  if (held && scan_.runs[*run].first_zxid <= 1) return true;
  return std::any_of(usable_.snapshots.begin(), usable_.snapshots.end(),
                     [&](const SourceFile& snapshot) { return reaches(snapshot.zxid); });
}

std::unique_ptr<RepairView> Planner::view(std::optional<std::size_t> run) const {
  return std::make_unique<RepairView>(source_, usable_, scan_.pieces, run);
}

Status Planner::take_state(const RepairView& view, Rebuilt rebuilt, std::int64_t point, Findings findings) {
  if (rebuilt.base != nullptr) {
    base_zxid_ = rebuilt.base->zxid;
    plan_.base = rebuilt.base->path;
  }
  rebuilt.base = nullptr;  // of a listing that ends with the planning
  plan_.point = point;
  plan_.rebuilt = std::move(rebuilt);
  for (Finding& finding : findings)
    if (finding.offset) finding.offset = view.source_offset(finding.file, *finding.offset);
  add_findings(findings);
  return {};
}

/// Logs that begin with the first transaction of an epoch and no snapshot: nothing was before them if the
/// digest of that transaction is the one of a tree that was empty.
Result<bool> Planner::try_first_epoch() {
  if (!usable_.snapshots.empty() || scan_.runs.empty()) return false;
  const LogRun& first = scan_.runs.front();
  if (zxid_epoch(first.first_zxid) == 0 || zxid_counter(first.first_zxid) != 1) return false;
  const std::int64_t point = options_.chop_at.value_or(candidates().empty() ? 0 : candidates().back());
  if (!holds(first, point)) return false;
  ReplayOptions options;
  options.stop_at = point;
  Findings findings;
  const auto seen = view(0);
  ZK_TRY(ReplayResult result, replay(*seen, seen->listing(), nullptr, options, findings, job_));
  const bool proven = !result.epoch_steps.empty() && result.epoch_steps.front().proven &&
                      result.certificate.grade == ProofGrade::kProven && result.state.last_zxid == point;
  if (!proven) return false;
  ZK_TRY_STATUS(take_state(*seen, {std::move(result), nullptr, 0, false}, point, std::move(findings)));
  run_ = 0;
  return true;
}

/// False: not along this run; `refusal` says why.
Result<bool> Planner::try_run(std::int64_t point, std::optional<std::size_t> run,
                              std::optional<Error>& refusal) {
  if (!within_reach(point, run) && !options_.chop_at) return false;
  const auto seen = view(run);
  Findings findings;
  Result<Rebuilt> rebuilt = rebuild(*seen, seen->listing(), point, findings, job_, {.accept_unproven = true});
  if (rebuilt) {
    ZK_TRY_STATUS(take_state(*seen, *std::move(rebuilt), point, std::move(findings)));
    run_ = run;
    return true;
  }
  if (!is_about_data(rebuilt.error().id())) return fail(std::move(rebuilt).error());
  if (!refusal) refusal = std::move(rebuilt).error();
  return false;
}

Status Planner::find_state() {
  std::optional<Error> first_refusal;
  std::vector<std::int64_t> points = candidates();
  // Each round takes one point away, or puts a lower one in its place.
  while (!points.empty()) {
    const std::int64_t point = points.front();
    points.erase(points.begin());
    std::optional<Error> refusal;
    for (const std::optional<std::size_t> run : runs_to(point)) {
      ZK_TRY(const bool found, try_run(point, run, refusal));
      if (found) return {};
    }
    if (!refusal) continue;
    // A step between epochs that is not continuous ends the history before it.
    const auto broken = refusal->zxid();
    if (!options_.chop_at && refusal->id() == ErrorId::kGap && broken && *broken - 1 < point &&
        std::find(points.begin(), points.end(), *broken - 1) == points.end()) {
      points.push_back(*broken - 1);
      std::sort(points.begin(), points.end(), std::greater<>());
    }
    if (!first_refusal) first_refusal = std::move(refusal);
  }
  ZK_TRY(const bool proven, try_first_epoch());
  if (proven) return {};
  add_findings(scan_.findings);
  if (first_refusal && options_.chop_at) return fail(*std::move(first_refusal));
  const bool any =
      std::any_of(snapshots_.begin(), snapshots_.end(), [](const LookedAt& one) { return one.sound; });
  return fail(Error(ErrorId::kPointNotFound,
                    any ? "no snapshot leads into a stretch of the logs, and none is complete by itself"
                        : "no snapshot can be used, and the logs do not begin with the first transaction: "
                          "there is nothing to build a state on")
                  .at(source_.description())
                  .with_hint("restore from a backup, or empty this member and let it fetch its data from the "
                             "leader; --salvage keeps every intact record for reading"));
}

// ---- which files that takes ----

/// Whether every snapshot from `floor` on leads across the epoch steps up to the base. What lies before a
/// step that does not hold is left out: `floor` is raised.
Status Planner::leave_out_broken_steps(std::int64_t& floor) {
  if (!run_) return {};
  const auto seen = view(run_);
  for (;;) {
    const SourceFile* oldest = nullptr;
    for (const SourceFile& snapshot : usable_.snapshots)
      if (oldest == nullptr && snapshot.zxid >= floor) oldest = &snapshot;
    if (oldest == nullptr || !base_zxid_ || oldest->zxid >= *base_zxid_) return {};
    const LogRun& through = scan_.runs[*run_];
    const bool crosses =
        oldest->zxid + 1 < through.first_zxid ||
        std::any_of(through.epoch_steps.begin(), through.epoch_steps.end(),
                    [&](std::int64_t last) { return last >= oldest->zxid && last < *base_zxid_; });
    if (!crosses) return {};
    ReplayOptions options;
    options.stop_at = *plan_.point;  // beyond the step, which is judged at the record behind it
    Findings findings;
    ZK_TRY(const ReplayResult result, replay(*seen, seen->listing(), oldest, options, findings, job_));
    if (!result.stopped_by) return {};
    const Finding& why = findings[*result.stopped_by];
    const std::int64_t next = std::max(why.first_zxid.value_or(*base_zxid_), oldest->zxid + 1);
    add_findings({why});
    floor = std::min(next, *base_zxid_);
  }
}

void Planner::add_snapshot(const LookedAt& looked, bool kept) {
  RepairedFile file;
  file.file = *looked.file;
  file.fate = kept ? Fate::kKept : Fate::kDropped;
  if (kept) file.name = base_name(looked.file->path);
  file.first_zxid = file.last_zxid = looked.file->zxid;
  if (!kept) file.reason = looked.reason;
  plan_.files.push_back(std::move(file));
}

Status Planner::plan_directory() {
  job_.progress.phase = "reading";
  ZK_TRY(scan_, scan_logs(source_, listing_.logs, options_.chop_at, job_));
  ZK_TRY_STATUS(look_at_snapshots(scan_.last_zxid()));
  ZK_TRY_STATUS(check_chop(scan_.below, scan_.above, scan_.met));
  usable_ = listing_;
  usable_.snapshots.clear();
  for (const LookedAt& looked : snapshots_)
    if (looked.sound) usable_.snapshots.push_back(*looked.file);
  job_.progress.phase = "replaying";
  ZK_TRY_STATUS(find_state());
  const std::int64_t point = *plan_.point;

  // Snapshots below this would be replayed across a hole; records below it are before one.
  std::int64_t floor = INT64_MIN;
  // An epoch at the very beginning of the logs follows whatever snapshot is below it, until a replay says
  // otherwise.
  if (run_ && (*run_ != 0 || zxid_counter(scan_.runs[0].first_zxid) > 1))
    floor = scan_.runs[*run_].first_zxid - 1;
  if (base_zxid_) floor = std::min(floor, *base_zxid_);
  const std::int64_t run_floor = floor;
  ZK_TRY_STATUS(leave_out_broken_steps(floor));
  std::int64_t highest = scan_.last_zxid();
  for (const Finding& finding : scan_.findings)
    if (finding.severity == Severity::kDamage && finding.first_zxid)
      highest = std::max(highest, finding.last_zxid.value_or(*finding.first_zxid));
  for (LookedAt& looked : snapshots_) {
    const bool is_base = looked.file->path == plan_.base;
    if (looked.sound) highest = std::max(highest, looked.file->zxid);
    const bool above = !base_zxid_ || looked.file->zxid > *base_zxid_ || looked.fuzzy_end > point;
    if (looked.sound && above)
      looked.reason = looked.file->zxid > point || looked.fuzzy_end > point
                          ? fmt::format("it holds changes above {}", zxid_text(point))
                          : fmt::format("its replay does not lead to {}", zxid_text(point));
    else if (looked.sound && looked.file->zxid < floor)
      looked.reason = "there is a hole behind it, which a server that falls back on it would not notice";
    add_snapshot(looked, looked.sound && (is_base || looked.reason.empty()));
  }
  if (highest > point) plan_.dropped_to = highest;

  KeptPieces kept(scan_.pieces.size());
  for (std::size_t i = 0; i < kept.size(); ++i) {
    const LogPiece& piece = scan_.pieces[i];
    const bool before_step = floor > run_floor && piece.last_zxid < floor;
    if (piece.run != run_ || piece.first_zxid > point || before_step) continue;
    ZK_TRY(kept[i], cut_piece(source_, listing_.logs, piece, point, job_));
  }
  add_logs(plan_, listing_.logs, scan_, kept, plan_.point, "before a hole");
  add_findings(scan_.findings);
  if (!plan_.base.empty()) return {};
  RepairedFile made;
  made.fate = Fate::kMade;
  made.name = snapshot_file_name(point);
  made.first_zxid = made.last_zxid = point;
  made.reason = "no snapshot could be used; made by replay from the first transaction on";
  plan_.files.push_back(std::move(made));
  return {};
}

// ---- files, and salvage ----

Status Planner::plan_salvage() {
  job_.progress.phase = "reading";
  ZK_TRY(scan_, scan_logs(source_, listing_.logs, std::nullopt, job_));
  ZK_TRY_STATUS(look_at_snapshots(scan_.last_zxid()));
  for (const LookedAt& looked : snapshots_) add_snapshot(looked, looked.sound);
  KeptPieces kept(scan_.pieces.begin(), scan_.pieces.end());
  add_logs(plan_, listing_.logs, scan_, kept, plan_.point, "before a hole");
  add_findings(scan_.findings);
  return {};
}

Status Planner::plan_files() {
  job_.progress.phase = "reading";
  ZK_TRY_STATUS(look_at_snapshots(0));
  std::optional<std::int64_t> below, above;
  bool met = false;
  std::vector<LogScan> scans;
  for (const SourceFile& log : listing_.logs) {
    ZK_TRY(LogScan scan, scan_logs(source_, {log}, options_.chop_at, job_));
    if (scan.below) below = std::max(below.value_or(*scan.below), *scan.below);
    if (scan.above) above = std::min(above.value_or(*scan.above), *scan.above);
    met = met || scan.met;
    scans.push_back(std::move(scan));
  }
  ZK_TRY_STATUS(check_chop(below, above, met));
  const std::int64_t limit = options_.chop_at.value_or(INT64_MAX);
  for (LookedAt& looked : snapshots_) {
    if (looked.sound && looked.file->zxid > limit)
      looked.reason = fmt::format("it holds changes above {}", zxid_text(limit));
    add_snapshot(looked, looked.reason.empty());
  }
  for (std::size_t i = 0; i < scans.size(); ++i) {
    const LogScan& scan = scans[i];
    // Records that were lost in front of all others are a hole like any other.
    const bool headless = std::any_of(scan.findings.begin(), scan.findings.end(), [&](const Finding& one) {
      return one.first_zxid && one.end_offset && !scan.pieces.empty() &&
             *one.end_offset <= scan.pieces.front().begin;
    });
    KeptPieces kept(scan.pieces.size());
    for (std::size_t n = 0; n < kept.size() && !headless; ++n) {
      if (scan.pieces[n].run != 0 || scan.pieces[n].first_zxid > limit) break;
      ZK_TRY(kept[n], cut_piece(source_, {listing_.logs[i]}, scan.pieces[n], limit, job_));
    }
    add_logs(plan_, {listing_.logs[i]}, scan, kept, options_.chop_at, "behind damage or a gap");
    add_findings(scan.findings);
  }
  return {};
}

Failure Planner::nothing_left() const {
  return fail(Error(ErrorId::kDamaged, "nothing of it can be kept")
                  .at(source_.description())
                  .with_hint(options_.salvage || listing_.logs.empty()
                                 ? "restore from a backup"
                                 : "--salvage keeps what is intact behind the damage, for reading"));
}

Status Planner::settle_names() {
  std::map<std::string_view, RepairedFile*> taken;
  for (RepairedFile& file : plan_.files) {
    if (file.fate == Fate::kDropped) continue;
    const auto [at, fresh] = taken.emplace(file.name, &file);
    if (fresh) continue;
    RepairedFile* const empty = file.is_log && file.txns == 0                 ? &file
                                : at->second->is_log && at->second->txns == 0 ? at->second
                                                                              : nullptr;
    if (empty == nullptr)
      return fail(
          Error(ErrorId::kRefused, fmt::format("two files would have the name {} in the copy", file.name))
              .at(file.file.path)
              .with_hint("repair them one by one"));
    empty->fate = Fate::kDropped;
    empty->reason = "it holds no record, and its name is taken";
    at->second = empty == &file ? at->second : &file;
  }
  if (taken.empty()) return nothing_left();
  return {};
}

}  // namespace

bool RepairPlan::changes() const {
  return std::any_of(files.begin(), files.end(),
                     [](const RepairedFile& file) { return file.fate != Fate::kKept; });
}

Result<RepairPlan> plan_repair(Source& source, const SourceListing& listing, const RepairOptions& options,
                               Findings& findings, Job& job) {
  return Planner(source, listing, options, findings, job).run();
}

RepairExtras repaired_extras(const SourceListing& listing, std::int64_t point, std::int64_t highest_zxid,
                             Findings& findings) {
  RepairExtras extras;
  extras.server_id = listing.myid;
  if (const ExtraFile* lineage = listing.extra(kLineageFile)) extras.lineage = lineage->content;
  const auto sound = [&](std::string_view name, const std::optional<std::int64_t>& value,
                         std::int64_t at_least) -> std::optional<std::int64_t> {
    const ExtraFile* file = listing.extra(name);
    if (file == nullptr) return std::nullopt;
    if (value && *value >= at_least) return value;
    // A lower one would let the server follow a leader that it had left behind.
    const std::int64_t raised = std::max<std::int64_t>(at_least, zxid_epoch(highest_zxid));
    Finding finding;
    finding.severity = Severity::kNote;
    finding.id = ErrorId::kBadEpochFile;
    finding.file = file->path;
    finding.message =
        fmt::format("{} is {} in the copy: {}", name, raised,
                    value ? fmt::format("{} is below what the data say", *value)
                          : "what is there is no number, and the highest zxid is of that epoch");
    findings.push_back(std::move(finding));
    return raised;
  };
  extras.current_epoch = sound("currentEpoch", listing.current_epoch, zxid_epoch(point));
  extras.accepted_epoch = sound("acceptedEpoch", listing.accepted_epoch,
                                std::max<std::int64_t>(extras.current_epoch.value_or(0), zxid_epoch(point)));
  return extras;
}

}  // namespace zkark::restore
