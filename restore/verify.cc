#include "restore/verify.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "restore/compare.h"
#include "restore/verify_spans.h"

namespace zkark::restore {
namespace {

/// Decodes one snapshot to its end without building a tree.
Status read_snapshot(Source& source, FileReport& report, Findings& findings, Job& job) {
  auto damaged = [&](Error error) -> Status {
    if (is_fatal(error)) return fail(std::move(error));
    Finding finding = finding_of(std::move(error).at(report.file.path));
    finding.hint = "Apache ZooKeeper falls back to an older snapshot; a restore can still use one";
    findings.push_back(std::move(finding));
    return {};
  };
  Result<std::unique_ptr<ByteSource>> stream = open_snapshot(source, report.file);
  if (!stream) return damaged(std::move(stream).error());
  SnapshotReader reader(**stream, report.file.path);
  for (;;) {
    Result<std::optional<SnapSession>> session = reader.next_session();
    if (!session) return damaged(std::move(session).error());
    if (!*session) break;
    ++report.sessions;
  }
  for (;;) {
    if ((report.nodes & 4095) == 0) ZK_TRY_STATUS(job.check());
    Result<std::optional<SnapNode>> node = reader.next_node();
    if (!node) return damaged(std::move(node).error());
    if (!*node) break;
    ++report.nodes;
  }
  Result<SnapshotTail> tail = reader.read_tail();
  if (!tail) return damaged(std::move(tail).error());
  report.tail = *std::move(tail);
  report.checked = true;
  return {};
}

Status quick_look(Source& source, FileReport& report, Findings& findings) {
  Result<std::unique_ptr<File>> file = source.open(report.file);
  if (!file) return fail(std::move(file).error());
  if (report.is_log) {
    TxnLogReader reader(**file);
    Status header = reader.read_header();
    if (!header) {
      if (is_fatal(header.error())) return header;
      findings.push_back(finding_of(header.error()));
      return {};
    }
    Result<std::optional<TxnEntry>> first = reader.next();
    if (first && *first) report.first_zxid = (*first)->zxid();
    if (!first) {
      if (is_fatal(first.error())) return fail(std::move(first).error());
      findings.push_back(finding_of(first.error()));
    }
  } else {
    ZK_TRY(bool complete, passes_cheap_test(**file, report.file.codec));
    if (!complete) {
      Finding finding;
      finding.severity = Severity::kDamage;
      finding.id = ErrorId::kTruncated;
      finding.message = "the snapshot is not complete: it does not end with a seal";
      finding.file = report.file.path;
      finding.hint = "normal after a crash while it was written; Apache ZooKeeper passes over it";
      findings.push_back(std::move(finding));
    }
  }
  report.checked = true;
  return {};
}

class Verifier {
 public:
  Verifier(Source& source, Executor& executor, Job& job, std::function<void(const State&)> on_final)
      : source_(source), executor_(executor), job_(job), on_final_(std::move(on_final)) {}

  Result<VerifyReport> run(VerifyDepth depth) {
    ZK_TRY(listing_, source_.list());
    report_.findings = listing_.findings;
    for (const SourceFile& file : listing_.snapshots) add_file(file, false);
    for (const SourceFile& file : listing_.logs) add_file(file, true);
    check_epochs();
    switch (depth) {
      case VerifyDepth::kQuick:
        for (FileReport& file : report_.files) ZK_TRY_STATUS(quick_look(source_, file, report_.findings));
        break;
      case VerifyDepth::kRead:
        ZK_TRY_STATUS(read_all());
        break;
      case VerifyDepth::kStart:
        ZK_TRY_STATUS(replay_start());
        break;
      case VerifyDepth::kProve:
        ZK_TRY_STATUS(replay_all());
        break;
      case VerifyDepth::kReplayAll:
        ZK_TRY_STATUS(read_all());
        ZK_TRY_STATUS(replay_all());
        break;
    }
    ZK_TRY_STATUS(allow_unfinished_snapshot());
    for (const Finding& finding : report_.findings)
      for (FileReport& file : report_.files)
        if (finding.file == file.file.path && finding.severity == Severity::kDamage) ++file.damage;
    return std::move(report_);
  }

 private:
  void add_file(const SourceFile& file, bool is_log) {
    FileReport report;
    report.file = file;
    report.is_log = is_log;
    report_.files.push_back(std::move(report));
  }

  FileReport& report_of(const SourceFile& file) {
    for (FileReport& report : report_.files)
      if (report.file.path == file.path) return report;
    ZK_CHECK(false);
  }

