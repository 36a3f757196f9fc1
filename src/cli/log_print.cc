// `log` as the records stand in the files: what has to be fast.
#include <functional>
#include <memory>

#include "src/cli/log_run.h"
#include "src/cli/txn_print.h"

namespace zkark::cli {
namespace {

/// Records one behind the other in one file, of which some are asked for: the unit of going backwards.
struct Run {
  const restore::SourceFile* file = nullptr;
  std::uint64_t offset = 0, end_offset = 0;
  std::uint32_t records = 0;
};
constexpr std::uint32_t kMaxRunRecords = 512;
constexpr std::uint64_t kMaxRunBytes = 1 << 20;

class LogPrinting {
 public:
  LogPrinting(Context& context, const LogRequest& wanted, restore::Source& source,
              const restore::SourceListing& listing)
      : context_(context),
        wanted_(wanted),
        source_(source),
        listing_(listing),
        walk_(source, listing.logs, walk_options(wanted, listing), findings_),
        chooser_(wanted.filter, source, listing, context.job),
        outcome_(context, wanted),
        printer_(context.output.format(), context.output.color(), "zkark.log/1") {}

  Status run();

 private:
  using Fill = Status (LogPrinting::*)(TextBuffer&);
  static restore::LogWalkOptions walk_options(const LogRequest& wanted,
                                              const restore::SourceListing& listing) {
    // One record before the first is looked at, to see that nothing is missing between the two.
    restore::LogWalkOptions options;
    options.after_zxid = std::max<std::int64_t>(wanted.span.first_zxid - 2, 0);
    options.overlaps = listing.logs_overlap;
    return options;
  }
  Status print_blocks(Fill fill);
  Status fill_forwards(TextBuffer& out);
  Status fill_backwards(TextBuffer& out);
  Status find_runs();
  Status print_run(const Run& run, TextBuffer& out);
  Result<bool> next();
  void show_findings();
  void print(const TxnEntry& entry, const restore::SourceFile& file, TextBuffer& out);

