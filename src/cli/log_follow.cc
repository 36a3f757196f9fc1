// `log --follow`: what is there, then every transaction as the server logs it.
#include <fmt/format.h>

#include <optional>

#include "restore/live_log.h"
#include "src/cli/change_print.h"
#include "src/cli/log_run.h"
#include "src/cli/text.h"

namespace zkark::cli {
namespace {

using forensics::Change;

class Following {
 public:
  Following(Context& context, const LogRequest& wanted, restore::Source& source,
            const restore::SourceListing& listing)
      : context_(context),
        wanted_(wanted),
        source_(source),
        listing_(listing),
        outcome_(context, wanted),
        plain_(context.output.format(), context.output.color(), "zkark.log/1"),
        changing_(context.output.format(), context.output.color(), "zkark.log/1", wanted.patch) {}

  Status run();

 private:
  Status follow();
  Status follow_changes(const restore::LogWalkOptions& walk);
  Status follow_records(const restore::LogWalkOptions& walk);
  std::unique_ptr<restore::LiveLog> open(restore::LogWalkOptions walk);
  Status take(const restore::WalkEntry& walk, std::span<const Change> changes);
  Status pause();
  void flush();
  Status tell_cut(const restore::LiveLog::Cut& cut);
  void finish();

  Context& context_;
  const LogRequest& wanted_;
  restore::Source& source_;
  restore::SourceListing listing_;
  restore::Findings findings_;
  std::size_t shown_ = 0;  // of the findings
  LogOutcome outcome_;
  TxnPrinter plain_;
  ChangePrinter changing_;
  ChangeTotals totals_;
  std::optional<forensics::TxnChooser> chooser_;
  std::optional<restore::LiveLog::Cut> cut_;
  std::int64_t first_zxid_ = 0;  // of what is asked for and was not given yet
  bool done_ = false;
  TextBuffer block_;
  std::string file_;
};

void Following::flush() {
  context_.output.write_block(block_.view());
  block_.clear();
}

/// All that is there has been given.
Status Following::pause() {
  flush();
  outcome_.show(findings_, shown_);
  shown_ = findings_.size();
  context_.job.progress.phase = nullptr;
  return {};
}

std::unique_ptr<restore::LiveLog> Following::open(restore::LogWalkOptions walk) {
  restore::LiveLogOptions options;
  options.walk = walk;
  options.before_wait = [this] { return pause(); };
  return std::make_unique<restore::LiveLog>(source_, listing_, std::move(options), findings_, context_.clock,
                                            context_.job);
}

Status Following::take(const restore::WalkEntry& walk, std::span<const Change> changes) {
  outcome_.check_beginning(walk, findings_);
  ZK_TRY(const bool taken, chooser_->takes(walk.entry.txn));
  const std::int64_t zxid = walk.entry.zxid();
  if (taken && zxid >= first_zxid_) {
    if (walk.file->path != file_) {
      file_ = walk.file->path;
      plain_.set_file(base_name(file_));
      changing_.set_file(base_name(file_));
    }
    if (wanted_.wants_changes())
      changing_.print(walk.entry, changes, block_);
    else
      plain_.print(walk.entry, block_);
    totals_.add(walk.entry.txn, changes);
    outcome_.count(walk.entry.txn);
    if (block_.size() >= kLogBlockBytes) flush();
  }
  done_ = outcome_.reached_limit() || zxid >= wanted_.span.last_zxid;
  return {};
}

Status Following::follow_records(const restore::LogWalkOptions& walk) {
  const std::unique_ptr<restore::LiveLog> live = open(walk);
  restore::WalkEntry entry;
  for (std::uint64_t n = 0; !done_; ++n) {
    if ((n & 1023) == 0) ZK_TRY_STATUS(context_.job.check());
    ZK_TRY(const bool more, live->next_into(entry));
    if (!more) break;
    if (entry.entry.zxid() > wanted_.span.last_zxid) return {};
    ZK_TRY_STATUS(take(entry, {}));
  }
  cut_ = live->cut();
  return {};
}

/// A stream that ends where its reader has had enough.
class UntilDone final : public restore::RecordStream {
 public:
  UntilDone(std::unique_ptr<restore::LiveLog> live, const bool& done,
            std::optional<restore::LiveLog::Cut>& cut)
      : live_(std::move(live)), done_(done), cut_(cut) {}
  Result<bool> next_into(restore::WalkEntry& walk) override {
    if (done_) return false;
    ZK_TRY(const bool more, live_->next_into(walk));
    if (!more) cut_ = live_->cut();
    return more;
  }

