#include "restore/base_choice.h"

#include <fmt/format.h>

#include <algorithm>

#include "formats/snapshot.h"

namespace zkark::restore {
namespace {

/// Damage to one file, which another base may do without; anything else (storage, interrupt) ends the work. A
/// file that is gone was purged by a live server.
bool is_damage(ErrorId id) { return exit_code(id) == 6 || id == ErrorId::kNoFile; }

Result<std::int64_t> last_record(Source& source, const SourceListing& listing) {
  Findings ignored;
  for (std::size_t back = 1;; back *= 2) {
    const std::size_t start = listing.logs.size() > back ? listing.logs.size() - back : 0;
    LogWalk walk(source, {listing.logs.begin() + static_cast<std::ptrdiff_t>(start), listing.logs.end()}, {},
                 ignored);
    std::int64_t last = 0;
    for (;;) {
      ZK_TRY(const auto entry, walk.next());
      if (!entry) break;
      last = std::max(last, entry->entry.zxid());
    }
    if (last != 0 || start == 0) return last;
  }
}

Finding passed_over(const SourceFile& snapshot, Severity severity, ErrorId id, std::string message) {
  Finding finding;
  finding.severity = severity;
  finding.id = id;
  finding.file = snapshot.path;
  finding.message = std::move(message);
  return finding;
}

/// Tries bases for one point, newest first.
class BaseSearch {
 public:
  BaseSearch(Source& source, const SourceListing& listing, std::int64_t point, Findings& findings, Job& job,
             const RebuildOptions& options)
      : source_(source),
        listing_(listing),
        point_(point),
        findings_(findings),
        job_(job),
        options_(options) {}
  Result<Rebuilt> run();

 private:
  Result<std::optional<Rebuilt>> any_base();
  /// nullopt: not from this base; failure_ may say why.
  Result<std::optional<Rebuilt>> attempt(const SourceFile* base);
  void note_failure(const SourceFile* base, const Finding& why);
  Result<bool> serves(const SourceFile* base, Rebuilt& rebuilt);
  Failure refuse();

