#include "restore/repair_scan.h"

#include <algorithm>
#include <map>

#include "restore/log_walk.h"

namespace zkark::restore {
namespace {

/// Grows the scan record by record.
class Scanner {
 public:
  Scanner(const std::vector<SourceFile>& logs, std::optional<std::int64_t> look_for, LogScan& scan)
      : look_for_(look_for), scan_(scan) {
    for (std::size_t i = 0; i < logs.size(); ++i) index_[logs[i].path] = i;
    scan_.sound.assign(logs.size(), true);
  }

  void add(const WalkEntry& walk) {
    const std::int64_t zxid = walk.entry.zxid();
    note_neighbours(zxid);
    if (walk.file != file_) {
      file_ = walk.file;
      log_ = index_.at(file_->path);
    }
    // Behind damage nobody can say how many records the old epoch had.
    const bool lost = since_last(
        [](const Finding& one) { return one.severity == Severity::kDamage && one.first_zxid.has_value(); });
    const bool touched = since_last([](const Finding& one) { return one.end_offset.has_value(); });
    const bool epoch = walk.step == Step::kEpoch;
    const bool hole = walk.step == Step::kGap || walk.step == Step::kBackwards || (epoch && lost);
    if (scan_.runs.empty() || hole)
      scan_.runs.push_back({zxid, zxid, {}});
    else if (epoch)
      scan_.runs.back().epoch_steps.push_back(walk.previous_zxid);
    scan_.runs.back().last_zxid = zxid;

    const std::size_t run = scan_.runs.size() - 1;
    LogPiece* last = scan_.pieces.empty() ? nullptr : &scan_.pieces.back();
    // The same record twice, which the walk gives once, is no break.
    const bool goes_on = last != nullptr && last->log == log_ && last->run == run && !epoch &&
                         (last->end == walk.entry.offset || !touched);
    if (!goes_on) last = &scan_.pieces.emplace_back(LogPiece{log_, run, walk.entry.offset, 0, zxid, 0, 0});
    last->end = walk.entry.end_offset();
    last->last_zxid = zxid;
    ++last->txns;
    judged_ = scan_.findings.size();
  }

  /// What is wrong with a file is in the findings about it.
  void finish() {
    for (const Finding& finding : scan_.findings) {
      const auto log = index_.find(finding.file);
      if (log == index_.end()) continue;
      const bool torn = finding.severity == Severity::kNote && finding.id == ErrorId::kTruncated;
      if (finding.end_offset || torn) scan_.sound[log->second] = false;
    }
  }

 private:
  template <class Is>
  bool since_last(Is is) const {
    return std::any_of(scan_.findings.begin() + static_cast<std::ptrdiff_t>(judged_), scan_.findings.end(),
                       is);
  }

  void note_neighbours(std::int64_t zxid) {
    if (!look_for_) return;
    if (zxid == *look_for_) scan_.met = true;
    if (zxid < *look_for_) scan_.below = std::max(scan_.below.value_or(zxid), zxid);
    if (zxid > *look_for_) scan_.above = std::min(scan_.above.value_or(zxid), zxid);
  }

  const std::optional<std::int64_t> look_for_;
  LogScan& scan_;
  std::map<std::string, std::size_t> index_;
  const SourceFile* file_ = nullptr;
  std::size_t log_ = 0;
  std::size_t judged_ = 0;  // findings that came before the last record
};

}  // namespace

std::int64_t LogScan::last_zxid() const {
  std::int64_t last = 0;
  for (const LogRun& run : runs) last = std::max(last, run.last_zxid);
  return last;
}

Result<LogScan> scan_logs(Source& source, const std::vector<SourceFile>& logs,
                          std::optional<std::int64_t> look_for, Job& job) {
  LogScan scan;
  Scanner scanner(logs, look_for, scan);
  LogWalkOptions options;
  options.after_zxid = INT64_MIN;  // every record of every file
  LogWalk walk(source, logs, options, scan.findings);
  WalkEntry entry;
  for (std::uint64_t n = 0;; ++n) {
    if ((n & 4095) == 0) ZK_TRY_STATUS(job.check());
    ZK_TRY(const bool more, walk.next_into(entry));
    if (!more) break;
    scanner.add(entry);
  }
  scanner.finish();
  return scan;
}

Result<LogPiece> cut_piece(Source& source, const std::vector<SourceFile>& logs, const LogPiece& piece,
                           std::int64_t zxid, Job& job) {
  if (piece.last_zxid <= zxid) return piece;
  LogPiece front = piece;
  front.txns = 0;
  front.end = piece.begin;
  ZK_TRY(const auto file, source.open(logs[piece.log]));
  TxnLogReader reader(*file);
  reader.seek(piece.begin);
  ZK_TRY_STATUS(reader.skip_damage());  // finds it at once, and does not ask for a header
  TxnEntry entry;
  for (;;) {
    if ((front.txns & 4095) == 0) ZK_TRY_STATUS(job.check());
    ZK_TRY(const bool more, reader.next_into(entry));
    if (!more || entry.zxid() > zxid || entry.offset >= piece.end) return front;
    front.end = entry.end_offset();
    front.last_zxid = entry.zxid();
    ++front.txns;
  }
}

}  // namespace zkark::restore
