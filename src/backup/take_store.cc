// What a backup reads of its source into the repository.
#include <algorithm>
#include <atomic>

#include "restore/log_walk.h"
#include "src/backup/join.h"
#include "src/backup/taker.h"

namespace zkark::backup {
namespace {

using restore::Finding;
using restore::SourceFile;

/// An increment looks so far behind the newest log's last record; a file that is no longer the newest is read
/// to its end.
constexpr std::uint64_t kPaddingLookBytes = 256u << 10;
/// Files read and encoded at the same time: each takes up to 20 MiB, and memory is not to grow with the
/// machine.
constexpr unsigned kStreams = 2;

/// Runs `tasks` in order, at most kStreams at a time.
Status run_streams(Executor& executor, const std::vector<std::function<Status()>>& tasks) {
  std::atomic<std::size_t> next{0};
  const auto stream = [&]() -> Status {
    for (std::size_t at = next++; at < tasks.size(); at = next++)
      if (Status status = tasks[at](); !status) {
        next = tasks.size();
        return status;
      }
    return {};
  };
  const std::size_t count = std::min<std::size_t>(std::min(executor.width(), kStreams), tasks.size());
  const std::vector<std::function<Status()>> streams(count, stream);
  return executor.run_all(streams);
}

}  // namespace

/// Text compresses to a fifth and better, and padding to nothing: what an eighth does not fit into is sure to
/// fail.
Status Taker::require_space() {
  std::uint64_t bytes = 0;
  const auto& logs = listing_.logs;
  if (full_) {
    for (const SourceFile& log : logs) bytes += log.size_bytes;
    if (!listing_.snapshots.empty()) bytes += listing_.snapshots.back().size_bytes;
  } else if (!logs.empty() && logs.back().path == continuity_.log_path) {
    bytes = logs.back().size_bytes - std::min(logs.back().size_bytes, continuity_.offset);
  }
  return writer_.require_space(bytes / 8);
}

/// The first of `candidates` that is complete and intact; damaged ones become findings.
Result<std::optional<CollectedBase>> Taker::store_usable(const std::vector<SourceFile>& candidates) {
  restore::Findings passed;
  std::uint64_t read = 0;
  for (const SourceFile& snapshot : candidates) {
    ZK_TRY(CollectedBase collected, collect_base(writer_, source_, snapshot, inline_, job_));
    read += collected.bytes_read;
    for (Finding& finding : collected.findings) passed.push_back(std::move(finding));
    collected.findings.clear();
    if (!collected.base) continue;
    collected.findings = std::move(passed);
    collected.bytes_read = read;
    return std::optional(std::move(collected));
  }
  if (passed.empty()) return std::optional<CollectedBase>();
  CollectedBase none;
  none.findings = std::move(passed);
  none.bytes_read = read;
  return std::optional(std::move(none));
}

void Taker::add_log_task(const SourceFile& log, bool newest, std::vector<std::function<Status()>>& tasks) {
  CollectLogOptions collect;
  collect.newest = newest;
  if (!full_) {
    collect.after_zxid = continuity_.stored_to;
    if (log.path == continuity_.log_path) collect.start_offset = continuity_.offset;
    if (newest) collect.padding_look_bytes = kPaddingLookBytes;
  }
  job_.progress.total += log.size_bytes - std::min(log.size_bytes, collect.start_offset);
  logs_.push_back(std::make_unique<CollectedLog>());
  CollectedLog& into = *logs_.back();
  tasks.emplace_back([this, log, collect, &into]() -> Status {
    ZK_TRY(into, collect_log(writer_, source_, log, collect, inline_, env_.clock, job_));
    // Padding and what is left out count as done.
    job_.progress.done += log.size_bytes - std::min(log.size_bytes, collect.start_offset + into.bytes_read);
    return {};
  });
}

/// The oldest usable base, every log, and the newest snapshot for a fast restore. Logs that begin with the
/// first txn need no base: the initial tree is built in.
Status Taker::store_full() {
  manifest_.type = BackupType::kFull;
  const auto& snapshots = listing_.snapshots;
  const std::vector<SourceFile> oldest(snapshots.begin(), snapshots.end()),
      newest(snapshots.rbegin(), snapshots.rend());
  std::vector<std::function<Status()>> tasks;
  bases_.resize(2);
  std::vector<SourceFile> logs = listing_.logs;
  const bool from_start = options_.history && !logs.empty() && logs.front().zxid <= 1;
  if (!options_.history) {
    ZK_TRY(bases_[0], store_usable(newest));
    if (bases_[0] && bases_[0]->base) logs = restore::logs_after(logs, bases_[0]->base->zxid);
  } else {
    // With one snapshot both are the same.
    if (!from_start && snapshots.size() > 1)
      tasks.emplace_back([&]() -> Status {
        ZK_TRY(bases_[1], store_usable(oldest));
        return {};
      });
    if (!snapshots.empty())
      tasks.emplace_back([&]() -> Status {
        ZK_TRY(bases_[0], store_usable(newest));
        return {};
      });
    if (!from_start && snapshots.size() > 1) job_.progress.total += snapshots.front().size_bytes;
    if (!snapshots.empty()) job_.progress.total += snapshots.back().size_bytes;
  }
  for (const SourceFile& log : logs) add_log_task(log, &log == &logs.back(), tasks);
  ZK_TRY_STATUS(run_streams(env_.executor, tasks));
  // The first record may be the damaged one.
  const bool really = std::any_of(logs_.begin(), logs_.end(), [](const auto& log) {
    return !log->segments.empty() && log->segments.front().first_zxid == 1;
  });
  if (from_start && !really && snapshots.size() > 1) {
    ZK_TRY(bases_[1], store_usable(oldest));
  }
  for (auto& base : bases_)
    if (base) take_base(std::move(*base));
  return {};
}

void Taker::take_base(CollectedBase collected) {
  for (Finding& finding : collected.findings) {
    const bool told = std::any_of(report_.findings.begin(), report_.findings.end(), [&](const Finding& old) {
      return old.file == finding.file && old.id == finding.id && old.offset == finding.offset;
    });
    if (!told) report_.findings.push_back(std::move(finding));
  }
  manifest_.source_bytes_read += collected.bytes_read;
  if (!collected.base) return;
  for (const StoredBase& base : manifest_.bases)
    if (base.zxid == collected.base->zxid) return;
  if (!collected.landmarks.empty() && manifest_.landmarks.empty())
    manifest_.landmarks = std::move(collected.landmarks);
  facts_.emplace_back(collected.base->zxid, std::move(collected.facts));
  manifest_.bases.push_back(std::move(*collected.base));
  std::sort(manifest_.bases.begin(), manifest_.bases.end(),
            [](const StoredBase& a, const StoredBase& b) { return a.zxid < b.zxid; });
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
  for (const SourceFile& log : logs) add_log_task(log, &log == &logs.back(), tasks);
  return run_streams(env_.executor, tasks);
}

/// What was read of each log, as one ascending list of segments that do not contradict each other.
Status Taker::gather() {
  for (const auto& log : logs_) {
    manifest_.source_bytes_read += log->bytes_read;
    for (StoredSegment& segment : log->segments) manifest_.segments.push_back(std::move(segment));
    for (Finding& finding : log->findings) report_.findings.push_back(std::move(finding));
  }
  logs_.clear();
  return drop_contradictions(writer_.repository(), manifest_.segments, report_.findings, job_);
}

}  // namespace zkark::backup
