#include "src/backup/take.h"

#include <fmt/format.h>

#include <algorithm>

#include "restore/base_choice.h"
#include "restore/log_walk.h"
#include "restore/verify.h"
#include "src/backup/collect.h"
#include "src/backup/continuity.h"
#include "src/backup/source.h"
#include "src/backup/writer.h"

namespace zkark::backup {
namespace {

using restore::Finding;
using restore::Severity;
using restore::SourceFile;
using restore::Step;

constexpr int kListings = 4;  // times a source that purges meanwhile is listed

/// Stored backups and the source's own snapshots together: what the proof replays and compares.
class ProofSource : public restore::Source {
 public:
  ProofSource(StoredSource& stored, restore::Source& source, const restore::SourceListing& listing, bool compare)
      : stored_(stored), source_(source), listing_(listing), compare_(compare), description_("the stored backup") {}
  const std::string& description() const override { return description_; }

  Result<restore::SourceListing> list() override {
    ZK_TRY(restore::SourceListing listing, stored_.list());
    listing.findings.clear();
    const bool from_start = !listing.logs.empty() && listing.logs.front().zxid <= 1;
    if (compare_ && (from_start || !listing.snapshots.empty())) {
      // The initial tree is the base where the logs begin with the first txn: snapshot.0 is that tree.
      const std::int64_t oldest = from_start ? 0 : listing.snapshots.front().zxid;
      for (const SourceFile& snapshot : listing_.snapshots) {
        const bool stored = std::any_of(listing.snapshots.begin(), listing.snapshots.end(),
                                        [&](const SourceFile& s) { return s.zxid == snapshot.zxid; });
        if (!stored && snapshot.zxid > oldest) listing.snapshots.push_back(snapshot);
      }
      std::sort(listing.snapshots.begin(), listing.snapshots.end(),
                [](const SourceFile& a, const SourceFile& b) { return a.zxid < b.zxid; });
    }
    return listing;
  }
  Result<std::unique_ptr<File>> open(const SourceFile& file) override {
    auto stored = stored_.open(file);
    return stored || stored.error().id() != ErrorId::kNoFile ? std::move(stored) : source_.open(file);
  }

 private:
  StoredSource& stored_;
  restore::Source& source_;
  const restore::SourceListing& listing_;
  bool compare_;
  std::string description_;
};

class Taker {
 public:
  Taker(RepositoryWriter& writer, const RepositoryEnvironment& env, restore::Source& source, const TakeOptions& options,
        Job& job)
      : writer_(writer), env_(env), source_(source), options_(options), job_(job) {}

  /// kNoFile: a file was purged while it was read; list again.
  Result<TakeReport> run();

 private:
  Status decide();
  Status new_timeline(std::string cause);
  Status store_full();
  Status store_increment();
  Status store_logs(const std::vector<SourceFile>& logs, std::vector<std::function<Status()>>& tasks);
  Result<std::optional<CollectedBase>> store_usable(const std::vector<SourceFile>& candidates);
  void take_base(CollectedBase collected);
  Status link_segments();
  Status store_between();
  Status store_config();
  Status prove();
  void describe();
  std::string verdict() const;

