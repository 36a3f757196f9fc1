#pragma once
// A history to be gone through from --since to --until, as `sessions` and `top` ask for it.
#include <cstdint>
#include <optional>
#include <string>

#include "restore/target.h"
#include "src/cli/context.h"
#include "src/cli/source_arg.h"

namespace zkark::cli {

/// Both ends included.
struct LogSpan {
  std::int64_t first_zxid = 0, last_zxid = INT64_MAX;
  std::int64_t since_ms = INT64_MIN, until_ms = INT64_MAX;

  bool takes(std::int64_t zxid, std::int64_t time_ms) const {
    return zxid >= first_zxid && zxid <= last_zxid && time_ms >= since_ms && time_ms <= until_ms;
  }
  /// Of a finding: whether it lies where the records asked for would be.
  bool concerns(const restore::Finding& finding) const {
    if (finding.first_zxid && *finding.first_zxid > last_zxid) return false;
    return !finding.last_zxid || *finding.last_zxid >= first_zxid;
  }
};

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
/// Opens it and lists its files; findings of that are shown. kUsage for what is no time and no zxid.
Result<History> open_history(Context& context, const HistoryRequest& request);
/// Those of the span, as something that was read past.
void show_span_findings(Context& context, const LogSpan& span, const restore::Findings& findings);

}  // namespace zkark::cli