 private:
  std::unique_ptr<restore::LiveLog> live_;
  const bool& done_;
  std::optional<restore::LiveLog::Cut>& cut_;
};

Status Following::follow_changes(const restore::LogWalkOptions& walk) {
  forensics::ChangeWalkOptions options;
  options.paths = wanted_.filter.paths;
  options.first_zxid = walk.after_zxid + 1;
  options.last_zxid = wanted_.span.last_zxid;
  options.open_records = [this](const restore::LogWalkOptions& from) {
    return std::make_unique<UntilDone>(open(from), done_, cut_);
  };
  const auto visit = [this](const restore::WalkEntry& entry, std::span<const Change> changes,
                            const restore::State&) { return take(entry, changes); };
  ZK_TRY_STATUS(forensics::walk_changes(source_, listing_, options, visit, findings_, context_.job));
  return {};
}

/// From here on: the whole source, and again after each cut.
Status Following::follow() {
  restore::LogWalkOptions walk;
  walk.after_zxid = std::max<std::int64_t>(wanted_.span.first_zxid - 2, 0);
  first_zxid_ = wanted_.span.first_zxid;
  while (!done_) {
    cut_.reset();
    chooser_.emplace(wanted_.filter, source_, listing_, context_.job);
    ZK_TRY_STATUS(wanted_.wants_changes() ? follow_changes(walk) : follow_records(walk));
    if (!cut_) return {};
    ZK_TRY_STATUS(tell_cut(*cut_));
    walk.after_zxid = std::max<std::int64_t>(cut_->last_zxid, 0);
    first_zxid_ = std::max(wanted_.span.first_zxid, cut_->last_zxid + 1);
    ZK_TRY(listing_, source_.list());
  }
  return {};
}

Status Following::tell_cut(const restore::LiveLog::Cut& cut) {
  ZK_TRY_STATUS(pause());
  context_.output.warn(
      cut.found
          ? fmt::format("the server cut its log back to {}: transactions behind that, up to {}, are "
                        "withdrawn",
                        zxid_text(cut.last_zxid), zxid_text(cut.given_zxid))
          : fmt::format("the log was written anew: transactions from {} to {}, and perhaps earlier ones, "
                        "are no longer in it",
                        zxid_text(cut.last_zxid + 1), zxid_text(cut.given_zxid)));
  if (context_.output.format() != Format::kNdjson) return {};
  JsonWriter json(block_);
  json.begin_document("zkark.log/1").key("record").string("cut");
  json.key("last_zxid").hex(cut.last_zxid).key("withdrawn_zxid").hex(cut.given_zxid);
  json.key("found").boolean(cut.found).end_object();
  json.end_line();
  return {};
}

void Following::finish() {
  outcome_.show(findings_, shown_);
  Report summary = outcome_.summary();
  if (wanted_.wants_changes()) totals_.fields(summary);
  if (wanted_.wants_changes())
    changing_.end(summary, block_);
  else
    plain_.end(summary, block_);
  if (wanted_.stat && context_.output.is_table()) {
    block_.append(totals_.text());
    block_.end_line();
  }
  flush();
}

Status Following::run() {
  context_.job.progress.phase = "reading";
  if (wanted_.wants_changes())
    changing_.begin(block_);
  else
    plain_.begin(block_);
  done_ = wanted_.limit == 0;
  Status outcome = follow();
  const bool interrupted = !outcome && outcome.error().id() == ErrorId::kCancelled;
  if (!outcome && !interrupted) {
    flush();
    return outcome;
  }
  finish();
  // Being stopped is how it ends: not worth a message, but told by the status.
  if (interrupted && !context_.output.reader_gone()) context_.output.exit().add(ErrorId::kCancelled);
  return {};
}

}  // namespace

Status follow_log(Context& context, const LogRequest& request, restore::Source& source,
                  const restore::SourceListing& listing) {
  return Following(context, request, source, listing).run();
}

}  // namespace zkark::cli
