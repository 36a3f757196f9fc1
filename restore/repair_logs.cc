#include "restore/repair_logs.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "formats/txn_log.h"

namespace zkark::restore {
namespace {

void add_damage(RepairPlan& plan, const SourceFile& log, const LogScan& scan) {
  for (const Finding& finding : scan.findings) {
    if (finding.file != log.path || !finding.offset) continue;
    const bool torn = finding.severity == Severity::kNote && finding.id == ErrorId::kTruncated;
    const bool header_alone =
        finding.end_offset && *finding.end_offset <= kLogHeaderBytes && !finding.first_zxid;
    if (!torn && (!finding.end_offset || header_alone)) continue;
    Loss loss;
    loss.kind = torn ? LossKind::kTorn : LossKind::kDamaged;
    loss.file = log.path;
    loss.begin = *finding.offset;
    loss.end = finding.end_offset.value_or(log.size_bytes);
    loss.reason = finding.message;
    if (!torn) {
      loss.first_zxid = finding.first_zxid;
      loss.last_zxid = finding.first_zxid ? finding.last_zxid : std::nullopt;
      if (!finding.first_zxid)
        loss.txns = 0;
      else if (finding.last_zxid && *finding.last_zxid >= *finding.first_zxid &&
               zxid_epoch(*finding.first_zxid) == zxid_epoch(*finding.last_zxid))
        loss.txns = static_cast<std::uint64_t>(*finding.last_zxid - *finding.first_zxid) + 1;
    }
    plan.losses.push_back(std::move(loss));
  }
}

/// Why a log is not in the copy as it stands, in the words of its table.
std::string reason_of(const RepairedFile& file, bool front_gone, bool end_gone, bool torn, bool damaged,
                      bool headless) {
  std::vector<std::string> parts;
  if (file.fate == Fate::kDropped)
    return damaged && !front_gone ? "no record in it is intact" : "nothing in it belongs to what is kept";
  if (headless) parts.emplace_back("its header was damaged and is written anew");
  if (front_gone) parts.push_back(fmt::format("begins at {}, behind a hole", zxid_text(*file.first_zxid)));
  if (end_gone) parts.push_back(fmt::format("ends with {}", zxid_text(file.last_zxid.value_or(0))));
  if (torn) parts.emplace_back("a torn last record is broken off");
  if (damaged && parts.empty()) parts.emplace_back("damaged bytes are left out");
  return fmt::format("{}", fmt::join(parts, "; "));
}

}  // namespace

void add_logs(RepairPlan& plan, const std::vector<SourceFile>& logs, const LogScan& scan,
              const KeptPieces& kept, std::optional<std::int64_t> limit, std::string_view why_else) {
  for (std::size_t i = 0; i < logs.size(); ++i) {
    RepairedFile file;
    file.file = logs[i];
    file.is_log = true;
    bool front_gone = false, end_gone = false, any = false;
    const std::size_t first_loss = plan.losses.size();
    add_damage(plan, logs[i], scan);
    for (std::size_t n = 0; n < kept.size(); ++n) {
      const LogPiece& piece = scan.pieces[n];
      if (piece.log != i) continue;
      any = true;
      Loss left;
      left.kind = LossKind::kLeftOut;
      left.file = logs[i].path;
      left.begin = piece.begin;
      left.end = piece.end;
      left.first_zxid = piece.first_zxid;
      left.last_zxid = piece.last_zxid;
      left.txns = piece.txns;
      if (kept[n]) {
        const LogPiece& part = *kept[n];
        if (!file.extents.empty() && file.extents.back().end == part.begin)
          file.extents.back().end = part.end;
        else
          file.extents.push_back({part.begin, part.end});
        file.txns += part.txns;
        if (!file.first_zxid) file.first_zxid = part.first_zxid;
        file.last_zxid = part.last_zxid;
        left.begin = part.end;
        left.first_zxid = part.last_zxid + 1;
        left.txns = piece.txns - part.txns;
      }
      if (left.begin == left.end) continue;
      (file.txns == 0 ? front_gone : end_gone) = true;
      left.reason = limit && *left.first_zxid > *limit ? "above what is kept" : why_else;
      plan.losses.push_back(std::move(left));
    }
    std::stable_sort(plan.losses.begin() + static_cast<std::ptrdiff_t>(first_loss), plan.losses.end(),
                     [](const Loss& a, const Loss& b) { return a.begin < b.begin; });
    bool torn = false, damaged = false, headless = false;
    for (const Finding& finding : scan.findings) {
      if (finding.file != logs[i].path) continue;
      torn = torn || (finding.severity == Severity::kNote && finding.id == ErrorId::kTruncated);
      const bool header = finding.end_offset && *finding.end_offset <= kLogHeaderBytes;
      headless = headless || header;
      damaged = damaged || (finding.end_offset && !header);
    }
    // An empty log is kept where a server would have made it: not in front of records that it lacks.
    const bool lacks = std::any_of(kept.begin(), kept.end(), [&](const std::optional<LogPiece>& piece) {
      return piece && piece->log != i && piece->last_zxid >= logs[i].zxid &&
             zxid_epoch(piece->last_zxid) == zxid_epoch(logs[i].zxid);
    });
    const bool belongs = !plan.point || (!lacks && logs[i].zxid <= *plan.point + 1);
    const bool empty = !any && scan.sound[i] && belongs;
    if (file.txns == 0 && !empty)
      file.fate = Fate::kDropped;
    else if (!scan.sound[i] || front_gone || end_gone)
      file.fate = Fate::kCut;
    if (file.fate != Fate::kDropped)
      file.name =
          front_gone && !plan.flat ? log_file_name(*file.first_zxid) : std::string(base_name(logs[i].path));
    if (file.fate != Fate::kKept)
      file.reason = reason_of(file, front_gone, end_gone, torn, damaged, headless);
    plan.files.push_back(std::move(file));
  }
}

}  // namespace zkark::restore
