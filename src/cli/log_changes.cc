// `log --stat` and `log --patch`: the records together with what was there before and after each.
//
// That takes the tree. One pass over the logs finds out which stretch is meant, so that the replay can start
// at the newest snapshot before it.
#include <fmt/format.h>

#include <algorithm>
#include <deque>

#include "src/cli/change_print.h"
#include "src/cli/log_run.h"
#include "src/cli/text.h"

namespace zkark::cli {
namespace {

using forensics::Change;

/// What is left to be printed: up to `limit` records in [first_zxid, last_zxid].
struct Stretch {
  std::int64_t first_zxid = INT64_MAX, last_zxid = INT64_MIN;
  bool any() const { return first_zxid <= last_zxid; }
};

class ChangeLog {
 public:
  ChangeLog(Context& context, const LogRequest& wanted, restore::Source& source,
            const restore::SourceListing& listing)
      : context_(context),
        wanted_(wanted),
        source_(source),
        listing_(listing),
        chooser_(wanted.filter, source, listing, context.job),
        outcome_(context, wanted),
        printer_(context.output.format(), context.output.color(), "zkark.log/1", wanted.patch) {}

  Status run();

 private:
  Result<Stretch> find_stretch();
  Status replay(const Stretch& stretch);
  Status take(const restore::WalkEntry& walk, std::span<const Change> changes);
  void begin_phase(const char* phase);
  void advance(const restore::WalkEntry& walk);
  void write(TextBuffer& block);
  void write_held();

