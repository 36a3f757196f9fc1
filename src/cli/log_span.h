#pragma once
// Which part of a history is meant: --zxid, --since, --until and SRC@POINT, as every verb that goes through
// the logs takes them.
//
// A range of times takes each transaction by its own time. Leaders' clocks step: behind a step back, later
// transactions carry earlier times, and no prefix of the history would hold all of a range and nothing else.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "restore/target.h"
#include "src/cli/context.h"
#include "src/cli/source_arg.h"
#include "src/cli/verb.h"

namespace zkark::cli {

/// Both ends included.
struct ZxidBounds {
  std::int64_t first = 0, last = INT64_MAX;
  bool first_given = false;
};
/// "0x5..0x10", "0x5..", "..0x10", or one zxid alone.
Result<ZxidBounds> parse_bounds(std::string_view text);

/// Both ends included.
struct LogSpan {
  std::int64_t first_zxid = 0, last_zxid = INT64_MAX;
  std::int64_t since_ms = INT64_MIN, until_ms = INT64_MAX;
  bool first_given = false;  // as a zxid: what purged logs held from there on is missing

  bool takes(std::int64_t zxid, std::int64_t time_ms) const {
    return zxid >= first_zxid && zxid <= last_zxid && time_ms >= since_ms && time_ms <= until_ms;
  }
  /// Of a finding: whether it lies where the records asked for would be.
  bool concerns(const restore::Finding& finding) const {
    if (finding.first_zxid && *finding.first_zxid > last_zxid) return false;
    return !finding.last_zxid || *finding.last_zxid >= first_zxid;
  }
  bool is_everything() const {
    return first_zxid <= 0 && last_zxid == INT64_MAX && since_ms == INT64_MIN && until_ms == INT64_MAX;
  }
};

/// Values of the options; a verb's Options derive from it, add_span_options() makes the rows.
struct SpanOptions {
  std::optional<ZxidBounds> zxids;
  std::optional<std::string> since, until;
  bool any() const { return zxids || since || until; }
};
template <class O>
void add_span_options(VerbBuilder<O>& verb, std::string_view heading = "") {
  using Text = std::optional<std::string> O::*;
  verb.parsed("zxid", "FIRST..LAST", static_cast<std::optional<ZxidBounds> O::*>(&SpanOptions::zxids),
              parse_bounds, "only these zxids; either end may be left out")
      .under(heading);
  verb.text("since", "POINT", static_cast<Text>(&SpanOptions::since),
            "only from this time or zxid on; latest: the newest transaction")
      .completes(Completes::kPoint)
      .under(heading);
  verb.text("until", "POINT", static_cast<Text>(&SpanOptions::until), "only up to this time or zxid")
      .completes(Completes::kPoint)
      .under(heading);
}

/// The same, read.
struct SpanRequest {
  ZxidBounds zxids;
  std::optional<restore::PointSpec> since, until;
};
/// kUsage for what is no time, no zxid and not the newest.
Result<SpanRequest> span_request(Context& context, const SpanOptions& options);
/// In a source; where SRC@POINT names a time, that is looked up as for a restore. Reads logs for that, and
/// for `latest`.
Result<LogSpan> span_in(const OpenedSource& opened, const restore::SourceListing& listing,
                        const SpanRequest& request, Job& job);
/// "0x1 2026-11-21 07:35:47.422Z to 0x62 2026-11-21 07:35:49.821Z": the first and the last record there is.
Result<std::string> logs_text(restore::Source& source, const restore::SourceListing& listing);

struct HistoryRequest {
  std::optional<std::string> source, log_dir, timeline, since, until;
};
struct History {
  OpenedSource opened;
  restore::SourceListing listing;
  LogSpan span;
  /// Of SRC@POINT: nothing later is looked at.
  std::int64_t last_zxid = INT64_MAX;
};
/// Opens it and lists its files; findings of that are shown. Errors of span_request() and resolve_target().
Result<History> open_history(Context& context, const HistoryRequest& request);
/// Those of the span, as something that was read past.
void show_span_findings(Context& context, const LogSpan& span, const restore::Findings& findings);

}  // namespace zkark::cli
