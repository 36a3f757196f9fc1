#include "src/backup/compact.h"

#include <fmt/format.h>

#include <algorithm>

#include "restore/base_choice.h"
#include "restore/fingerprint.h"
#include "restore/log_walk.h"
#include "src/backup/collect.h"
#include "src/backup/join.h"
#include "src/backup/source.h"
#include "src/backup/writer.h"

namespace zkark::backup {
namespace {

class EncoderSink : public ByteSink {
 public:
  explicit EncoderSink(ObjectEncoder& encoder) : encoder_(encoder) {}
  Status write(Bytes bytes) override { return encoder_.append(bytes); }
  Status finish() override { return {}; }

 private:
  ObjectEncoder& encoder_;
};

/// What several backups hold is taken once: the longer piece where one holds the other.
void drop_covered(std::vector<StoredSegment>& segments) {
  std::stable_sort(segments.begin(), segments.end(), [](const StoredSegment& a, const StoredSegment& b) {
    return a.first_zxid != b.first_zxid ? a.first_zxid < b.first_zxid : a.last_zxid > b.last_zxid;
  });
  std::vector<StoredSegment> kept;
  for (StoredSegment& segment : segments)
    if (kept.empty() || segment.last_zxid > kept.back().last_zxid) kept.push_back(std::move(segment));
  segments = std::move(kept);
}

/// A step that a later backup proved stands in the earlier one as not proven.
void add_step(std::vector<EpochStep>& steps, const EpochStep& step) {
  for (EpochStep& known : steps) {
    if (known.from_zxid != step.from_zxid || known.to_zxid != step.to_zxid) continue;
    if (step.proven) known = step;
    return;
  }
  steps.push_back(step);
}

/// What of the chain lies behind the point, and the segment of the last record, from where increments go on.
void take_over(const std::vector<Manifest>& chain, std::int64_t point, Manifest& manifest) {
  std::int64_t last = 0;
  for (const Manifest& member : chain)
    for (const StoredSegment& segment : member.segments) last = std::max(last, segment.last_zxid);
  const auto add = [](auto& list, const auto& item) {
    if (std::find(list.begin(), list.end(), item) == list.end()) list.push_back(item);
  };
  // Newest first: of equal pieces the one whose place in the source was seen last stays.
  for (auto member = chain.rbegin(); member != chain.rend(); ++member) {
    for (const StoredSegment& segment : member->segments)
      if (segment.last_zxid > point || segment.last_zxid == last) manifest.segments.push_back(segment);
    for (const StoredBase& base : member->bases)
      if (base.zxid > point) add(manifest.bases, base);
    manifest.last_zxid = std::max(manifest.last_zxid, member->last_zxid);
  }
  drop_covered(manifest.segments);
  // Holes and steps between what is taken over, be they before the point: records behind a hole must not
  // look as if they went on from those before it.
  std::int64_t first = point;
  for (const StoredSegment& segment : manifest.segments) first = std::min(first, segment.first_zxid);
  for (const Manifest& member : chain) {
    for (const Gap& gap : member.gaps)
      if (gap.after_zxid >= first) add(manifest.gaps, gap);
    for (const EpochStep& step : member.epoch_steps)
      if (step.from_zxid >= first) add_step(manifest.epoch_steps, step);
  }
  const bool from_start = !manifest.segments.empty() && manifest.segments.front().first_zxid == 1;
  for (StoredSegment& segment : manifest.segments)
    segment.restorable = from_start || segment.last_zxid > point;
  const auto by_zxid = [](auto of) { return [of](const auto& a, const auto& b) { return of(a) < of(b); }; };
  std::stable_sort(manifest.bases.begin(), manifest.bases.end(),
                   by_zxid([](const StoredBase& b) { return b.zxid; }));
  std::stable_sort(manifest.gaps.begin(), manifest.gaps.end(),
                   by_zxid([](const Gap& g) { return g.after_zxid; }));
  std::stable_sort(manifest.epoch_steps.begin(), manifest.epoch_steps.end(),
                   by_zxid([](const EpochStep& s) { return s.from_zxid; }));
}

/// The last point below `limit` that can be restored; nothing when there is none.
Result<std::optional<std::int64_t>> last_point_below(StoredSource& stored,
                                                     const restore::SourceListing& listing,
                                                     std::int64_t limit, Job& job) {
  std::vector<Window> windows = windows_of(stored.manifests());
  for (auto window = windows.rbegin(); window != windows.rend(); ++window) {
    if (window->last_zxid < limit) return std::optional(window->last_zxid);
    if (window->first_zxid >= limit) continue;
    std::optional<std::int64_t> best;
    for (const Manifest& manifest : stored.manifests())
      for (const StoredBase& base : manifest.bases)
        if (base.fuzzy_end == base.zxid && base.zxid >= window->first_zxid && base.zxid < limit)
          best = std::max(best.value_or(0), base.zxid);
    restore::LogWalkOptions options;
    options.after_zxid = window->first_zxid - 1;
    options.overlaps = true;
    restore::Findings ignored;  // the replay to the point meets them again
    restore::LogWalk walk(stored, restore::logs_after(listing.logs, window->first_zxid - 1), options,
                          ignored);
    restore::WalkEntry at;
    for (std::uint64_t n = 0;; ++n) {
      if ((n & 1023) == 0) ZK_TRY_STATUS(job.check());
      ZK_TRY(const bool more, walk.next_into(at));
      if (!more || at.entry.zxid() >= limit) break;
      best = std::max(best.value_or(0), at.entry.zxid());
    }
    if (best) return best;
  }
  return std::optional<std::int64_t>();
}

/// The encoded base, decoded again from the repository, is the tree that was written.
Status read_back(const Repository& repository, const Manifest& manifest, const restore::Fingerprint& wanted,
                 std::uint64_t digest, std::int64_t point, Job& job) {
  StoredSource stored(repository, {manifest}, "the new base");
  ZK_TRY(const restore::SourceListing listing, stored.list());
  for (const restore::SourceFile& snapshot : listing.snapshots) {
    if (snapshot.zxid != point) continue;
    ZK_TRY(const restore::SnapshotFingerprint read, restore::fingerprint_snapshot(stored, snapshot, job));
    // An ACL that no stored record defines has no list to compare.
    if (wanted.complete ? read.fingerprint == wanted : read.digest == digest) return {};
  }
  return fail(ErrorId::kInternal, "the new base reads back differently");
}

std::string verdict_of(const StoredCertificate& certificate, std::int64_t point) {
  if (certificate.grade == restore::ProofGrade::kNotProvable || !certificate.grade)
    return fmt::format("exact at {}; the stored records carry no digests that would prove it",
                       zxid_text(point));
  return fmt::format("exact at {}; proven to {} against {} digest{} of the server", zxid_text(point),
                     zxid_text(certificate.proven_to().value_or(0)), certificate.digests_compared,
                     certificate.digests_compared == 1 ? "" : "s");
}

class Compactor {
 public:
  Compactor(const RepositoryEnvironment& env, const CompactOptions& options, Job& job)
      : env_(env), options_(options), job_(job) {}

