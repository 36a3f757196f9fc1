#include "src/cli/log_span.h"

#include <fmt/format.h>

#include <algorithm>

#include "restore/log_walk.h"
#include "src/cli/point_in_time.h"
#include "src/cli/show_findings.h"
#include "src/cli/text.h"
#include "src/cli/values.h"

namespace zkark::cli {
namespace {

using Kind = restore::PointSpec::Kind;

/// A point that a span can begin or end with.
Result<restore::PointSpec> parse_end(std::string_view text, Context& context) {
  ZK_TRY(restore::PointSpec point, parse_point(text, context));
  const bool backup = point.kind == Kind::kBackup || point.back != 0;
  if (!backup) return point;
  return fail(Error(ErrorId::kUsage, fmt::format("'{}' is no time and no zxid", text))
                  .with_hint("give a time such as '2 hours ago' or a zxid such as zxid:0x10000000b; where a "
                             "backup ends, `zkark list` shows"));
}

/// The last record that can be read; damage is the business of whoever reads on.
Result<std::optional<TxnHeader>> last_record(restore::Source& source, const restore::SourceListing& listing,
                                             Job& job) {
  for (auto log = listing.logs.rbegin(); log != listing.logs.rend(); ++log) {
    restore::Findings ignored;
    restore::LogWalk walk(source, {*log}, {}, ignored);
    restore::WalkEntry entry;
    std::optional<TxnHeader> last;
    for (std::uint64_t n = 0;; ++n) {
      if ((n & 1023) == 0) ZK_TRY_STATUS(job.check());
      ZK_TRY(const bool more, walk.next_into(entry));
      if (!more) break;
      last = entry.entry.txn.header;
    }
    if (last) return last;
  }
  return std::optional<TxnHeader>();
}

Status begin_at(const restore::PointSpec& point, const OpenedSource& opened,
                const restore::SourceListing& listing, Job& job, LogSpan& span) {
  if (point.kind == Kind::kTime) {
    span.since_ms = std::max(span.since_ms, point.time.ms);
    return {};
  }
  if (point.kind == Kind::kZxid) {
    span.first_zxid = std::max(span.first_zxid, point.zxid);
    span.first_given = true;
    return {};
  }
  ZK_TRY(const std::optional<TxnHeader> last, last_record(*opened.source, listing, job));
  if (last) span.first_zxid = std::max(span.first_zxid, last->zxid);
  return {};
}

void end_at(const restore::PointSpec& point, LogSpan& span) {
  if (point.kind == Kind::kTime) span.until_ms = std::min(span.until_ms, point.time.ms);
  if (point.kind == Kind::kZxid) span.last_zxid = std::min(span.last_zxid, point.zxid);
}

}  // namespace

Result<ZxidBounds> parse_bounds(std::string_view text) {
  ZxidBounds bounds;
  const std::size_t dots = text.find("..");
  const std::string_view low = text.substr(0, dots);
  const std::string_view high = dots == std::string_view::npos ? low : text.substr(dots + 2);
  if (low.empty() && high.empty())
    return fail(Error(ErrorId::kUsage, "a range of zxids is FIRST..LAST, FIRST.. or ..LAST")
                    .with_hint("for example 0x100000001..0x1000000ff"));
  if (!low.empty()) {
    ZK_TRY(bounds.first, parse_zxid(low));
    bounds.first_given = true;
  }
  if (!high.empty()) {
    ZK_TRY(bounds.last, parse_zxid(high));
  }
  if (bounds.last < bounds.first)
    return fail(Error(ErrorId::kUsage, fmt::format("the range ends ({}) before it begins ({})",
                                                   zxid_text(bounds.last), zxid_text(bounds.first))));
  return bounds;
}

Result<SpanRequest> span_request(Context& context, const SpanOptions& options) {
  SpanRequest request;
  if (options.zxids) request.zxids = *options.zxids;
  if (options.since) {
    ZK_TRY(request.since, parse_end(*options.since, context));
  }
  if (options.until) {
    ZK_TRY(request.until, parse_end(*options.until, context));
  }
  return request;
}

Result<LogSpan> span_in(const OpenedSource& opened, const restore::SourceListing& listing,
                        const SpanRequest& request, Job& job) {
  LogSpan span;
  span.first_zxid = request.zxids.first;
  span.last_zxid = request.zxids.last;
  span.first_given = request.zxids.first_given;
  if (request.since) ZK_TRY_STATUS(begin_at(*request.since, opened, listing, job, span));
  if (request.until) end_at(*request.until, span);
  // SRC@POINT: the history up to there, which of a time is a prefix, not a choice.
  const restore::PointSpec& end = opened.point;
  if (end.kind == Kind::kZxid) end_at(end, span);
  if (end.kind == Kind::kZxid || (end.kind == Kind::kLatest && end.back == 0)) return span;
  restore::TargetOptions wanted;
  wanted.point = end;
  ZK_TRY(const restore::Target target, restore::resolve_target(*opened.source, listing, wanted, job));
  span.last_zxid = std::min(span.last_zxid, target.zxid);
  return span;
}

Result<std::string> logs_text(restore::Source& source, const restore::SourceListing& listing) {
  restore::Findings ignored;
  restore::LogWalk walk(source, listing.logs, {}, ignored);
  restore::WalkEntry first;
  Job job;
  ZK_TRY(const bool any, walk.next_into(first));
  if (!any) return std::string("no record");
  ZK_TRY(const std::optional<TxnHeader> last, last_record(source, listing, job));
  const auto shown = [](const TxnHeader& header) {
    return fmt::format("{} {}", zxid_text(header.zxid), human_time(WallTime{header.time_ms}));
  };
  const TxnHeader& header = first.entry.txn.header;
  return fmt::format("{} to {}", shown(header), shown(last ? *last : header));
}

Result<History> open_history(Context& context, const HistoryRequest& request) {
  History history;
  SpanOptions options;
  options.since = request.since;
  options.until = request.until;
  ZK_TRY(const SpanRequest span, span_request(context, options));
  SourceRequest wanted{{}, request.log_dir.value_or(""), ""};
  if (request.source) wanted.sources = {*request.source};
  wanted.timeline = request.timeline;
  ZK_TRY(history.opened, open_source(context, wanted));
  OpenedSource& opened = history.opened;
  if (!request.source) context.output.note("the history of " + opened.source->description());
  if (opened.stored && !opened.stored->timeline_text.empty())
    context.output.note("timeline " + opened.stored->timeline_text);
  show_findings(context.output, opened.findings, Stance::kReading);
  ZK_TRY(history.listing, opened.source->list());
  show_findings(context.output, history.listing.findings, Stance::kReading);
  ZK_TRY(history.span, span_in(opened, history.listing, span, context.job));
  if (opened.point.kind == Kind::kLatest) return history;
  restore::TargetOptions end;
  end.point = opened.point;
  ZK_TRY(const restore::Target target,
         restore::resolve_target(*opened.source, history.listing, end, context.job));
  history.last_zxid = target.zxid;
  history.span.last_zxid = std::min(history.span.last_zxid, target.zxid);
  return history;
}

void show_span_findings(Context& context, const LogSpan& span, const restore::Findings& findings) {
  for (const restore::Finding& finding : findings)
    if (span.concerns(finding)) show_finding(context.output, finding, Stance::kReading);
}

}  // namespace zkark::cli
