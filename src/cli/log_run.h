#pragma once
// The ways `log` goes through records: as they stand in the files (log_print.cc), with what they changed
// (log_changes.cc), and on and on (log_follow.cc); and what these share.
#include <cstdint>
#include <string>

#include "restore/log_walk.h"
#include "src/cli/context.h"
#include "src/cli/log_span.h"
#include "src/cli/table.h"
#include "src/cli/text_buffer.h"
#include "src/forensics/filter.h"

namespace zkark::cli {

struct LogRequest {
  LogSpan span;
  forensics::TxnFilter filter;  // the span included
  std::uint64_t limit = UINT64_MAX;
  bool reverse = false, follow = false;
  bool stat = false, patch = false;
  bool wants_changes() const { return stat || patch; }
};

/// So much text is put together before it is written.
inline constexpr std::size_t kLogBlockBytes = 2 << 20;

/// What was printed, and what is to be said about it. For the thread that prints.
class LogOutcome {
 public:
  LogOutcome(Context& context, const LogRequest& request) : context_(context), request_(request) {}

  /// One was printed.
  void count(const Txn& txn);
  std::uint64_t txns() const { return txns_; }
  bool reached_limit() const { return txns_ >= request_.limit; }
  /// Of the first record that was read: adds what older, purged logs must have held, where it is asked for.
  void check_beginning(const restore::WalkEntry& walk, restore::Findings& findings);
  /// Shows those from `from` on that lie where the records asked for would be.
  void show(const restore::Findings& findings, std::size_t from = 0);
  Report summary() const;
  /// What an empty or a strange answer needs to be understood, on stderr.
  Status explain(const forensics::TxnChooser& chooser, restore::Source& source,
                 const restore::SourceListing& listing);

 private:
  Context& context_;
  const LogRequest& request_;
  bool first_seen_ = false, complete_ = true;
  std::uint64_t txns_ = 0, failed_ = 0;
  std::int64_t first_zxid_ = INT64_MAX, last_zxid_ = INT64_MIN;
  std::int64_t first_time_ms_ = INT64_MAX, last_time_ms_ = INT64_MIN;
};

/// Memory: a few blocks of text; with `reverse` where records are, 24 bytes for a run of up to 512.
Status print_log(Context& context, const LogRequest& request, restore::Source& source,
                 const restore::SourceListing& listing);
/// Memory: the part of the tree that the paths asked for lie in; with `reverse` all that is printed.
Status print_log_with_changes(Context& context, const LogRequest& request, restore::Source& source,
                              const restore::SourceListing& listing);
/// Ends when the job is stopped (exit 130), at the limit, at the last zxid asked for.
Status follow_log(Context& context, const LogRequest& request, restore::Source& source,
                  const restore::SourceListing& listing);

}  // namespace zkark::cli