  Context& context_;
  const LogRequest& wanted_;
  restore::Source& source_;
  const restore::SourceListing& listing_;
  restore::Findings findings_;  // of the first pass, which sees every record asked for
  forensics::TxnChooser chooser_;
  LogOutcome outcome_;
  ChangePrinter printer_;
  ChangeTotals totals_;
  const restore::SourceFile* progress_file_ = nullptr;
  std::uint64_t bytes_before_ = 0;
  TextBuffer block_;
  std::deque<std::string> held_;  // with --reverse
  std::uint64_t skip_ = 0;        // records of the first zxid that a limit counted from the end leaves out
  std::string file_;
};

void ChangeLog::begin_phase(const char* phase) {
  std::uint64_t total = 0;
  for (const restore::SourceFile& log : listing_.logs) total += log.size_bytes;
  progress_file_ = nullptr;
  bytes_before_ = 0;
  context_.job.progress.done = 0;
  context_.job.progress.total = total;
  context_.job.progress.phase = phase;
}

void ChangeLog::advance(const restore::WalkEntry& walk) {
  if (progress_file_ != nullptr && walk.file != progress_file_) bytes_before_ += progress_file_->size_bytes;
  progress_file_ = walk.file;
  context_.job.progress.done = bytes_before_ + walk.entry.end_offset();
}

/// Goes over all records once.
Result<Stretch> ChangeLog::find_stretch() {
  Stretch stretch;
  restore::LogWalkOptions options;
  options.after_zxid = std::max<std::int64_t>(wanted_.span.first_zxid - 2, 0);
  options.overlaps = listing_.logs_overlap;
  restore::LogWalk walk(source_, listing_.logs, options, findings_);
  std::deque<std::int64_t> newest;  // with --reverse, the last `limit` ones
  std::uint64_t taken = 0;
  restore::WalkEntry entry;
  begin_phase("reading");
  for (std::uint64_t n = 0; taken < wanted_.limit || wanted_.reverse; ++n) {
    if ((n & 1023) == 0) ZK_TRY_STATUS(context_.job.check());
    ZK_TRY(const bool more, walk.next_into(entry));
    if (!more || entry.entry.zxid() > wanted_.span.last_zxid) break;
    if ((n & 1023) == 0) advance(entry);
    outcome_.check_beginning(entry, findings_);
    ZK_TRY(const bool takes, chooser_.takes(entry.entry.txn));
    if (!takes) continue;
    ++taken;
    const std::int64_t zxid = entry.entry.zxid();
    stretch.first_zxid = std::min(stretch.first_zxid, zxid);
    stretch.last_zxid = std::max(stretch.last_zxid, zxid);
    if (!wanted_.reverse || wanted_.limit == UINT64_MAX) continue;
    newest.push_back(zxid);
    if (newest.size() <= wanted_.limit) continue;
    const std::int64_t left_out = newest.front();
    newest.pop_front();
    skip_ = !newest.empty() && newest.front() == left_out ? skip_ + 1 : 0;
  }
  if (!newest.empty()) stretch.first_zxid = *std::min_element(newest.begin(), newest.end());
  return wanted_.limit == 0 ? Stretch() : stretch;
}

void ChangeLog::write(TextBuffer& block) {
  context_.output.write_block(block.view());
  block.clear();
}

Status ChangeLog::take(const restore::WalkEntry& walk, std::span<const Change> changes) {
  if (walk.file->path != file_) {
    file_ = walk.file->path;
    printer_.set_file(base_name(file_));
  }
  if (skip_ != 0) {
    --skip_;
    return {};
  }
  if (outcome_.reached_limit()) return {};
  printer_.print(walk.entry, changes, block_);
  totals_.add(walk.entry.txn, changes);
  outcome_.count(walk.entry.txn);
  if (!wanted_.reverse) {
    if (block_.size() >= kLogBlockBytes) write(block_);
    return {};
  }
  held_.emplace_back(block_.view());
  block_.clear();
  return {};
}

Status ChangeLog::replay(const Stretch& stretch) {
  forensics::ChangeWalkOptions options;
  options.paths = wanted_.filter.paths;
  options.first_zxid = stretch.first_zxid;
  options.last_zxid = stretch.last_zxid;
  forensics::TxnChooser chooser(wanted_.filter, source_, listing_, context_.job);
  std::uint64_t visits = 0;
  const auto visit = [&](const restore::WalkEntry& walk, std::span<const Change> changes,
                         const restore::State&) -> Status {
    if ((visits++ & 1023) == 0) advance(walk);
    ZK_TRY(const bool taken, chooser.takes(walk.entry.txn));
    return taken ? take(walk, changes) : Status();
  };
  begin_phase("replaying");
  restore::Findings met;
  ZK_TRY_STATUS(forensics::walk_changes(source_, listing_, options, visit, met, context_.job));
  const std::size_t known = findings_.size();
  for (restore::Finding& finding : met) {
    const auto same = [&](const restore::Finding& one) {
      return one.id == finding.id && one.file == finding.file && one.offset == finding.offset;
    };
    if (std::none_of(findings_.begin(), findings_.begin() + static_cast<std::ptrdiff_t>(known), same))
      findings_.push_back(std::move(finding));
  }
  return {};
}

void ChangeLog::write_held() {
  for (; !held_.empty() && !context_.job.stopped(); held_.pop_back()) {
    block_.append(held_.back());
    if (block_.size() >= kLogBlockBytes) write(block_);
  }
}

Status ChangeLog::run() {
  ZK_TRY(const Stretch stretch, find_stretch());
  printer_.begin(block_);
  if (stretch.any()) ZK_TRY_STATUS(replay(stretch));
  write_held();
  outcome_.show(findings_);
  Report summary = outcome_.summary();
  totals_.fields(summary);
  printer_.end(summary, block_);
  if (wanted_.stat && context_.output.is_table()) {
    block_.append(totals_.text());
    block_.end_line();
  }
  write(block_);
  if (wanted_.stat && totals_.last_session() != 0)
    context_.output.note(fmt::format("who: zkark sessions {} {}", source_.description(),
                                     hex_text(static_cast<std::uint64_t>(totals_.last_session()))));
  ZK_TRY_STATUS(outcome_.explain(chooser_, source_, listing_));
  return context_.job.check();
}

}  // namespace

Status print_log_with_changes(Context& context, const LogRequest& request, restore::Source& source,
                              const restore::SourceListing& listing) {
  return ChangeLog(context, request, source, listing).run();
}

}  // namespace zkark::cli
