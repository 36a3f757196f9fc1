#include "restore/replay.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "restore/compare.h"
#include "restore/root_names.h"

namespace zkark::restore {
namespace {

/// What one pass assumes about things no record tells.
struct Assumptions {
  bool posix_charset = false;  // digests were computed with '?' for non-ASCII (POSIX locale, JDK up to 17)
  // Before these records a server started and killed sessions that were not in its table: their ephemerals
  // went without a record. True: without extendedTypesEnabled, so that TTL nodes went as well.
  std::map<std::int64_t, bool> cleaned_up;
  bool root_names = false;  // digests missed changes of the root that were under way under its other name
};

bool has_orphans(const State& state) {
  if (state.tree.count_of(NodeKind::kTtl) != 0) return true;
  for (std::int64_t owner : state.tree.ephemeral_owners())
    if (!state.sessions.contains(owner)) return true;
  return false;
}

bool has_non_ascii_path(const Tree& tree) {
  bool found = false;
  tree.walk(kRoot, [&](NodeId, std::string_view path) {
    found =
        std::any_of(path.begin(), path.end(), [](char c) { return static_cast<unsigned char>(c) >= 0x80; });
    return !found;
  });
  return found;
}

/// Has the places of the records ahead fetched into the cache while those before them are applied: what a
/// record needs of a large tree lies in three places, each known only from the one before.
class Prefetcher {
 public:
  void step(LogWalk& walk, const Tree& tree) {
    // One record more is looked at with each that is applied; at the start of a window, as many as it takes.
    for (unsigned i = 0; i < kDistance; ++i) {
      const std::string_view path = walk.peek_path(kDistance);
      if (path.empty()) return;
      hashes_[next_ % kSlots] = tree.prepare(path);
      tree.fetch_node(hashes_[(next_ - kDistance / 3) % kSlots]);
      tree.fetch_data(hashes_[(next_ - kDistance * 2 / 3) % kSlots]);
      ++next_;
    }
  }

 private:
  static constexpr unsigned kDistance = 12, kSlots = 16;
  PathHash hashes_[kSlots] = {};
  unsigned next_ = kSlots;
};

/// One pass over the records.
class Pass {
 public:
  Pass(Source& source, const SourceListing& listing, const SourceFile* base, const ReplayOptions& options,
       const Assumptions& assume, Job& job)
      : source_(source),
        listing_(listing),
        base_(base),
        options_(options),
        assume_(assume),
        job_(job),
        check_(findings_) {}

  Result<ReplayResult> run();
  Findings& findings() { return findings_; }

  // Where the first difference was met, and what may explain it.
  std::optional<std::int64_t> mismatch_at() const { return mismatch_at_; }
  bool mismatch_non_ascii() const { return mismatch_non_ascii_; }
  bool mismatch_root_set() const { return mismatch_root_set_; }
  std::optional<std::int64_t> mismatch_boundary() const { return mismatch_boundary_; }
  /// The first digest of a new epoch does not match: the step at this record is not continuous.
  std::optional<EpochStep> broken_step() const { return broken_step_; }

 private:
  Status judge_epoch_step(const WalkEntry& walk, ReplayResult& result);
  Status load(ReplayResult& result);
  Status step(const WalkEntry& walk, ReplayResult& result);
  void compare(const WalkEntry& walk, ReplayResult& result);
  void compare_section(std::int64_t zxid, ReplayResult& result);
  bool missed_by_name(const WalkEntry& walk, std::uint64_t difference);
  void pass_checkpoint(const ReplayOptions::Checkpoint& checkpoint, std::int64_t zxid, ReplayResult& result);
  void report_tolerated(const WalkEntry& walk, const Tolerated& now, ReplayResult& result);
  void mismatch(std::int64_t zxid, std::uint64_t logged, const std::string& file, std::uint64_t offset,
                State& state);