  /// What Apache refuses to start with (QuorumPeer.loadDataBase).
  void check_epochs() {
    const auto& current = listing_.current_epoch;
    const auto& accepted = listing_.accepted_epoch;
    if (!current || !accepted || *accepted >= *current) return;
    Finding finding;
    finding.severity = Severity::kDamage;
    finding.id = ErrorId::kBadEpochFile;
    finding.message = fmt::format("acceptedEpoch {} is below currentEpoch {}: the server refuses to start",
                                  *accepted, *current);
    report_.findings.push_back(std::move(finding));
  }

  /// A running server is always about to write one: without a seal, and above everything else there is. Where
  /// nothing else is there, it is all that was to be had, and damage.
  Status allow_unfinished_snapshot() {
    if (listing_.snapshots.empty() || (listing_.snapshots.size() == 1 && listing_.logs.empty())) return {};
    const SourceFile& newest = listing_.snapshots.back();
    const auto is_cut = [&](const Finding& finding) {
      return finding.file == newest.path && finding.severity == Severity::kDamage &&
             finding.id == ErrorId::kTruncated;
    };
    if (std::none_of(report_.findings.begin(), report_.findings.end(), is_cut)) return {};
    const Result<std::unique_ptr<File>> file = source_.open(newest);
    if (!file) return is_fatal(file.error()) ? Status(fail(file.error().clone())) : Status();
    ZK_TRY(const bool complete, passes_cheap_test(**file, newest.codec));
    if (complete) return {};
    for (Finding& finding : report_.findings) {
      if (!is_cut(finding)) continue;
      finding.severity = Severity::kNote;
      finding.message =
          "not used: the snapshot does not end with a seal; it is being written, or its server died over it";
      finding.hint.clear();
      finding.offset.reset();
    }
    return {};
  }

  Status read_logs(Findings& findings) {
    LogWalkOptions options;
    // Every record is given; the walk begins at the oldest file.
    options.after_zxid = -1;
    options.overlaps = listing_.logs_overlap;
    LogWalk walk(source_, listing_.logs, options, findings);
    std::map<const SourceFile*, FileReport*> reports;
    for (std::uint64_t n = 0;; ++n) {
      if ((n & 4095) == 0) ZK_TRY_STATUS(job_.check());
      ZK_TRY(auto entry, walk.next());
      if (!entry) break;
      FileReport*& report = reports[entry->file];
      if (report == nullptr) report = &report_of(*entry->file);
      if (!report->first_zxid) report->first_zxid = entry->entry.zxid();
      report->last_zxid = entry->entry.zxid();
      ++report->txns;
    }
    for (FileReport& report : report_.files)
      if (report.is_log) report.checked = true;
    return {};
  }

  Status read_all() {
    job_.progress.phase = "reading";
    std::vector<std::function<Status()>> tasks;
    std::vector<Findings> found(listing_.snapshots.size() + 1);
    tasks.emplace_back([&] { return read_logs(found[0]); });
    for (std::size_t i = 0; i < listing_.snapshots.size(); ++i)
      tasks.emplace_back([&, i] { return read_snapshot(source_, report_.files[i], found[i + 1], job_); });
    ZK_TRY_STATUS(executor_.run_all(tasks));
    for (std::size_t i = 1; i < found.size(); ++i) append(std::move(found[i]));
    append(std::move(found[0]));
    return {};
  }

  void append(Findings findings) {
    for (Finding& finding : findings) {
      // A replay after a full read meets the same damage again.
      const bool known =
          std::any_of(report_.findings.begin(), report_.findings.end(), [&](const Finding& old) {
            return old.file == finding.file && old.offset == finding.offset && old.id == finding.id;
          });
      if (!known || finding.file.empty()) report_.findings.push_back(std::move(finding));
    }
  }

  void take_state(ReplayResult& result) {
    if (on_final_) on_final_(result.state);
    report_.replayed_txns += result.txns;
    report_.nodes = result.state.tree.size();
    report_.sessions = result.state.sessions.size();
    report_.ephemerals = result.state.tree.count_of(NodeKind::kEphemeral);
    report_.digest = result.state.tree.digest();
    report_.last_zxid = result.state.last_zxid;
  }

