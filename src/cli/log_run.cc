#include "src/cli/log_run.h"

#include <fmt/format.h>

#include <algorithm>

#include "src/cli/show_findings.h"
#include "src/cli/text.h"
#include "src/cli/txn_print.h"

namespace zkark::cli {

void LogOutcome::count(const Txn& txn) {
  ++txns_;
  first_zxid_ = std::min(first_zxid_, txn.header.zxid);
  last_zxid_ = std::max(last_zxid_, txn.header.zxid);
  first_time_ms_ = std::min(first_time_ms_, txn.header.time_ms);
  last_time_ms_ = std::max(last_time_ms_, txn.header.time_ms);
  if (!took_effect(txn)) ++failed_;
}

void LogOutcome::check_beginning(const restore::WalkEntry& walk, restore::Findings& findings) {
  if (first_seen_) return;
  first_seen_ = true;
  const LogSpan& span = request_.span;
  const std::int64_t oldest = walk.entry.zxid();
  if (!span.first_given || walk.step != restore::Step::kFirst || oldest <= span.first_zxid) return;
  const std::int64_t first = std::max<std::int64_t>(span.first_zxid, 1);
  if (oldest == first || (zxid_counter(oldest) <= 1 && first >= make_zxid(zxid_epoch(oldest), 0))) return;
  restore::Finding gap;
  gap.severity = restore::Severity::kGap;
  gap.id = ErrorId::kGap;
  gap.first_zxid = first;
  gap.last_zxid = std::min(oldest - 1, span.last_zxid);
  gap.message = fmt::format("transactions {} to {} are in no file: the oldest one here is {}",
                            zxid_text(*gap.first_zxid), zxid_text(*gap.last_zxid), zxid_text(oldest));
  findings.push_back(std::move(gap));
}

void LogOutcome::show(const restore::Findings& findings, std::size_t from) {
  for (std::size_t i = from; i < findings.size(); ++i) {
    if (!request_.span.concerns(findings[i])) continue;
    if (findings[i].severity != restore::Severity::kNote) complete_ = false;
    show_finding(context_.output, findings[i], Stance::kReading);
  }
}

Report LogOutcome::summary() const {
  Report report("log");
  report.field("count", Cell::count(txns_)).field("failed", Cell::count(failed_));
  const bool any = txns_ != 0;
  report.field("first_zxid", any ? Cell::zxid(first_zxid_) : Cell());
  report.field("last_zxid", any ? Cell::zxid(last_zxid_) : Cell());
  report.field("first_time", any ? Cell::time(WallTime{first_time_ms_}) : Cell());
  report.field("last_time", any ? Cell::time(WallTime{last_time_ms_}) : Cell());
  report.field("complete", Cell::boolean(complete_));
  return report;
}

Status LogOutcome::explain(const forensics::TxnChooser& chooser, restore::Source& source,
                           const restore::SourceListing& listing) {
  const auto& stepped = chooser.stepped();
  if (stepped.count != 0)
    context_.output.note(fmt::format(
        "a clock stepped: {} transaction{} between these, {} to {}, carr{} a time outside of the "
        "range and {} not shown; --zxid shows them",
        human_count(stepped.count), stepped.count == 1 ? "" : "s", zxid_text(stepped.first_zxid),
        zxid_text(stepped.last_zxid), stepped.count == 1 ? "ies" : "y", stepped.count == 1 ? "is" : "are"));
  if (txns_ != 0 || request_.limit == 0 || chooser.in_span() != 0 || request_.span.is_everything()) return {};
  ZK_TRY(const std::string held, logs_text(source, listing));
  context_.output.note(
      fmt::format("no transaction lies in that range: {} holds {}", source.description(), held));
  return {};
}

}  // namespace zkark::cli