  RepositoryWriter& writer_;
  const RepositoryEnvironment& env_;
  restore::Source& source_;
  const TakeOptions& options_;
  Job& job_;
  InlineExecutor inline_;
  restore::SourceListing listing_;
  Continuity continuity_;
  bool full_ = true;
  Manifest manifest_;
  TakeReport report_;
  std::vector<CollectedLog> logs_;
  std::vector<std::optional<CollectedBase>> bases_;
};

Status Taker::new_timeline(std::string cause) {
  std::byte id[8];
  env_.random.fill(id);
  manifest_.timeline = {};
  manifest_.timeline.id = to_hex(id);
  manifest_.timeline.cause = std::move(cause);
  if (continuity_.previous) {
    manifest_.timeline.parent = continuity_.previous->timeline.id;
    if (continuity_.relation == Relation::kForked || continuity_.relation == Relation::kRestored)
      manifest_.timeline.fork_zxid = continuity_.fork_zxid;
    manifest_.timeline.fork_checksum = continuity_.fork_checksum;
  }
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
  auto refuse_incr = [&](std::string why) {
    return fail(Error(ErrorId::kRefused, "no incremental backup is possible: " + std::move(why))
                    .at(source_.description())
                    .with_hint("take a full backup (--type auto or --type full)"));
  };
  switch (continuity_.relation) {
    case Relation::kFirst:
      if (wants_incr) return refuse_incr(fmt::format("nothing is stored of cluster {} yet", options_.cluster));
      return new_timeline("first");
    case Relation::kContinues: full_ = options_.type == TakeType::kFull; return {};
    case Relation::kBehind:
      report_.source_behind = true;
      full_ = options_.type == TakeType::kFull;
      return {};
    case Relation::kForked:
      if (wants_incr)
        return refuse_incr(fmt::format("the source was rewritten after {} (another leader's history)",
                                       zxid_text(continuity_.fork_zxid)));
      return new_timeline("truncated tail");
    case Relation::kRestored:
      if (wants_incr) return refuse_incr("the source was restored from a backup and starts a timeline of its own");
      return new_timeline("restore");
    case Relation::kPurged:
      if (wants_incr)
        return refuse_incr(fmt::format("the records after {} are gone from the source", zxid_text(continuity_.stored_to)));
      return {};
    case Relation::kForeign:
      if (options_.accept_new_history) return new_timeline("accepted new history");
      return fail(Error(ErrorId::kWrongCluster,
                        fmt::format("the source shares no transaction and no old znode with cluster {}", options_.cluster))
                      .at(source_.description())
                      .with_hint("give it a name of its own with -C NAME, or --accept-new-history if it really replaced "
                                 "that cluster"));
  }
  return {};
}

/// The first of `candidates` that is complete and intact; damaged ones become findings.
Result<std::optional<CollectedBase>> Taker::store_usable(const std::vector<SourceFile>& candidates) {
  CollectedBase damaged;
  for (const SourceFile& snapshot : candidates) {
    ZK_TRY(CollectedBase collected, collect_base(writer_, source_, snapshot, inline_, job_));
    if (collected.base) {
      collected.findings.insert(collected.findings.begin(), damaged.findings.begin(), damaged.findings.end());
      return std::optional<CollectedBase>(std::move(collected));
    }
    for (Finding& f : collected.findings) damaged.findings.push_back(std::move(f));
  }
  if (damaged.findings.empty()) return std::optional<CollectedBase>();
  return std::optional<CollectedBase>(std::move(damaged));
}

Status Taker::store_logs(const std::vector<SourceFile>& logs, std::vector<std::function<Status()>>& tasks) {
  logs_.resize(logs.size());
  for (std::size_t i = 0; i < logs.size(); ++i) {
    CollectLogOptions collect;
    collect.newest = i + 1 == logs.size();
    if (!full_) {
      collect.after_zxid = continuity_.stored_to;
      if (logs[i].path == continuity_.log_path) collect.start_offset = continuity_.offset;
    }
    job_.progress.total += logs[i].size_bytes - std::min(logs[i].size_bytes, collect.start_offset);
    tasks.emplace_back([this, log = logs[i], i, collect]() -> Status {
      ZK_TRY(logs_[i], collect_log(writer_, source_, log, collect, inline_, env_.clock, job_));
      return {};
    });
  }
  return {};
}

Status Taker::store_full() {
  manifest_.type = BackupType::kFull;
  const auto& snapshots = listing_.snapshots;
  const bool from_start = options_.history && !listing_.logs.empty() && listing_.logs.front().zxid <= 1;
  std::vector<SourceFile> oldest(snapshots.begin(), snapshots.end()), newest(snapshots.rbegin(), snapshots.rend());
  std::vector<std::function<Status()>> tasks;
  bases_.resize(2);
  std::vector<SourceFile> logs = listing_.logs;
  if (options_.history) {
    if (!from_start) {
      tasks.emplace_back([&]() -> Status {
        ZK_TRY(bases_[0], store_usable(oldest));
        return {};
      });
    }
    // The newest makes restores fast; with one snapshot it is the same object.
    if (from_start ? !snapshots.empty() : snapshots.size() > 1)
      tasks.emplace_back([&]() -> Status {
        ZK_TRY(bases_[1], store_usable(newest));
        return {};
      });
    if (!snapshots.empty()) job_.progress.total += snapshots.front().size_bytes + snapshots.back().size_bytes;
  } else {
    ZK_TRY(bases_[0], store_usable(newest));
    if (bases_[0] && bases_[0]->base) logs = restore::logs_after(logs, bases_[0]->base->zxid);
  }
  ZK_TRY_STATUS(store_logs(logs, tasks));
  ZK_TRY_STATUS(env_.executor.run_all(tasks));
  for (auto& base : bases_)
    if (base) take_base(std::move(*base));
  return {};
}

void Taker::take_base(CollectedBase collected) {
  for (Finding& finding : collected.findings) report_.findings.push_back(std::move(finding));
  manifest_.source_bytes_read += collected.bytes_read;
  if (!collected.base) return;
  for (const StoredBase& base : manifest_.bases)
    if (base.zxid == collected.base->zxid) return;
  if (!collected.landmarks.empty()) manifest_.landmarks = std::move(collected.landmarks);
  manifest_.bases.push_back(std::move(*collected.base));
}

Status Taker::store_increment() {
  manifest_.type = BackupType::kIncr;
  std::vector<SourceFile> logs;
  const auto resume = std::find_if(listing_.logs.begin(), listing_.logs.end(),
                                   [&](const SourceFile& log) { return log.path == continuity_.log_path; });
  if (resume != listing_.logs.end())
    logs.assign(resume, listing_.logs.end());
  else
    logs = restore::logs_after(listing_.logs, continuity_.stored_to);
  std::vector<std::function<Status()>> tasks;
  ZK_TRY_STATUS(store_logs(logs, tasks));
  return env_.executor.run_all(tasks);
}

/// Puts the segments in order and names every hole and epoch step between them.
Status Taker::link_segments() {
  for (CollectedLog& log : logs_) {
    manifest_.source_bytes_read += log.bytes_read;
    for (StoredSegment& segment : log.segments) manifest_.segments.push_back(std::move(segment));
    for (Finding& finding : log.findings) report_.findings.push_back(std::move(finding));
  }
  auto& segments = manifest_.segments;
  std::stable_sort(segments.begin(), segments.end(), [](const StoredSegment& a, const StoredSegment& b) {
    return a.first_zxid != b.first_zxid ? a.first_zxid < b.first_zxid : a.last_zxid < b.last_zxid;
  });
  std::int64_t previous = full_ ? 0 : continuity_.stored_to;
  bool any = !full_ && continuity_.stored_to != 0;
  for (const StoredSegment& segment : segments) {
    if (any) {
      const Step step = restore::step_between(previous, segment.first_zxid, TxnType::kCreate);
      if (step == Step::kGap) {
        std::string reason = "not in the source";
        for (const Finding& f : report_.findings)
          if (f.severity == Severity::kDamage && f.first_zxid && *f.first_zxid == previous + 1) reason = "damaged in the source";
        manifest_.gaps.push_back({previous, segment.first_zxid, reason});
      } else if (step == Step::kEpoch) {
        manifest_.epoch_steps.push_back({previous, segment.first_zxid, false, "not replayed yet"});
      } else if (step == Step::kBackwards) {
        Finding finding;
        finding.severity = Severity::kDamage;
        finding.id = ErrorId::kZxidOrder;
        finding.file = segment.file_name;
        finding.first_zxid = segment.first_zxid;
        finding.last_zxid = std::min(previous, segment.last_zxid);
        finding.message = fmt::format("two logs hold records {} to {}", zxid_text(segment.first_zxid),
                                      zxid_text(std::min(previous, segment.last_zxid)));
        report_.findings.push_back(std::move(finding));
      }
    }
    any = true;
    previous = std::max(previous, segment.last_zxid);
  }
  return {};
}

/// Across a hole or an epoch step the snapshot behind it is taken along at once: it is a new base if the step turns out
/// not to be continuous. (A member synchronised by snapshot names it above the old epoch's end.)
Status Taker::store_between() {
  auto store_first_in = [&](std::int64_t after, std::int64_t before) -> Status {
    for (const SourceFile& snapshot : listing_.snapshots) {
      if (snapshot.zxid <= after || snapshot.zxid >= before) continue;
      ZK_TRY(CollectedBase collected, collect_base(writer_, source_, snapshot, inline_, job_));
      const bool stored = collected.base.has_value();
      take_base(std::move(collected));
      if (stored) return {};
    }
    return {};
  };
  for (const EpochStep& step : manifest_.epoch_steps) ZK_TRY_STATUS(store_first_in(step.from_zxid, step.to_zxid));
  for (const Gap& gap : manifest_.gaps) ZK_TRY_STATUS(store_first_in(gap.after_zxid, gap.before_zxid));
  std::sort(manifest_.bases.begin(), manifest_.bases.end(),
            [](const StoredBase& a, const StoredBase& b) { return a.zxid < b.zxid; });
  return {};
}

Status Taker::store_config() {
  for (const restore::ExtraFile& extra : listing_.extras) {
    StoredConfig config;
    config.role = extra.name.find(".dynamic") != std::string::npos   ? "dynamic"
                  : extra.name == "zkark-lineage.json" ? "lineage"
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

/// Replays what was stored, read back from the repository, against the digests that the servers wrote.
Status Taker::prove() {
  if (!options_.prove.value_or(full_)) return {};
  job_.progress.phase = "proving";
  std::vector<Manifest> chain;
  if (!full_) {
    ZK_TRY(const auto closure, writer_.repository().closure(continuity_.previous->id));
    for (const std::string& id : closure) {
      ZK_TRY(Manifest member, writer_.repository().load(id));
      chain.push_back(std::move(member));
    }
  }
  chain.push_back(manifest_);
  StoredSource stored(writer_.repository(), std::move(chain), "the stored backup");
  ProofSource proof(stored, source_, listing_, full_);
  ZK_TRY(restore::VerifyReport verified, restore::verify(proof, restore::VerifyDepth::kProve, inline_, job_));
  if (verified.certificate) manifest_.certificate = stored_certificate(*verified.certificate);
  report_.snapshots_compared = verified.snapshots_compared;
  if (verified.last_zxid) {
    manifest_.znodes = verified.nodes;
    manifest_.sessions = verified.sessions;
  }
  for (EpochStep& step : manifest_.epoch_steps)
    for (const restore::ZxidRange& range : manifest_.certificate.proven)
      if (range.first <= step.from_zxid && step.to_zxid <= range.last) {
        step.proven = true;
        step.how = "digest";
      }
  for (const Finding& finding : verified.findings) {
    if (finding.severity != Severity::kGap || !finding.first_zxid) continue;
    for (auto step = manifest_.epoch_steps.begin(); step != manifest_.epoch_steps.end(); ++step) {
      if (step->proven || step->from_zxid + 1 != *finding.first_zxid) continue;
      manifest_.gaps.push_back({step->from_zxid, step->to_zxid, "the epoch step is not continuous: " + finding.message});
      manifest_.epoch_steps.erase(step);
      break;
    }
  }
  for (Finding& finding : verified.findings) {
    const bool known = std::any_of(report_.findings.begin(), report_.findings.end(), [&](const Finding& old) {
      return old.id == finding.id && old.first_zxid == finding.first_zxid && old.severity == finding.severity;
    });
    if (!known) report_.findings.push_back(std::move(finding));
  }
  return {};
}

void Taker::describe() {
  for (StoredBase& base : manifest_.bases) {
    if (base.fuzzy_end_from != StoredBase::FuzzyEndFrom::kObserved) continue;
    const std::int64_t last_record = manifest_.segments.empty() ? base.zxid : manifest_.segments.back().last_zxid;
    SourceFile file;
    file.zxid = base.zxid;
    base.fuzzy_end = restore::assumed_fuzzy_end(listing_, file, std::max(last_record, continuity_.stored_to), 0);
  }
  // What no base reaches is kept, and shown as not restorable.
  const bool from_start = !manifest_.segments.empty() && manifest_.segments.front().first_zxid == 1;
  if (full_ && !from_start)
    for (StoredSegment& segment : manifest_.segments)
      segment.restorable = !manifest_.bases.empty() && segment.last_zxid > manifest_.bases.front().zxid;
  manifest_.last_zxid = full_ ? 0 : continuity_.stored_to;
  for (const StoredSegment& segment : manifest_.segments)
    manifest_.last_zxid = std::max(manifest_.last_zxid, segment.last_zxid);
  for (const StoredBase& base : manifest_.bases) manifest_.last_zxid = std::max(manifest_.last_zxid, base.zxid);
  manifest_.source = options_.source;
  manifest_.source.server_id = listing_.myid;
  manifest_.source.current_epoch = listing_.current_epoch;
  manifest_.source.accepted_epoch = listing_.accepted_epoch;
  if (const auto applied = options_.source.last_applied_zxid; applied && *applied < manifest_.last_zxid)
    manifest_.unconfirmed_from = *applied + 1;
  manifest_.host = env_.system.hostname();
  manifest_.tags = options_.tags;
}

std::string Taker::verdict() const {
  const StoredCertificate& c = manifest_.certificate;
  if (!c.grade) return "stored and read back; not replayed yet (zkark verify --replay, or --prove)";
  switch (*c.grade) {
    case restore::ProofGrade::kProven:
      return fmt::format("proven to {} against {} digests of the server", zxid_text(c.proven_to().value_or(0)),
                         c.digests_compared);
    case restore::ProofGrade::kPartly:
      return fmt::format("proven in {} ranges up to {} against {} digests of the server", c.proven.size(),
                         zxid_text(c.proven_to().value_or(0)), c.digests_compared);
    case restore::ProofGrade::kNotProvable: return "replayed; the source carries no digests, so nothing proves the result";
    case restore::ProofGrade::kFailed:
      return fmt::format("NOT proven: the replayed tree differs from the server's from {} on", zxid_text(c.failed_at.value_or(0)));
  }
  return {};
}

Result<TakeReport> Taker::run() {
  manifest_.started_ms = env_.clock.wall().ms;
  ZK_TRY(listing_, source_.list());
  report_.findings = listing_.findings;
  job_.progress.phase = "reading";
  ZK_TRY(continuity_, find_continuity(writer_.repository(), options_.cluster, source_, listing_, job_));
  ZK_TRY_STATUS(decide());
  if (continuity_.relation == Relation::kContinues || continuity_.relation == Relation::kBehind) {
    // Anything else is a full: what the parents hold is not relied upon.
  } else {
    full_ = true;
  }
  if (full_)
    ZK_TRY_STATUS(store_full());
  else if (!report_.source_behind)
    ZK_TRY_STATUS(store_increment());
  ZK_TRY_STATUS(link_segments());
  ZK_TRY_STATUS(store_between());
  if (full_ && manifest_.bases.empty() && manifest_.segments.empty())
    return fail(Error(ErrorId::kNoData, "nothing readable was found: no intact snapshot and no record")
                    .at(source_.description())
                    .with_hint("`zkark inspect` shows what is wrong with each file"));
  if (continuity_.relation == Relation::kPurged && !manifest_.bases.empty() &&
      manifest_.bases.front().zxid > continuity_.stored_to)
    manifest_.gaps.insert(manifest_.gaps.begin(), {continuity_.stored_to, manifest_.bases.front().zxid,
                                                   "purged from the source before it was backed up"});
  if (!full_) manifest_.parent = continuity_.previous->id;
  report_.stored_to = continuity_.stored_to;
  const bool nothing_new = !full_ && manifest_.segments.empty() && manifest_.bases.empty();
  if (nothing_new && options_.tags.empty()) {
    report_.verdict = report_.source_behind
                          ? fmt::format("nothing new: the source ends before the last stored transaction {}",
                                        zxid_text(continuity_.stored_to))
                          : fmt::format("nothing new since {}", zxid_text(continuity_.stored_to));
    return std::move(report_);
  }
  ZK_TRY_STATUS(store_config());
  describe();
  ZK_TRY_STATUS(prove());
  std::vector<Manifest> chain;
  if (!full_) {
    ZK_TRY(const auto closure, writer_.repository().closure(continuity_.previous->id));
    for (const std::string& id : closure) {
      ZK_TRY(Manifest member, writer_.repository().load(id));
      chain.push_back(std::move(member));
    }
  }
  chain.push_back(manifest_);
  manifest_.windows = windows_of(chain);
  for (const Finding& finding : report_.findings) manifest_.findings.push_back(stored_finding(finding));
  manifest_.taken_ms = env_.clock.wall().ms;
  report_.verdict = verdict();
  report_.stored_to = manifest_.last_zxid;
  job_.progress.phase = "publishing";
  ZK_TRY(HeadEntry published, writer_.publish(manifest_, job_));
  ZK_TRY(report_.manifest, writer_.repository().load(published.id));
  report_.published = std::move(published);
  return std::move(report_);
}

}  // namespace

Result<TakeReport> take_backup(const RepositoryEnvironment& env, restore::Source& source, const TakeOptions& options,
                               Job& job) {
  ZK_TRY(auto writer, RepositoryWriter::begin(env, {LockKind::kExclusive, "backup", options.lock_wait_ms}, job));
  for (int listing = 1;; ++listing) {
    Result<TakeReport> report = Taker(*writer, env, source, options, job).run();
    // A live server purged a file between listing and reading it: look again.
    if (!report && report.error().id() == ErrorId::kNoFile && listing < kListings) continue;
    ZK_TRY_STATUS(writer->end());
    return report;
  }
}

}  // namespace zkark::backup