  /// The newest snapshot that loads, as FileSnap.deserialize picks it; damaged ones on the way are findings.
  Status replay_start() {
    job_.progress.phase = "replaying";
    for (std::size_t i = listing_.snapshots.size() + 1; i-- > 0;) {
      const SourceFile* base = i == 0 ? nullptr : &listing_.snapshots[i - 1];
      if (base == nullptr && (listing_.logs.empty() || listing_.logs.front().zxid > 1)) break;
      Findings findings;
      Result<ReplayResult> result = replay(source_, listing_, base, {}, findings, job_);
      if (!result) {
        if (is_fatal(result.error())) return fail(std::move(result).error());
        Finding finding = finding_of(std::move(result).error().at(base == nullptr ? "" : base->path));
        if (finding.severity == Severity::kDamage && base != nullptr)
          finding.hint = "a server falls back to an older snapshot";
        report_.findings.push_back(std::move(finding));
        continue;
      }
      append(std::move(findings));
      take_state(*result);
      report_.certificate = result->certificate;
      report_.base = base == nullptr ? std::string() : base->path;
      if (base != nullptr) {
        FileReport& file = report_of(*base);
        file.checked = true;
        file.tail = result->base_tail;
        file.fuzzy_end = result->fuzzy_end;
      }
      for (const SourceFile& log : logs_after(listing_.logs, base == nullptr ? 0 : base->zxid))
        report_of(log).checked = true;
      return {};
    }
    return no_base();
  }

  Status no_base() {
    Finding finding;
    finding.severity = Severity::kDamage;
    finding.id = ErrorId::kBadSnapshot;
    finding.message = "there is no usable snapshot, and the logs do not begin with the first transaction";
    finding.file = source_.description();
    finding.hint = "nothing can be restored from this source alone";
    report_.findings.push_back(std::move(finding));
    return {};
  }

  /// A snapshot met on the way: from its own base to its fuzzy end it must give the replayed tree.
  struct Pending {
    const SourceFile* file;
    std::int64_t compare_at;
    State state;
  };

  Status prepare(const SourceFile& snapshot, std::vector<Pending>& pending) {
    FileReport& file = report_of(snapshot);
    if (file.damage != 0) return {};
    Findings ignored;
    ReplayOptions options;
    options.check_digests = false;
    auto stream = open_snapshot(source_, snapshot);
    // A live server may have purged it.
    if (!stream && stream.error().id() == ErrorId::kNoFile) return {};
    Result<LoadedSnapshot> loaded = fail(ErrorId::kInternal, "");
    if (stream) {
      SnapshotReader reader(**stream, snapshot.path);
      loaded = load_snapshot(reader, {snapshot.zxid, false}, job_);
    } else {
      loaded = fail(std::move(stream).error());
    }
    if (!loaded) {
      if (is_fatal(loaded.error())) return fail(std::move(loaded).error());
      append({finding_of(std::move(loaded).error().at(snapshot.path))});
      return {};
    }
    file.fuzzy_end = fuzzy_end(snapshot.zxid, loaded->tail, loaded->state.tree.digest());
    if (!file.fuzzy_end) file.fuzzy_end = snapshot.known_fuzzy_end;
    if (file.fuzzy_end && *file.fuzzy_end <= snapshot.zxid) {
      pending.push_back({&snapshot, snapshot.zxid, std::move(loaded->state)});
      return {};
    }
    // Where no section tells the fuzzy end, only the end of the logs is surely behind it.
    options.stop_at = file.fuzzy_end;
    Result<ReplayResult> result = replay(source_, listing_, &snapshot, options, ignored, job_);
    if (!result) return is_fatal(result.error()) ? Status(fail(std::move(result).error())) : Status();
    if (result->stopped_by) return {};  // the walk itself reports what stopped it
    const std::int64_t at = result->state.last_zxid;
    // The logs end inside its fuzzy window: the state is the exact one only if the snapshot's own digest says
    // so.
    const auto& digest = loaded->tail.digest;
    const bool exact = !file.fuzzy_end || at >= *file.fuzzy_end ||
                       (digest && digest->zxid == at && digest->version == kDigestVersion &&
                        static_cast<std::uint64_t>(digest->digest) == result->state.tree.digest());
    if (!exact) return {};
    pending.push_back({&snapshot, at, std::move(result->state)});
    return {};
  }

  void compare_pending(const State& state, std::vector<Pending>& pending) {
    for (auto at = pending.begin(); at != pending.end();) {
      if (at->compare_at > state.last_zxid) {
        ++at;
        continue;
      }
      const auto differences = compare_trees(state.tree, at->state.tree, 3);
      if (differences.empty()) {
        ++report_.snapshots_compared;
      } else {
        Finding finding;
        finding.severity = Severity::kDamage;
        finding.id = ErrorId::kDigestMismatch;
        finding.first_zxid = finding.last_zxid = at->compare_at;
        finding.message = fmt::format("differs from the replayed tree at {} ({}: {})",
                                      zxid_text(at->compare_at), differences[0].path, differences[0].what);
        finding.file = at->file->path;
        report_.findings.push_back(std::move(finding));
      }
      at = pending.erase(at);
    }
  }