  Context& context_;
  const LogRequest& wanted_;
  restore::Source& source_;
  const restore::SourceListing& listing_;
  restore::Findings findings_;
  restore::LogWalk walk_;
  restore::WalkEntry walked_;
  forensics::TxnChooser chooser_;
  LogOutcome outcome_;
  TxnPrinter printer_;
  bool done_ = false;
  const restore::SourceFile* file_ = nullptr;  // that the printer shows
  std::uint64_t file_bytes_before_ = 0;
  // Going backwards:
  std::vector<Run> runs_;
  const restore::SourceFile* open_file_ = nullptr;
  std::unique_ptr<File> file_handle_;
  std::unique_ptr<TxnLogReader> reader_;
};

/// Called between blocks: messages are for one thread.
void LogPrinting::show_findings() {
  outcome_.show(findings_);
  findings_.clear();
}

/// The next record asked for; false at the end of what is asked for.
Result<bool> LogPrinting::next() {
  for (std::uint64_t seen = 0;; ++seen) {
    if ((seen & 1023) == 0) ZK_TRY_STATUS(context_.job.check());
    ZK_TRY(const bool more, walk_.next_into(walked_));
    if (!more) return false;
    outcome_.check_beginning(walked_, findings_);
    if (walked_.entry.zxid() > wanted_.span.last_zxid) return false;
    ZK_TRY(const bool taken, chooser_.takes(walked_.entry.txn));
    if (taken) return true;
  }
}

void LogPrinting::print(const TxnEntry& entry, const restore::SourceFile& file, TextBuffer& out) {
  if (&file != file_) {
    if (file_ != nullptr) file_bytes_before_ += file_->size_bytes;
    file_ = &file;
    printer_.set_file(base_name(file.path));
  }
  printer_.print(entry, out);
  outcome_.count(entry.txn);
}

Status LogPrinting::fill_forwards(TextBuffer& out) {
  while (out.size() < kLogBlockBytes) {
    if (outcome_.reached_limit()) {
      done_ = true;
      return {};
    }
    ZK_TRY(const bool more, next());
    if (!more) {
      done_ = true;
      return {};
    }
    print(walked_.entry, *walked_.file, out);
  }
  context_.job.progress.done = file_bytes_before_ + walked_.entry.end_offset();
  return {};
}

/// Goes over all records once and notes where they are, with what is wrong with them.
Status LogPrinting::find_runs() {
  for (;;) {
    ZK_TRY(const bool more, next());
    if (!findings_.empty()) show_findings();
    if (!more) return {};
    const TxnEntry& entry = walked_.entry;
    const bool joins = !runs_.empty() && runs_.back().file == walked_.file &&
                       runs_.back().end_offset == entry.offset && runs_.back().records < kMaxRunRecords &&
                       entry.end_offset() - runs_.back().offset <= kMaxRunBytes;
    if (!joins) runs_.push_back({walked_.file, entry.offset, entry.offset, 0});
    runs_.back().end_offset = entry.end_offset();
    ++runs_.back().records;
  }
}

Status LogPrinting::print_run(const Run& run, TextBuffer& out) {
  if (run.file != open_file_) {
    ZK_TRY(file_handle_, source_.open(*run.file));
    reader_ = std::make_unique<TxnLogReader>(*file_handle_);
    open_file_ = run.file;
  }
  reader_->seek(run.offset);
  std::string bytes;
  std::vector<std::size_t> ends = {0};
  TxnEntry entry;
  for (std::uint32_t i = 0; i < run.records; ++i) {
    ZK_TRY(const bool more, reader_->next_into(entry));
    if (!more)
      return fail(Error(ErrorId::kTruncated, "the log became shorter while it was read")
                      .at(run.file->path, reader_->offset()));
    bytes += as_text(entry.record);
    ends.push_back(bytes.size());
  }
  for (std::size_t i = ends.size() - 1; i-- > 0 && !outcome_.reached_limit();) {
    entry.record = as_bytes(bytes).subspan(ends[i], ends[i + 1] - ends[i]);
    entry.offset = run.offset + ends[i];
    ZK_TRY_STATUS(decode_txn_into(
        entry.txn, entry.record.subspan(kRecordPrefixBytes, entry.record.size() - kRecordPrefixBytes - 1)));
    print(entry, *run.file, out);
  }
  return {};
}

Status LogPrinting::fill_backwards(TextBuffer& out) {
  while (out.size() < kLogBlockBytes) {
    ZK_TRY_STATUS(context_.job.check());
    if (runs_.empty() || outcome_.reached_limit()) {
      done_ = true;
      return {};
    }
    ZK_TRY_STATUS(print_run(runs_.back(), out));
    runs_.pop_back();
  }
  return {};
}

/// While one block of text is written, the next one is made: into a file or pipe, writing takes as long as
/// the rest.
Status LogPrinting::print_blocks(Fill fill) {
  TextBuffer blocks[2];
  std::size_t filling = 0;
  Status outcome;
  printer_.begin(blocks[0]);
  while (!done_ && outcome) {
    TextBuffer& full = blocks[1 - filling];
    const std::function<Status()> tasks[] = {[&] { return (this->*fill)(blocks[filling]); },
                                             [&]() -> Status {
                                               context_.output.write_block(full.view());
                                               full.clear();
                                               return {};
                                             }};
    outcome = full.size() == 0 ? tasks[0]() : context_.executor.run_all(tasks);
    show_findings();
    filling = 1 - filling;
  }
  TextBuffer& last = blocks[1 - filling];
  if (outcome) printer_.end(outcome_.summary(), last);
  context_.output.write_block(last.view());
  if (!outcome) return outcome;
  return outcome_.explain(chooser_, source_, listing_);
}

Status LogPrinting::run() {
  for (const restore::SourceFile& log : listing_.logs) context_.job.progress.total += log.size_bytes;
  context_.job.progress.phase = "reading";
  if (!wanted_.reverse) return print_blocks(&LogPrinting::fill_forwards);
  ZK_TRY_STATUS(find_runs());
  return print_blocks(&LogPrinting::fill_backwards);
}

}  // namespace

Status print_log(Context& context, const LogRequest& request, restore::Source& source,
                 const restore::SourceListing& listing) {
  return LogPrinting(context, request, source, listing).run();
}

}  // namespace zkark::cli