  Source& source_;
  const SourceListing& listing_;
  const std::int64_t point_;
  Findings& findings_;
  Job& job_;
  const RebuildOptions options_;
  bool accept_ = false;  // differences from the servers' digests
  std::optional<std::int64_t> last_record_;
  Findings passed_;                 // of bases that failed, told when another one serves
  std::optional<Finding> failure_;  // the first that kept a base from reaching the point
};

/// Whether the rebuilt state is the exact one at the point, as far as the base's fuzziness goes.
Result<bool> BaseSearch::serves(const SourceFile* base, Rebuilt& rebuilt) {
  const ReplayResult& replay = rebuilt.replay;
  rebuilt.fuzzy_end = replay.fuzzy_end;
  if (base == nullptr) return true;
  if (replay.fuzzy_end_assumed) {
    ZK_TRY(const SnapshotFacts facts, scan_snapshot(source_, *base, job_));
    if (!last_record_) {
      ZK_TRY(last_record_, last_record(source_, listing_));
    }
    rebuilt.fuzzy_end = fuzzy_end_beside(listing_, *base, *last_record_, facts);
  }
  if (rebuilt.fuzzy_end <= point_) return true;
  // Up to the digest section's own zxid all that was serialised is replayed; only the one txn it may lag by
  // could be in the tree too, and then the digest would differ.
  const auto& digest = replay.base_tail.digest;
  if (digest && digest->zxid == point_ && replay.base_tail.last_processed_zxid.value_or(0) <= point_ &&
      digest->version == kDigestVersion &&
      static_cast<std::uint64_t>(digest->digest) == replay.state.tree.digest()) {
    rebuilt.fuzzy_end = point_;
    return true;
  }
  return false;
}

/// Why a base does not reach the point: the first reason is the refusal's, if it comes to one.
void BaseSearch::note_failure(const SourceFile* base, const Finding& why) {
  if (!failure_) failure_ = why;
  if (base == nullptr || accept_) return;
  passed_.push_back(why);
  passed_.back().message = fmt::format("{} was not used as a base: {}", base_name(base->path), why.message);
}

Result<std::optional<Rebuilt>> BaseSearch::attempt(const SourceFile* base) {
  ReplayOptions options;
  options.stop_at = point_;
  options.on_base = options_.on_base;
  Findings met;
  Result<ReplayResult> replayed = replay(source_, listing_, base, options, met, job_);
  if (!replayed) {
    if (base == nullptr || !is_damage(replayed.error().id())) return fail(std::move(replayed).error());
    Finding finding = finding_of(replayed.error());
    finding.message = fmt::format("not used as a base: {}", finding.message);
    if (!failure_) failure_ = finding;
    findings_.push_back(std::move(finding));
    return std::optional<Rebuilt>();
  }
  Rebuilt rebuilt{*std::move(replayed), base, 0};
  const ReplayResult& result = rebuilt.replay;
  const std::int64_t base_zxid = base == nullptr ? 0 : base->zxid;
  const bool reached = result.state.last_zxid == point_ || base_zxid == point_;
  if (result.stopped_by && !reached) {
    note_failure(base, met[*result.stopped_by]);
    return std::optional<Rebuilt>();
  }
  if (!reached) return std::optional<Rebuilt>();
  // What is wrong with the record behind the point is no matter of the point's.
  std::erase_if(met,
                [&](const Finding& finding) { return finding.first_zxid && *finding.first_zxid > point_; });
  ZK_TRY(const bool exact, serves(base, rebuilt));
  if (!exact) {
    findings_.push_back(passed_over(*base, Severity::kNote, ErrorId::kPointNotFound,
                                    fmt::format("not used as a base: it was written while txns up to {} were "
                                                "applied, and the point lies before that",
                                                zxid_text(rebuilt.fuzzy_end))));
    return std::optional<Rebuilt>();
  }
  const Certificate& certificate = result.certificate;
  const bool only_differs = std::all_of(met.begin(), met.end(), [](const Finding& finding) {
    return finding.severity != Severity::kDamage || finding.id == ErrorId::kDigestMismatch;
  });
  rebuilt.unproven = certificate.grade == ProofGrade::kFailed || has_severity(met, Severity::kDamage);
  if (rebuilt.unproven && !(accept_ && only_differs)) {
    const auto first = std::find_if(
        met.begin(), met.end(), [](const Finding& finding) { return finding.severity == Severity::kDamage; });
    if (first != met.end()) note_failure(base, *first);
    return std::optional<Rebuilt>();
  }
  // An older base serves; that a newer one did not is not for the operator to miss.
  findings_.insert(findings_.end(), passed_.begin(), passed_.end());
  findings_.insert(findings_.end(), met.begin(), met.end());
  return std::optional<Rebuilt>(std::move(rebuilt));
}

Failure BaseSearch::refuse() {
  Result<std::vector<ZxidRange>> windows = restorable_windows(
      source_, listing_, job_, failure_ ? failure_->first_zxid : std::optional<std::int64_t>());
  if (!windows) return fail(std::move(windows).error());
  std::string hint = fmt::format("what can be restored: {}", windows_text(*windows));
  if (!failure_)
    return fail(Error(ErrorId::kPointNotFound, fmt::format("no base reaches {}", zxid_text(point_)))
                    .at_zxid(point_)
                    .with_hint(std::move(hint)));
  // The windows do not know of it: what lies behind it is out of reach.
  if (failure_->first_zxid && *failure_->first_zxid > 1 && failure_->id == ErrorId::kDigestMismatch)
    hint = fmt::format("points before {} are not touched by it", zxid_text(*failure_->first_zxid));
  Error error(failure_->id, fmt::format("{} cannot be rebuilt: {}", zxid_text(point_), failure_->message));
  if (!failure_->file.empty())
    error = failure_->offset ? std::move(error).at(failure_->file, *failure_->offset)
                             : std::move(error).at(failure_->file);
  if (failure_->first_zxid) error = std::move(error).at_zxid(*failure_->first_zxid);
  return fail(std::move(error).with_hint(std::move(hint)));
}

Result<Rebuilt> BaseSearch::run() {
  ZK_TRY(auto sound, any_base());
  if (sound) return *std::move(sound);
  if (options_.accept_unproven && failure_ && failure_->id == ErrorId::kDigestMismatch) {
    accept_ = true;
    ZK_TRY(auto unproven, any_base());
    if (unproven) return *std::move(unproven);
  }
  return refuse();
}

Result<std::optional<Rebuilt>> BaseSearch::any_base() {
  for (auto base = listing_.snapshots.rbegin(); base != listing_.snapshots.rend(); ++base) {
    if (base->zxid > point_) continue;
    ZK_TRY(auto rebuilt, attempt(&*base));
    if (rebuilt) return rebuilt;
  }
  if (!listing_.logs.empty() && listing_.logs.front().zxid <= 1) {
    ZK_TRY(auto rebuilt, attempt(nullptr));
    if (rebuilt) return rebuilt;
  }
  return std::optional<Rebuilt>();
}

struct Base {
  std::int64_t zxid = 0, fuzzy_end = 0;
};

}  // namespace

Result<SnapshotFacts> scan_snapshot(Source& source, const SourceFile& snapshot, Job& job) {
  ZK_TRY(const auto stream, open_snapshot(source, snapshot));
  SnapshotReader reader(*stream, snapshot.path);
  SnapshotFacts facts;
  const auto scan = [&]() -> Status {
    ZK_TRY_STATUS(reader.read_header());
    for (;;) {
      ZK_TRY(const auto session, reader.next_session());
      if (!session) break;
      ++facts.sessions;
    }
    for (;;) {
      ZK_TRY(const auto node, reader.next_node());
      if (!node) break;
      if ((++facts.nodes & 4095) == 0) ZK_TRY_STATUS(job.check());
      facts.digest += node_digest(node->path, node->data, node->stat);
      facts.highest_stamp =
          std::max({facts.highest_stamp, node->stat.czxid, node->stat.mzxid, node->stat.pzxid});
    }
    ZK_TRY(facts.tail, reader.read_tail());
    return {};
  };
  if (Status status = scan(); !status) return fail(std::move(status).error().at(snapshot.path));
  return facts;
}

std::int64_t assumed_fuzzy_end(const SourceListing& listing, const SourceFile& snapshot,
                               std::int64_t last_record, std::int64_t highest_stamp) {
  std::int64_t end = std::max({snapshot.zxid, last_record, highest_stamp});
  for (const SourceFile& other : listing.snapshots)
    if (other.zxid > snapshot.zxid && other.zxid >= highest_stamp) end = std::min(end, other.zxid);
  return end;
}

std::int64_t fuzzy_end_beside(const SourceListing& listing, const SourceFile& snapshot,
                              std::int64_t last_record, const SnapshotFacts& facts) {
  if (facts.tail.digest && facts.tail.digest->zxid == 0 && facts.highest_stamp <= snapshot.zxid)
    return snapshot.zxid;
  return assumed_fuzzy_end(listing, snapshot, last_record, facts.highest_stamp);
}

Result<Rebuilt> rebuild(Source& source, const SourceListing& listing, std::int64_t point, Findings& findings,
                        Job& job, const RebuildOptions& options) {
  return BaseSearch(source, listing, point, findings, job, options).run();
}

Result<std::vector<ZxidRange>> restorable_windows(Source& source, const SourceListing& listing, Job& job,
                                                  std::optional<std::int64_t> broken_at) {
  std::vector<ZxidRange> runs;  // of records without a hole
  Findings ignored;
  LogWalkOptions walk_options;
  walk_options.overlaps = listing.logs_overlap;
  LogWalk walk(source, listing.logs, walk_options, ignored);
  for (std::uint64_t n = 0;; ++n) {
    if ((n & 4095) == 0) ZK_TRY_STATUS(job.check());
    ZK_TRY(const auto entry, walk.next());
    if (!entry) break;
    const std::int64_t zxid = entry->entry.zxid();
    if (runs.empty() || entry->step == Step::kGap || entry->step == Step::kBackwards)
      runs.push_back({zxid, zxid});
    runs.back().last = zxid;
  }
  std::vector<Base> bases;
  if (!runs.empty() && runs.front().first == 1) bases.push_back({0, 0});
  const std::int64_t end_of_logs = runs.empty() ? 0 : runs.back().last;
  for (const SourceFile& snapshot : listing.snapshots) {
    Result<SnapshotFacts> facts = scan_snapshot(source, snapshot, job);
    if (!facts) {
      if (!is_damage(facts.error().id())) return fail(std::move(facts).error());
      continue;
    }
    auto end = fuzzy_end(snapshot.zxid, facts->tail, facts->digest);
    if (!end) end = snapshot.known_fuzzy_end;
    bases.push_back({snapshot.zxid, end.value_or(fuzzy_end_beside(listing, snapshot, end_of_logs, *facts))});
  }
  std::vector<ZxidRange> windows;
  for (const Base& base : bases) {
    ZxidRange window{base.fuzzy_end, base.zxid};
    for (const ZxidRange& run : runs) {
      if (run.last <= base.zxid) continue;
      const bool new_epoch = zxid_epoch(run.first) != zxid_epoch(base.zxid) && zxid_counter(run.first) <= 1;
      if (run.first <= base.zxid + 1 || new_epoch) window.last = run.last;
      break;
    }
    if (broken_at && base.zxid < *broken_at) window.last = std::min(window.last, *broken_at - 1);
    if (window.first <= window.last) windows.push_back(window);
  }
  std::sort(windows.begin(), windows.end(), [](const ZxidRange& a, const ZxidRange& b) {
    return a.first != b.first ? a.first < b.first : a.last < b.last;
  });
  std::vector<ZxidRange> merged;
  for (const ZxidRange& window : windows) {
    if (!merged.empty() && window.first <= merged.back().last)
      merged.back().last = std::max(merged.back().last, window.last);
    else
      merged.push_back(window);
  }
  return merged;
}

std::string windows_text(const std::vector<ZxidRange>& windows) {
  if (windows.empty()) return "nothing";
  std::string text;
  for (const ZxidRange& window : windows) {
    text += text.empty() ? "" : ", ";
    text += window.first == window.last
                ? zxid_text(window.first)
                : fmt::format("{} to {}", zxid_text(window.first), zxid_text(window.last));
  }
  return text;
}

}  // namespace zkark::restore
