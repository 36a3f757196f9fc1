#include "src/backup/proof.h"

#include <algorithm>

#include "restore/compare.h"
#include "restore/replay.h"
#include "restore/verify.h"
#include "src/backup/collect.h"

namespace zkark::backup {
namespace {

using restore::Finding;
using restore::Severity;
using restore::SourceFile;
using restore::SourceListing;
using restore::State;

/// Stored backups and the source's own snapshots together: what the proof replays and compares.
class ProofSource : public restore::Source {
 public:
  ProofSource(StoredSource& stored, restore::Source& source, std::vector<SourceFile> others)
      : stored_(stored), source_(source), others_(std::move(others)), description_("the stored backup") {}
  const std::string& description() const override { return description_; }

  Result<SourceListing> list() override {
    ZK_TRY(SourceListing listing, stored_.list());
    listing.findings.clear();
    const bool from_start = !listing.logs.empty() && listing.logs.front().zxid <= 1;
    if (from_start || !listing.snapshots.empty()) {
      // The initial tree is the base where the logs begin with the first txn: snapshot.0 is that tree.
      const std::int64_t oldest = from_start ? 0 : listing.snapshots.front().zxid;
      for (const SourceFile& snapshot : others_) {
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
  std::vector<SourceFile> others_;
  std::string description_;
};

/// Which of the last records of the old epoch, if any, the snapshot behind it gives the state of.
class StaleTail {
 public:
  StaleTail(restore::Source& source, const SourceListing& listing, Job& job)
      : source_(source), listing_(listing), job_(job) {}

  Status find(BrokenStep& step) {
    const SourceFile* between = nullptr;
    for (const SourceFile& snapshot : listing_.snapshots)
      if (between == nullptr && snapshot.zxid > step.last && snapshot.zxid < step.first) between = &snapshot;
    if (between == nullptr) return {};
    step.snapshot = between->zxid;
    ZK_TRY(auto stream, restore::open_snapshot(source_, *between));
    SnapshotReader reader(*stream, between->path);
    Result<restore::LoadedSnapshot> wanted = restore::load_snapshot(reader, {between->zxid, false}, job_);
    if (!wanted)
      return wanted.error().id() == ErrorId::kCancelled ? Status(fail(std::move(wanted).error())) : Status();
    // Back from base to base: the tail is short, so the newest one before it nearly always tells.
    for (auto base = listing_.snapshots.rbegin(); base != listing_.snapshots.rend() && !step.fork_zxid;
         ++base)
      if (base->zxid <= step.last) ZK_TRY_STATUS(search(&*base, wanted->state, step));
    if (!step.fork_zxid && !listing_.logs.empty() && listing_.logs.front().zxid <= 1)
      ZK_TRY_STATUS(search(nullptr, wanted->state, step));
    return {};
  }

 private:
  Status search(const SourceFile* base, const State& wanted, BrokenStep& step) {
    restore::ReplayOptions options;
    options.check_digests = false;
    options.stop_at = step.last;
    options.on_record = [&](const State& state, const restore::WalkEntry& entry) -> Status {
      // Of several (errors and sessions leave the tree as it is) only the first is surely shared.
      if (step.fork_zxid || state.tree.digest() != wanted.tree.digest()) return {};
      if (!restore::compare_trees(state.tree, wanted.tree, 1).empty()) return {};
      step.fork_zxid = entry.entry.zxid();
      step.fork_checksum = entry.entry.checksum();
      return {};
    };
    restore::Findings ignored;
    const Result<restore::ReplayResult> result =
        restore::replay(source_, listing_, base, options, ignored, job_);
    if (result || exit_code(result.error().id()) == 6) return {};
    return fail(result.error().clone());
  }

  restore::Source& source_;
  const SourceListing& listing_;
  Job& job_;
};

}  // namespace

Result<Proof> prove(StoredSource& stored, restore::Source& source, const SourceListing& listing, bool compare,
                    Executor& executor, Job& job) {
  std::vector<SourceFile> others;
  for (const SourceFile& snapshot : listing.snapshots) {
    if (!compare) break;
    // One that was never finished proves nothing, and is nothing to complain about.
    auto file = source.open(snapshot);
    if (!file && file.error().id() == ErrorId::kNoFile) continue;
    if (!file) return fail(std::move(file).error());
    ZK_TRY(const bool complete, passes_cheap_test(**file, snapshot.codec));
    if (complete) others.push_back(snapshot);
  }
  ProofSource both(stored, source, std::move(others));
  Proof proof;
  const auto look = [&](const State& state) {
    LandmarkCollector oldest;
    state.tree.for_each_node([&](restore::NodeId id) {
      const restore::NodeView node = state.tree.get(id);
      if (node.stat.ephemeral_owner == 0 && oldest.wants(node.stat.czxid))
        oldest.add(state.tree.path(id), node.stat);
    });
    proof.landmarks = oldest.take();
  };
  ZK_TRY(restore::VerifyReport verified,
         restore::verify(both, restore::VerifyDepth::kProve, executor, job, look));
  if (verified.certificate) proof.certificate = stored_certificate(*verified.certificate);
  proof.snapshots_compared = verified.snapshots_compared;
  if (verified.last_zxid) {
    proof.znodes = verified.nodes;
    proof.sessions = verified.sessions;
  }
  std::vector<EpochStep> steps;
  for (const Manifest& manifest : stored.manifests())
    for (const EpochStep& step : manifest.epoch_steps)
      if (!step.proven) steps.push_back(step);
  ZK_TRY(const SourceListing all, both.list());
  for (const Finding& finding : verified.findings) {
    if (finding.severity != Severity::kGap || !finding.first_zxid) continue;
    for (const EpochStep& step : steps) {
      if (step.from_zxid + 1 != *finding.first_zxid) continue;
      BrokenStep broken;
      broken.last = step.from_zxid;
      broken.first = step.to_zxid;
      broken.message = finding.message;
      ZK_TRY_STATUS(StaleTail(both, all, job).find(broken));
      proof.broken.push_back(std::move(broken));
      break;
    }
  }
  std::sort(proof.broken.begin(), proof.broken.end(),
            [](const BrokenStep& a, const BrokenStep& b) { return a.last < b.last; });
  proof.findings = std::move(verified.findings);
  return proof;
}

}  // namespace zkark::backup
