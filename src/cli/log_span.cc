#include "src/cli/log_span.h"

#include <fmt/format.h>

#include <algorithm>

#include "src/cli/point_in_time.h"
#include "src/cli/show_findings.h"

namespace zkark::cli {
namespace {

Status narrow(const restore::PointSpec& point, bool lower, LogSpan& span) {
  using Kind = restore::PointSpec::Kind;
  if (point.kind == Kind::kTime) {
    if (lower)
      span.since_ms = std::max(span.since_ms, point.time.ms);
    else
      span.until_ms = std::min(span.until_ms, point.time.ms);
    return {};
  }
  if (point.kind == Kind::kZxid) {
    if (lower)
      span.first_zxid = std::max(span.first_zxid, point.zxid);
    else
      span.last_zxid = std::min(span.last_zxid, point.zxid);
    return {};
  }
  return fail(Error(ErrorId::kUsage, fmt::format("'{}' is no time and no zxid", point.text))
                  .with_hint("give a time such as '2 hours ago' or a zxid such as zxid:0x10000000b"));
}

}  // namespace

Result<History> open_history(Context& context, const HistoryRequest& request) {
  History history;
  if (request.since) {
    ZK_TRY(const restore::PointSpec point, parse_point(*request.since, context));
    ZK_TRY_STATUS(narrow(point, true, history.span));
  }
  if (request.until) {
    ZK_TRY(const restore::PointSpec point, parse_point(*request.until, context));
    ZK_TRY_STATUS(narrow(point, false, history.span));
  }
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
  if (opened.point.kind == restore::PointSpec::Kind::kLatest) return history;
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