  /// `writer`: null for a dry run.
  Result<CompactReport> run(const Repository& repository, RepositoryWriter* writer);

 private:
  Result<std::int64_t> choose_point(StoredSource& stored, const restore::SourceListing& listing,
                                    const Manifest& newest);
  const Manifest* same_already(const std::vector<Manifest>& chain) const;
  Status describe(const Manifest& newest, const std::vector<Manifest>& chain,
                  const restore::Rebuilt& rebuilt);
  void describe_landmarks(const std::vector<Manifest>& chain, const restore::Tree& tree);
  Status store(RepositoryWriter& writer, restore::State state);

  const RepositoryEnvironment& env_;
  const CompactOptions& options_;
  Job& job_;
  Manifest manifest_;
  CompactReport report_;
};

/// Unconfirmed records may be cut off by the next leader: as a base they would outlive their history.
Result<std::int64_t> Compactor::choose_point(StoredSource& stored, const restore::SourceListing& listing,
                                             const Manifest& newest) {
  if (options_.at) return *options_.at;
  ZK_TRY(const auto point,
         last_point_below(stored, listing, newest.unconfirmed_from.value_or(INT64_MAX), job_));
  if (point) return *point;
  return fail(Error(ErrorId::kPointNotFound, newest.unconfirmed_from
                                                 ? "no confirmed point of the timeline can be restored"
                                                 : "no point of the timeline can be restored")
                  .at(env_.backend.url())
                  .with_hint("`zkark list` shows windows and gaps"));
}

/// A backup that holds what this one would.
const Manifest* Compactor::same_already(const std::vector<Manifest>& chain) const {
  std::int64_t last = report_.point;
  for (const Manifest& member : chain) last = std::max(last, member.last_zxid);
  for (auto member = chain.rbegin(); member != chain.rend(); ++member)
    if (member->type == BackupType::kCompact && member->last_zxid == last && !member->bases.empty() &&
        member->bases.front().kind == StoredBase::Kind::kExact && member->bases.front().zxid == report_.point)
      return &*member;
  return nullptr;
}

/// They tell clusters apart later on: the oldest of what stands now, not of what stood at an old point and
/// may be deleted since.
void Compactor::describe_landmarks(const std::vector<Manifest>& chain, const restore::Tree& tree) {
  if (report_.point < manifest_.last_zxid)
    for (auto member = chain.rbegin(); member != chain.rend() && manifest_.landmarks.empty(); ++member)
      manifest_.landmarks = member->landmarks;
  if (!manifest_.landmarks.empty()) return;
  LandmarkCollector oldest;
  tree.for_each_node([&](restore::NodeId id) {
    const restore::NodeView node = tree.get(id);
    if (node.stat.ephemeral_owner == 0 && oldest.wants(node.stat.czxid)) oldest.add(tree.path(id), node.stat);
  });
  manifest_.landmarks = oldest.take();
}

Status Compactor::describe(const Manifest& newest, const std::vector<Manifest>& chain,
                           const restore::Rebuilt& rebuilt) {
  const restore::Tree& tree = rebuilt.replay.state.tree;
  manifest_.type = BackupType::kCompact;
  manifest_.cluster = options_.cluster;
  manifest_.parent = newest.id;
  manifest_.timeline = newest.timeline;
  manifest_.host = env_.system.hostname();
  manifest_.source = newest.source;
  manifest_.source.kind = "repository";
  manifest_.source.paths = {env_.backend.url()};
  manifest_.config = newest.config;
  manifest_.unconfirmed_from = newest.unconfirmed_from;
  manifest_.certificate = stored_certificate(rebuilt.replay.certificate);
  manifest_.tags = options_.tags;
  manifest_.last_zxid = std::max(manifest_.last_zxid, report_.point);
  if (manifest_.last_zxid == report_.point) {
    manifest_.znodes = tree.size();
    manifest_.sessions = rebuilt.replay.state.sessions.size();
  } else if (manifest_.certificate.grade == restore::ProofGrade::kProven) {
    manifest_.certificate.grade =
        restore::ProofGrade::kPartly;  // what lies behind the point was not replayed
  }
  mark_proven_steps(manifest_);
  describe_landmarks(chain, tree);
  for (const restore::Finding& finding : report_.findings)
    manifest_.findings.push_back(stored_finding(finding));
  StoredBase base;
  base.kind = StoredBase::Kind::kExact;
  base.zxid = base.fuzzy_end = report_.point;
  base.fuzzy_end_from = StoredBase::FuzzyEndFrom::kExact;
  base.file_name = snapshot_file_name(report_.point);
  base.source_mtime_ms = env_.clock.wall().ms;
  base.digest = BaseDigest{report_.point, kDigestVersion, tree.digest()};
  base.last_processed_zxid = report_.point;
  base.znodes = tree.size();
  base.sessions = rebuilt.replay.state.sessions.size();
  manifest_.bases.insert(manifest_.bases.begin(), std::move(base));
  return {};
}

Status Compactor::store(RepositoryWriter& writer, restore::State state) {
  job_.progress.phase = "writing";
  ZK_TRY_STATUS(writer.require_space((state.tree.data_bytes() + state.tree.path_bytes()) / 8));
  StoredBase& base = manifest_.bases.front();
  auto encoder = writer.encoder(ObjectKind::kBase, SnapCodec::kPlain);
  EncoderSink sink(*encoder);
  ZK_TRY_STATUS(restore::write_snapshot(state, sink, {report_.point, true}, job_));
  base.source_bytes = encoder->plain_bytes();
  ZK_TRY(base.data.parts, encoder->finish());
  const restore::Fingerprint wanted = restore::fingerprint(state.tree);
  const std::uint64_t digest = state.tree.digest();
  state = restore::State();  // one tree is enough
  job_.progress.phase = "reading back";
  return read_back(writer.repository(), manifest_, wanted, digest, report_.point, job_);
}

Result<CompactReport> Compactor::run(const Repository& repository, RepositoryWriter* writer) {
  manifest_.started_ms = env_.clock.wall().ms;
  ZK_TRY(const auto stored, open_timeline(repository, options_.cluster, options_.timeline, "the repository"));
  ZK_TRY(const restore::SourceListing listing, stored->list());
  const HeadEntry* entry = repository.newest(options_.cluster, options_.timeline);
  ZK_TRY(const Manifest newest, repository.load(entry->id));
  ZK_TRY(report_.point, choose_point(*stored, listing, newest));
  if (const Manifest* same = same_already(stored->manifests()); same != nullptr && options_.tags.empty()) {
    report_.manifest = *same;
    report_.already = true;
    report_.verdict = fmt::format("nothing to do: backup {} is this already", short_id(same->id));
    return std::move(report_);
  }
  job_.progress.phase = "replaying";
  ZK_TRY(restore::Rebuilt rebuilt, restore::rebuild(*stored, listing, report_.point, report_.findings, job_));
  report_.replayed_txns = rebuilt.replay.txns;
  rebuilt.replay.state.last_zxid = report_.point;
  take_over(stored->manifests(), report_.point, manifest_);
  ZK_TRY_STATUS(describe(newest, stored->manifests(), rebuilt));
  report_.verdict = verdict_of(manifest_.certificate, report_.point);
  if (writer != nullptr) ZK_TRY_STATUS(store(*writer, std::move(rebuilt.replay.state)));
  manifest_.windows = windows_of({manifest_});
  manifest_.taken_ms = env_.clock.wall().ms;
  report_.manifest = manifest_;
  if (writer == nullptr) return std::move(report_);
  job_.progress.phase = "publishing";
  ZK_TRY(HeadEntry published, writer->publish(manifest_, job_));
  ZK_TRY(report_.manifest, writer->repository().load(published.id));
  report_.published = std::move(published);
  return std::move(report_);
}

}  // namespace

Result<CompactReport> compact(const RepositoryEnvironment& env, const CompactOptions& options, Job& job) {
  if (options.dry_run) {
    ZK_TRY(const auto repository, Repository::open(env, {}));
    return Compactor(env, options, job).run(*repository, nullptr);
  }
  ZK_TRY(auto writer,
         RepositoryWriter::begin(env, {LockKind::kExclusive, "compact", options.lock_wait_ms}, job));
  Result<CompactReport> report = Compactor(env, options, job).run(writer->repository(), writer.get());
  if (Status ended = writer->end(); !ended && report) {
    report->findings.push_back(restore::finding_of(ended.error(), restore::Severity::kNote));
    report->findings.back().hint = "`zkark unlock` removes the lock";
  }
  return report;
}

}  // namespace zkark::backup