  /// From one base as far as it goes, comparing the snapshots on the way.
  Result<ReplayResult> replay_span(const SourceFile* base) {
    std::vector<Pending> pending;
    std::size_t first = 0;
    while (first < listing_.snapshots.size() && base != nullptr &&
           listing_.snapshots[first].zxid <= base->zxid)
      ++first;
    std::size_t next = first;
    const std::size_t findings_before = report_.findings.size();
    const std::uint64_t compared_before = report_.snapshots_compared;
    ReplayOptions options;
    options.on_restart = [&] {
      next = first;
      pending.clear();
      report_.findings.resize(findings_before);
      report_.snapshots_compared = compared_before;
    };
    options.on_record = [&](const State& state, const WalkEntry&) -> Status {
      while (next < listing_.snapshots.size() && listing_.snapshots[next].zxid <= state.last_zxid)
        ZK_TRY_STATUS(prepare(listing_.snapshots[next++], pending));
      compare_pending(state, pending);
      return {};
    };
    Findings findings;
    Result<ReplayResult> result = replay(source_, listing_, base, options, findings, job_);
    append(std::move(findings));
    return result;
  }

  /// In stretches, several at a time. False: something is odd, the slow way finds out what.
  Result<bool> replay_fast(const SourceFile* first_base, std::size_t first_next) {
    ZK_TRY(auto unbroken, replay_unbroken(source_, listing_, first_base, first_next, executor_, job_));
    if (!unbroken) return false;
    append(std::move(unbroken->findings));
    for (const auto& [snapshot, end] : unbroken->fuzzy_ends) report_of(*snapshot).fuzzy_end = end;
    report_.snapshots_compared += unbroken->snapshots_compared;
    take_state(unbroken->last);
    report_.replayed_txns = unbroken->txns;
    report_.base = unbroken->newest_agreed == nullptr ? std::string() : unbroken->newest_agreed->path;
    report_.certificate = std::move(unbroken->certificate);
    report_.windows.push_back({unbroken->exact_from, unbroken->last.state.last_zxid,
                               first_base == nullptr ? std::string() : first_base->path});
    return true;
  }

  Status replay_all() {
    job_.progress.phase = "replaying";
    const bool from_start = !listing_.logs.empty() && listing_.logs.front().zxid <= 1 &&
                            (listing_.snapshots.empty() || listing_.snapshots.front().zxid > 0);
    std::size_t next_base = 0;
    const SourceFile* base = nullptr;
    if (!from_start) {
      if (listing_.snapshots.empty()) return no_base();
      base = &listing_.snapshots[next_base++];
    }
    if (!has_severity(report_.findings, Severity::kGap)) {
      ZK_TRY(const bool unbroken, replay_fast(base, next_base));
      if (unbroken) return {};
    }
    Certificate whole;
    bool any = false;
    for (;;) {
      Result<ReplayResult> result = replay_span(base);
      std::int64_t reached = base == nullptr ? -1 : base->zxid;
      if (!result) {
        if (is_fatal(result.error())) return fail(std::move(result).error());
        append({finding_of(result.error())});
      } else {
        any = true;
        take_state(*result);
        report_.base = base == nullptr ? std::string() : base->path;
        if (base != nullptr) report_of(*base).fuzzy_end = result->fuzzy_end;
        reached = result->state.last_zxid;
        whole.add(result->certificate);
        if (reached >= result->fuzzy_end)
          report_.windows.push_back(
              {result->fuzzy_end, reached, base == nullptr ? std::string() : base->path});
      }
      // Behind a gap, damage, or the end of the logs only a later snapshot goes on.
      while (next_base < listing_.snapshots.size() && listing_.snapshots[next_base].zxid <= reached)
        ++next_base;
      if (next_base == listing_.snapshots.size()) break;
      base = &listing_.snapshots[next_base++];
    }
    if (!any) return no_base();
    if (whole.grade == ProofGrade::kProven && whole.proven.size() > 1) whole.grade = ProofGrade::kPartly;
    report_.certificate = whole;
    return {};
  }

  Source& source_;
  Executor& executor_;
  Job& job_;
  std::function<void(const State&)> on_final_;
  SourceListing listing_;
  VerifyReport report_;
};

}  // namespace

Result<VerifyReport> verify(Source& source, VerifyDepth depth, Executor& executor, Job& job,
                            std::function<void(const State&)> on_final) {
  return Verifier(source, executor, job, std::move(on_final)).run(depth);
}

}  // namespace zkark::restore