  Source& source_;
  const SourceListing& listing_;
  const SourceFile* base_;
  const ReplayOptions& options_;
  const Assumptions& assume_;
  Job& job_;
  Findings findings_;
  DigestCheck check_;
  std::uint64_t digest_before_ = 0;  // of the tree before the current record
  bool section_pending_ = false;     // the digest section's zxid is not replayed yet
  bool section_lagged_ = false;      // it differed: perhaps it is of the next txn
  std::optional<std::int64_t> orphan_boundary_;
  std::optional<RootNames> root_names_;
  std::size_t root_note_ = 0;  // index into findings_
  std::uint64_t root_misses_ = 0;
  const SourceFile* file_ = nullptr;
  std::size_t next_checkpoint_ = 0;  // of ReplayOptions::checkpoints
  std::optional<std::int64_t> mismatch_at_;
  bool mismatch_non_ascii_ = false;
  bool mismatch_root_set_ = false;
  std::optional<std::int64_t> mismatch_boundary_;
  bool step_open_ = false;  // an epoch step waits for the first digest of its epoch
  std::optional<EpochStep> broken_step_;
  bool stop_here_ = false;
};

Status Pass::load(ReplayResult& result) {
  if (base_ == nullptr) {
    result.state = initial_state(assume_.posix_charset);
    result.from_initial = true;
    check_.begin(0);
    return {};
  }
  ZK_TRY(auto stream, open_snapshot(source_, *base_));
  SnapshotReader reader(*stream, base_->path);
  LoadOptions load;
  load.zxid = base_->zxid;
  load.ascii_digest = assume_.posix_charset;
  FingerprintSum sum;
  const auto& checkpoints = options_.checkpoints;
  if (!checkpoints.empty() && checkpoints.front().zxid == base_->zxid) load.fingerprint = &sum;
  Result<LoadedSnapshot> loaded = load_snapshot(reader, load, job_);
  if (!loaded) return fail(std::move(loaded).error().at(base_->path));
  result.state = std::move(loaded->state);
  if (load.fingerprint != nullptr) {
    result.fingerprints[base_->zxid] = sum.sum();
    ++next_checkpoint_;
  }
  result.base_zxid = base_->zxid;
  result.base_tail = loaded->tail;
  auto end = fuzzy_end(base_->zxid, loaded->tail, result.state.tree.digest());
  if (!end) end = base_->known_fuzzy_end;
  result.fuzzy_end_assumed = !end;
  result.fuzzy_end = end.value_or(std::max(base_->zxid, options_.assumed_fuzzy_end.value_or(base_->zxid)));
  check_.begin(result.fuzzy_end);
  if (const auto& section = loaded->tail.digest;
      section && section->version == kDigestVersion && options_.check_digests) {
    if (section->zxid == base_->zxid && section->zxid != 0)
      compare_section(section->zxid, result);
    else if (section->zxid > base_->zxid)
      section_pending_ = true;
  }
  return {};
}

/// The snapshot's own digest. It can be one txn off either way: zxid and digest are not read together.
void Pass::compare_section(std::int64_t zxid, ReplayResult& result) {
  section_pending_ = false;
  const auto logged = static_cast<std::uint64_t>(result.base_tail.digest->digest);
  const std::uint64_t computed = result.state.tree.digest();
  if (computed == logged) {
    if (zxid >= result.fuzzy_end) check_.agreed(zxid);
    return;
  }
  if (zxid != result.base_zxid && digest_before_ == logged) {
    check_.explain(zxid,
                   "the snapshot's digest section lags its zxid by one txn (a race in the server, harmless)",
                   base_->path);
    return;
  }
  section_lagged_ = true;  // decided at the next record: equal there, it was one txn ahead
}

void Pass::mismatch(std::int64_t zxid, std::uint64_t logged, const std::string& file, std::uint64_t offset,
                    State& state) {
  if (!mismatch_at_) {
    mismatch_at_ = zxid;
    mismatch_non_ascii_ = has_non_ascii_path(state.tree);
    mismatch_boundary_ = orphan_boundary_;
    const StatPersisted root = state.tree.stat(kRoot);
    mismatch_root_set_ = root.mzxid != 0 || root.aversion != 0;
  }
  check_.unexplained(zxid, state.tree.digest(), logged, file, offset);
}

void Pass::compare(const WalkEntry& walk, ReplayResult& result) {
  const std::int64_t zxid = walk.entry.zxid();
  const Txn& txn = walk.entry.txn;
  if (section_lagged_) {
    section_lagged_ = false;
    const auto logged = static_cast<std::uint64_t>(result.base_tail.digest->digest);
    if (result.state.tree.digest() == logged)
      check_.explain(
          zxid - 1,
          "the snapshot's digest section is one txn ahead of its zxid (a race in the server, harmless)",
          base_->path);
    else if (!txn.digest)
      mismatch(zxid - 1, logged, base_->path, 0, result.state);
  }
  if (section_pending_ && result.base_tail.digest->zxid == zxid) compare_section(zxid, result);
  if (zxid < result.fuzzy_end || !txn.digest || txn.digest->version != kDigestVersion) return;
  const auto logged = static_cast<std::uint64_t>(txn.digest->digest);
  const bool missed = root_names_ && missed_by_name(walk, logged - result.state.tree.digest());
  if (missed) check_.agreed(zxid);
  const bool equal = missed || check_.compare(zxid, result.state.tree.digest(), logged);
  if (!equal) mismatch(zxid, logged, walk.file->path, walk.entry.offset, result.state);
  if (!step_open_) return;
  step_open_ = false;
  result.epoch_steps.back().proven = equal;
  if (!equal && !broken_step_) broken_step_ = result.epoch_steps.back();
}

/// One note for all of them: a client that does this does it again and again.
bool Pass::missed_by_name(const WalkEntry& walk, std::uint64_t difference) {
  if (!root_names_->settle(difference) || difference == 0) return false;
  const std::int64_t zxid = walk.entry.zxid();
  if (root_misses_++ == 0) {
    root_note_ = findings_.size();
    check_.explain(zxid, "", walk.file->path);
  }
  Finding& note = findings_[root_note_];
  note.last_zxid = zxid;
  note.message = fmt::format(
      "{} logged digest(s), from here on, lack a change of /: it was set while a node right below it came or "
      "went, and a server lists changes under way by the names / and \"\" apart (its bookkeeping, simulated "
      "exactly; the tree is right)",
      root_misses_);
  return true;
}

/// A snapshot named above the old epoch's last zxid and below the new epoch's first is what this member went
/// on from: when it differs from the replayed tree, the log's end is stale or records are missing.
Status Pass::judge_epoch_step(const WalkEntry& walk, ReplayResult& result) {
  EpochStep step{walk.previous_zxid, walk.entry.zxid(), false};
  if (result.txns == 0) step.last = result.base_zxid;
  const SourceFile* between = nullptr;
  for (const SourceFile& snapshot : listing_.snapshots)
    if (between == nullptr && snapshot.zxid > step.last && snapshot.zxid < step.first) between = &snapshot;
  if (between != nullptr) {
    ZK_TRY(auto stream, open_snapshot(source_, *between));
    SnapshotReader reader(*stream, between->path);
    Result<LoadedSnapshot> loaded = load_snapshot(reader, {between->zxid, assume_.posix_charset}, job_);
    if (loaded) {
      const auto differences = compare_trees(result.state.tree, loaded->state.tree, 1);
      step.proven = differences.empty();
      if (!step.proven) {
        Finding gap;
        gap.severity = Severity::kGap;
        gap.id = ErrorId::kGap;
        gap.first_zxid = step.last + 1;
        gap.last_zxid = between->zxid;
        gap.message = fmt::format(
            "the step from {} to {} is not continuous: {} differs from what the logs before it give (first "
            "at {}); "
            "this member was synchronised by snapshot and its log up to there ends stale or short",
            zxid_text(step.last), zxid_text(step.first), base_name(between->path), differences[0].path);
        gap.file = between->path;
        findings_.push_back(std::move(gap));
        stop_here_ = true;
        return {};
      }
    } else if (loaded.error().id() == ErrorId::kCancelled) {
      return fail(std::move(loaded).error());
    }
  }
  step_open_ = !step.proven;
  result.epoch_steps.push_back(step);
  return {};
}

/// Past the fuzzy end nothing is left to tolerate: then records are missing or the base is not theirs.
void Pass::report_tolerated(const WalkEntry& walk, const Tolerated& now, ReplayResult& result) {
  const bool first = result.tolerated.any() == 0;
  result.tolerated += now;
  if (!first) return;
  Finding finding;
  finding.severity = Severity::kDamage;
  finding.id = ErrorId::kDigestMismatch;
  finding.message =
      fmt::format("{} does not fit the tree: {}; the base or the log is not what this member had",
                  txn_type_name(walk.entry.txn.header.type),
                  now.create_existing         ? "the node is there already"
                  : now.create_without_parent ? "its parent is not there"
                  : now.delete_missing        ? "the node is not there"
                  : now.delete_with_children  ? "the node has children"
                                              : "the node is not there");
  finding.file = walk.file->path;
  finding.offset = walk.entry.offset;
  finding.first_zxid = finding.last_zxid = walk.entry.zxid();
  findings_.push_back(std::move(finding));
}

void Pass::pass_checkpoint(const ReplayOptions::Checkpoint& checkpoint, std::int64_t zxid,
                           ReplayResult& result) {
  if (checkpoint.zxid != zxid) return;  // no record has it
  const Tree& tree = result.state.tree;
  result.fingerprints[zxid] = fingerprint(tree);
  if (options_.check_digests && zxid >= result.fuzzy_end && checkpoint.digest == tree.digest())
    check_.agreed(zxid);
}

Status Pass::step(const WalkEntry& walk, ReplayResult& result) {
  const std::int64_t zxid = walk.entry.zxid();
  if (walk.file != file_) {
    // A new file is where a server may have started; only then do sessions die without a record.
    file_ = walk.file;
    if (has_orphans(result.state)) {
      orphan_boundary_ = zxid;
      if (auto clean = assume_.cleaned_up.find(zxid); clean != assume_.cleaned_up.end()) {
        const std::uint64_t ttl_nodes = clean->second ? result.state.tree.count_of(NodeKind::kTtl) : 0;
        const std::uint64_t removed = drop_orphaned_ephemerals(result.state, clean->second) - ttl_nodes;
        std::string cause = fmt::format(
            "a server start before this txn removed {} ephemeral node(s) of dead sessions", removed);
        if (ttl_nodes != 0)
          cause += fmt::format(" and {} TTL node(s), because it ran without extendedTypesEnabled=true,",
                               ttl_nodes);
        check_.explain(zxid, cause + " without logging it (shown by the digest)", walk.file->path);
      }
    }
  }
  digest_before_ = result.state.tree.digest();
  if (assume_.root_names && options_.check_digests && zxid >= result.fuzzy_end) {
    if (!root_names_) root_names_.emplace(result.state);
    root_names_->observe(walk.entry.txn, result.state);
  }
  Result<Tolerated> tolerated = apply(result.state, walk.entry.txn);
  if (!tolerated) return fail(std::move(tolerated).error().at(walk.file->path, walk.entry.offset));
  ++result.txns;
  if (!result.first_zxid) {
    result.first_zxid = zxid;
    result.first_time_ms = walk.entry.txn.header.time_ms;
  }
  result.last_time_ms = walk.entry.txn.header.time_ms;
  if (tolerated->any() != 0 && zxid > result.fuzzy_end && !result.fuzzy_end_assumed)
    report_tolerated(walk, *tolerated, result);
  if (options_.check_digests) compare(walk, result);
  while (next_checkpoint_ < options_.checkpoints.size() &&
         options_.checkpoints[next_checkpoint_].zxid <= zxid)
    pass_checkpoint(options_.checkpoints[next_checkpoint_++], zxid, result);
  if (options_.on_record) return options_.on_record(result.state, walk);
  return {};
}

Result<ReplayResult> Pass::run() {
  ReplayResult result;
  ZK_TRY_STATUS(load(result));
  if (options_.on_base) options_.on_base();
  digest_before_ = result.state.tree.digest();
  LogWalkOptions walk_options;
  walk_options.after_zxid = result.base_zxid;
  walk_options.past_damage = false;
  walk_options.overlaps = listing_.logs_overlap;
  LogWalk walk(source_, listing_.logs, walk_options, findings_);
  std::int64_t previous = result.base_zxid;
  Prefetcher prefetcher;
  WalkEntry walked;
  const WalkEntry* const entry = &walked;
  for (;;) {
    if ((result.txns & 1023) == 0) ZK_TRY_STATUS(job_.check());
    const std::size_t findings_before = findings_.size();
    prefetcher.step(walk, result.state.tree);
    ZK_TRY(const bool more, walk.next_into(walked));
    if (!more) {
      // Damage right behind the last record asked for takes nothing away from the state there.
      const bool reached = options_.stop_at && previous >= *options_.stop_at;
      if (reached)
        findings_.resize(findings_before);
      else if (walk.stopped_by_damage())
        result.stopped_by = findings_.size() - 1;
      break;
    }
    const std::int64_t zxid = entry->entry.zxid();
    if (options_.stop_at && zxid > *options_.stop_at) {
      findings_.resize(findings_before);
      break;
    }
    // The first record must follow the base as it would follow the record before it.
    const bool first = result.txns == 0;
    const bool jump = first && zxid != previous + 1 &&
                      !(zxid_epoch(zxid) != zxid_epoch(previous) && zxid_counter(zxid) <= 1);
    if (jump) {
      Finding gap;
      gap.severity = Severity::kGap;
      gap.id = ErrorId::kGap;
      gap.first_zxid = previous + 1;
      gap.last_zxid = zxid - 1;
      gap.message = missing_text(previous + 1, zxid - 1);
      gap.file = entry->file->path;
      gap.offset = entry->entry.offset;
      findings_.push_back(std::move(gap));
    }
    if (jump || entry->step == Step::kGap || entry->step == Step::kBackwards) {
      result.stopped_by = findings_.size() - 1;
      break;
    }
    const bool epoch_step = first ? zxid_epoch(zxid) != zxid_epoch(previous) : entry->step == Step::kEpoch;
    if (epoch_step) {
      ZK_TRY_STATUS(judge_epoch_step(*entry, result));
      if (stop_here_) {
        result.stopped_by = findings_.size() - 1;
        break;
      }
    }
    Status applied = step(*entry, result);
    if (!applied) {
      if (applied.error().id() != ErrorId::kBadRecord) return fail(std::move(applied).error());
      findings_.push_back(finding_of(applied.error()));
      result.stopped_by = findings_.size() - 1;
      break;
    }
    previous = zxid;
  }
  if (section_lagged_)
    mismatch(result.base_zxid, static_cast<std::uint64_t>(result.base_tail.digest->digest), base_->path, 0,
             result.state);
  result.certificate = check_.certificate();
  return result;
}

}  // namespace

std::optional<std::int64_t> fuzzy_end(std::int64_t name_zxid, const SnapshotTail& tail,
                                      std::uint64_t tree_digest) {
  std::optional<std::int64_t> end;
  if (tail.digest && tail.digest->zxid > 0 && tail.digest->zxid >= name_zxid) {
    const bool exact = tail.digest->zxid == name_zxid && tail.digest->version == kDigestVersion &&
                       static_cast<std::uint64_t>(tail.digest->digest) == tree_digest;
    end = exact ? name_zxid : tail.digest->zxid + 1;
  }
  if (tail.last_processed_zxid && *tail.last_processed_zxid >= name_zxid)
    end = std::max(end.value_or(name_zxid), *tail.last_processed_zxid);
  if (!end && name_zxid == 0) end = 0;  // what a server writes before its first txn
  return end;
}

Result<ReplayResult> replay(Source& source, const SourceListing& listing, const SourceFile* base,
                            const ReplayOptions& options, Findings& findings, Job& job) {
  // A difference is tried against the known causes by replaying with the cause assumed: it counts as
  // explained only if the digests then agree past the place.
  Assumptions accepted;
  std::optional<Assumptions> trial;
  constexpr int kMaxTrials = 16;
  std::map<std::int64_t, int> tried;
  bool tried_charset = false, tried_root_names = false;
  std::optional<std::int64_t> failed_before;
  ReplayOptions effective = options;
  std::optional<EpochStep> broken_step;
  for (int n = 0;; ++n) {
    const Assumptions assume = trial.value_or(accepted);
    if (n != 0 && options.on_restart) options.on_restart();
    Pass pass(source, listing, base, effective, assume, job);
    ZK_TRY(ReplayResult result, pass.run());
    const auto at = pass.mismatch_at();
    if (trial) {
      // Better than without it?
      if (!at || (failed_before && *at > *failed_before)) accepted = *trial;
      trial.reset();
      if (at && !(failed_before && *at > *failed_before)) {
        if (n < kMaxTrials) continue;  // once more as accepted, to look at the next cause
      }
    }
    if (at && n < kMaxTrials) {
      failed_before = at;
      if (const auto boundary = pass.mismatch_boundary(); boundary && tried[*boundary] < 2) {
        trial = accepted;
        trial->cleaned_up[*boundary] = tried[*boundary]++ == 1;
        continue;
      }
      if (pass.mismatch_non_ascii() && !tried_charset) {
        tried_charset = true;
        trial = accepted;
        trial->posix_charset = true;
        continue;
      }
      if (pass.mismatch_root_set() && !tried_root_names) {
        tried_root_names = true;
        trial = accepted;
        trial->root_names = true;
        continue;
      }
    }
    if (pass.broken_step() && !broken_step) {
      // Nothing explains it: the state behind the step never existed. Once more, up to the step.
      broken_step = pass.broken_step();
      effective.stop_at = broken_step->last;
      continue;
    }
    if (broken_step) {
      Finding gap;
      gap.severity = Severity::kGap;
      gap.id = ErrorId::kGap;
      gap.first_zxid = broken_step->last + 1;
      gap.last_zxid = broken_step->first - 1;
      gap.message = fmt::format(
          "the step from {} to {} is not continuous: the first digest of the new epoch does not match the "
          "replayed tree; "
          "the old epoch's end is stale or missing here",
          zxid_text(broken_step->last), zxid_text(broken_step->first));
      pass.findings().push_back(std::move(gap));
      result.stopped_by = pass.findings().size() - 1;
    }
    if (assume.posix_charset) {
      Finding note;
      note.severity = Severity::kNote;
      note.id = ErrorId::kDigestMismatch;
      note.message =
          "the server computed its digests under a POSIX locale: non-ASCII path characters count as '?'";
      pass.findings().push_back(std::move(note));
    }
    const std::size_t shift = findings.size();
    for (Finding& f : pass.findings()) findings.push_back(std::move(f));
    if (result.stopped_by) *result.stopped_by += shift;
    return result;
  }
}

}  // namespace zkark::restore
