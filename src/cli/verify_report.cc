#include "src/cli/verify_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "formats/base/fs.h"
#include "restore/base_choice.h"
#include "src/cli/findings_table.h"
#include "src/cli/repository_arg.h"
#include "src/cli/text.h"

namespace zkark::cli {
namespace {

using restore::FileReport;
using restore::Finding;
using restore::Severity;
using restore::VerifyDepth;

std::string_view name_of(VerifyDepth depth) {
  switch (depth) {
    case VerifyDepth::kQuick:
      return "quick";
    case VerifyDepth::kRead:
      return "read";
    case VerifyDepth::kStart:
      return "replay";
    case VerifyDepth::kProve:
    case VerifyDepth::kReplayAll:
      return "replay-all";
  }
  return "read";
}

/// The first bad thing about a file; failing that, the first remark.
const Finding* worst_about(const restore::VerifyReport& report, const std::string& path) {
  const Finding* worst = nullptr;
  for (const Finding& finding : report.findings)
    if (finding.file == path && (worst == nullptr || finding.severity > worst->severity)) worst = &finding;
  return worst;
}

std::string result_text(const SourceVerdict& verdict, const FileReport& file) {
  const Finding* worst = worst_about(verdict.report, file.file.path);
  if (worst != nullptr && worst->severity != Severity::kNote) {
    if (worst->severity == Severity::kGap) return "GAP " + worst->message;
    std::string text = "BAD " + worst->message;
    if (worst->offset) text += fmt::format(" at offset {:#x}", *worst->offset);
    if (file.is_log && worst->first_zxid)
      text += fmt::format(", zxid after {}", zxid_text(*worst->first_zxid - 1));
    return file.damage > 1 ? fmt::format("{} (and {} more)", text, file.damage - 1) : text;
  }
  if (worst != nullptr && !file.is_log && worst->id == ErrorId::kTruncated) return "unfinished";
  if (!file.checked) return "not needed";
  std::string text = "ok";
  if (verdict.depth == VerifyDepth::kQuick)
    text += file.is_log ? " (header)" : " (complete)";
  else
    text += " (adler32)";
  if (worst == nullptr || !file.is_log) return text;
  text += ", " + worst->message.substr(0, worst->message.find(':'));  // the rest stands with the notes
  return worst->offset ? fmt::format("{} at offset {:#x}", text, *worst->offset) : text;
}

Cell range_cell(const FileReport& file) {
  if (file.is_log) {
    if (!file.first_zxid) return Cell::string(fmt::format("{}…", zxid_text(file.file.zxid)));  // by its name
    return Cell::string(file.last_zxid ? range_text(*file.first_zxid, *file.last_zxid)
                                       : fmt::format("{}…", zxid_text(*file.first_zxid)));
  }
  if (file.fuzzy_end && *file.fuzzy_end > file.file.zxid)
    return Cell::string(
        fmt::format("{} (exact from {})", zxid_text(file.file.zxid), zxid_text(*file.fuzzy_end)));
  return Cell::zxid(file.file.zxid);
}

/// Names without directories, where that tells them apart.
bool short_names_differ(const std::vector<FileReport>& files) {
  std::map<std::string_view, int> seen;
  for (const FileReport& file : files)
    if (++seen[base_name(file.file.path)] > 1) return false;
  return true;
}

std::uint64_t sum_txns(const restore::VerifyReport& report) {
  std::uint64_t txns = 0;
  for (const FileReport& file : report.files) txns += file.txns;
  return txns;
}

std::string proven_text(const restore::Certificate& certificate) {
  std::string text;
  for (const restore::ZxidRange& range : certificate.proven)
    text += (text.empty() ? "" : ", ") + range_text(range.first, range.last);
  return text;
}

std::string replay_text(const restore::VerifyReport& report) {
  // Of several bases the oldest is where the history begins.
  const std::string& first = report.windows.empty() ? *report.base : report.windows.front().base;
  const std::string base = first.empty() ? "the empty tree" : std::string(base_name(first));
  std::string text = fmt::format("{} over {}", counted(report.replayed_txns, "txn", "txns"), base);
  if (report.last_zxid)
    text += fmt::format(": {}, {}, {} at {}", counted(report.nodes, "znode", "znodes"),
                        counted(report.sessions, "session", "sessions"),
                        counted(report.ephemerals, "ephemeral", "ephemerals"), zxid_text(*report.last_zxid));
  if (report.digest) text += fmt::format(", digest {}", hex_text(*report.digest));
  if (report.snapshots_compared != 0)
    text += fmt::format("; {} equal to the replayed tree",
                        counted(report.snapshots_compared, "snapshot", "snapshots"));
  return text;
}

std::string findings_text(const restore::Findings& findings) {
  std::size_t damage = 0, gaps = 0, notes = 0;
  for (const Finding& finding : findings)
    ++(finding.severity == Severity::kDamage ? damage : finding.severity == Severity::kGap ? gaps : notes);
  std::string text = damage == 0 && gaps == 0
                         ? "ok"
                         : fmt::format("DAMAGED: {}, {}", counted(damage, "finding", "findings"),
                                       counted(gaps, "gap", "gaps"));
  return notes == 0 ? text : fmt::format("{}, {}", text, counted(notes, "note", "notes"));
}

void add_replay_fields(Report& report, const restore::VerifyReport& found) {
  const bool replayed = found.base.has_value();
  const auto zxid = [](const std::optional<std::int64_t>& value) {
    return value ? Cell::zxid(*value) : Cell();
  };
  report.field("base", "", replayed ? Cell::string(*found.base) : Cell());
  report.field("replayed_txns", "", replayed ? Cell::count(found.replayed_txns) : Cell());
  report.field("znodes", "", replayed ? Cell::count(found.nodes) : Cell());
  report.field("sessions", "", replayed ? Cell::count(found.sessions) : Cell());
  report.field("ephemerals", "", replayed ? Cell::count(found.ephemerals) : Cell());
  report.field("digest", "", found.digest ? Cell::hex(*found.digest) : Cell());
  report.field("last_zxid", "", zxid(found.last_zxid));
  report.field("snapshots_compared", "", Cell::count(found.snapshots_compared));
  const auto& certificate = found.certificate;
  report.field("certificate", "",
               certificate ? Cell::string(restore::proof_grade_name(certificate->grade)) : Cell());
  report.field("failed_at", "", certificate ? zxid(certificate->failed_at) : Cell());
  report.field("digests_compared", "", certificate ? Cell::count(certificate->digests_compared) : Cell());
  report.field("not_covered", "", certificate ? Cell::string(restore::kNotCoveredByDigests) : Cell());
}

// ---- a repository ----

std::string short_list(const std::vector<std::string>& ids) {
  static constexpr std::size_t kShown = 8;
  std::string text;
  for (std::size_t i = 0; i < std::min(ids.size(), kShown); ++i)
    text += fmt::format("{}{}", text.empty() ? "" : ", ", backup::short_id(ids[i]));
  return ids.size() <= kShown ? text : fmt::format("{} and {} more", text, ids.size() - kShown);
}

/// "proven to 0x17 (of 0x62)" where the digests end before the records.
std::string replay_cell(const backup::StoredCertificate& certificate, std::int64_t last_zxid) {
  std::string text(backup::name_of(certificate.grade));
  const auto to = certificate.proven_to();
  if (certificate.grade != restore::ProofGrade::kProven || !to || *to >= last_zxid) return text;
  return fmt::format("{} to {} (of {})", text, zxid_text(*to), zxid_text(last_zxid));
}

/// How many manifests could not be read, although the check had found no fault with them: said on stderr.
std::uint64_t add_backups(Output& output, Report& report, const RepositoryVerdict& verdict) {
  std::uint64_t unread = 0;
  if (verdict.repository == nullptr) return unread;
  Table& table = report.table("backups", {{"id", ""},
                                          {"short", "BACKUP"},
                                          {"cluster", "CLUSTER"},
                                          {"type", "TYPE"},
                                          {"last_zxid", "LAST ZXID"},
                                          {"certificate", "REPLAY"},
                                          {"findings", ""},
                                          {"result", "RESULT"}});
  for (const std::string& name : verdict.repository->clusters()) {
    if (!verdict.cluster.empty() && name != verdict.cluster) continue;
    for (const backup::HeadEntry& entry : verdict.repository->ordered(name)) {
      const auto bad = verdict.report.damaged_backups.find(entry.id);
      std::uint64_t count = bad == verdict.report.damaged_backups.end() ? 0 : bad->second;
      for (const backup::Flaw& flaw : verdict.flaws)
        if (flaw.backup == entry.id) ++count;
      const Result<backup::Manifest> manifest = verdict.repository->load(entry.id);
      const bool graded = manifest && manifest->certificate.grade;
      const bool known = manifest || count != 0;
      if (!known) {
        output.report(manifest.error());
        ++unread;
      }
      table.row(
          {Cell::string(entry.id), Cell::string(backup::short_id(entry.id)), Cell::string(entry.cluster),
           Cell::string(backup::name_of(entry.type)), Cell::zxid(entry.last_zxid),
           graded ? Cell::string(replay_cell(manifest->certificate, entry.last_zxid)) : Cell(),
           Cell::count(count),
           Cell::string(!known ? "not read"
                        : count == 0
                            ? "ok"
                            : fmt::format("{} ({})",
                                          bad == verdict.report.damaged_backups.end() ? "FLAWED" : "DAMAGED",
                                          counted(count, "finding", "findings")))});
    }
  }
  return unread;
}

void add_replayed(Report& report, const RepositoryVerdict& verdict) {
  Table& table = report.table("replayed", {{"cluster", ""},
                                           {"timeline", ""},
                                           {"newest", ""},
                                           {"base", ""},
                                           {"txns", ""},
                                           {"znodes", ""},
                                           {"last_zxid", ""},
                                           {"digest", ""},
                                           {"snapshots_compared", ""},
                                           {"certificate", ""},
                                           {"failed_at", ""},
                                           {"digests_compared", ""}});
  for (const ReplayedTimeline& one : verdict.replayed) {
    const restore::VerifyReport& found = one.report;
    const auto& certificate = found.certificate;
    table.row({Cell::string(one.cluster), Cell::string(one.timeline), Cell::string(one.newest),
               found.base ? Cell::string(*found.base) : Cell(), Cell::count(found.replayed_txns),
               Cell::count(found.nodes), found.last_zxid ? Cell::zxid(*found.last_zxid) : Cell(),
               found.digest ? Cell::hex(*found.digest) : Cell(), Cell::count(found.snapshots_compared),
               certificate ? Cell::string(restore::proof_grade_name(certificate->grade)) : Cell(),
               certificate && certificate->failed_at ? Cell::zxid(*certificate->failed_at) : Cell(),
               certificate ? Cell::count(certificate->digests_compared) : Cell()});
  }
}

restore::Findings all_findings(const RepositoryVerdict& verdict) {
  restore::Findings findings;
  for (const backup::CheckFinding& found : verdict.report.findings) {
    findings.push_back(found.finding);
    if (!found.backups.empty()) findings.back().message += "; needed by " + short_list(found.backups);
  }
  for (const backup::Flaw& flaw : verdict.flaws) findings.push_back(flaw.finding);
  for (const ReplayedTimeline& one : verdict.replayed)
    findings.insert(findings.end(), one.report.findings.begin(), one.report.findings.end());
  return findings;
}

}  // namespace

std::string certificate_text(const restore::Certificate& certificate, std::optional<std::int64_t> last_zxid) {
  std::string text;
  const bool ends_early = last_zxid && !certificate.proven.empty() && certificate.proven_to() < *last_zxid;
  const std::string of = ends_early ? fmt::format(" (of {})", zxid_text(*last_zxid)) : std::string();
  switch (certificate.grade) {
    case restore::ProofGrade::kProven:
      text = "proven " + proven_text(certificate) + of;
      break;
    case restore::ProofGrade::kPartly:
      text = "partly proven: " + proven_text(certificate) + of;
      break;
    case restore::ProofGrade::kNotProvable:
      return "not provable: the servers wrote no digests (before 3.6, or switched off)";
    case restore::ProofGrade::kFailed:
      text = fmt::format("FAILED at {}", zxid_text(certificate.failed_at.value_or(0)));
      if (!certificate.proven.empty()) text += ", proven " + proven_text(certificate);
      break;
  }
  return fmt::format("{} against {}; not covered: {}", text,
                     counted(certificate.digests_compared, "digest of the servers", "digests of the servers"),
                     restore::kNotCoveredByDigests);
}

void print_verdict(Output& output, const SourceVerdict& verdict) {
  const restore::VerifyReport& found = verdict.report;
  const bool cut = short_names_differ(found.files);
  Report report("verify");
  report.field("source", "", Cell::string(verdict.source))
      .field("depth", "", Cell::string(name_of(verdict.depth)));
  report.field("damaged", "", Cell::boolean(found.damaged())).field("txns", "", Cell::count(sum_txns(found)));
  add_replay_fields(report, found);
  Table& files = report.table("files", {{"file", ""},
                                        {"name", "FILE"},
                                        {"kind", ""},
                                        {"zxids", "RANGE"},
                                        {"txns", "TXNS"},
                                        {"znodes", ""},
                                        {"sessions", ""},
                                        {"size_bytes", ""},
                                        {"first_zxid", ""},
                                        {"last_zxid", ""},
                                        {"fuzzy_end", ""},
                                        {"checked", ""},
                                        {"damage", ""},
                                        {"result", "RESULT"}});
  const auto zxid = [](const std::optional<std::int64_t>& value) {
    return value ? Cell::zxid(*value) : Cell();
  };
  for (const FileReport& file : found.files) {
    const bool read =
        file.checked && verdict.depth != VerifyDepth::kQuick && verdict.depth != VerifyDepth::kStart;
    files.row({Cell::string(file.file.path), Cell::string(cut ? base_name(file.file.path) : file.file.path),
               Cell::string(file.is_log ? "log" : "snapshot"), range_cell(file),
               file.is_log && read ? Cell::count(file.txns) : Cell(),
               !file.is_log && read ? Cell::count(file.nodes) : Cell(),
               !file.is_log && read ? Cell::count(file.sessions) : Cell(), Cell::size(file.file.size_bytes),
               file.is_log ? zxid(file.first_zxid) : Cell::zxid(file.file.zxid),
               file.is_log ? zxid(file.last_zxid) : Cell(), zxid(file.fuzzy_end), Cell::boolean(file.checked),
               Cell::count(file.damage), Cell::string(result_text(verdict, file))});
  }
  Table& proven = report.table("proven", {{"first", ""}, {"last", ""}});
  if (found.certificate)
    for (const restore::ZxidRange& range : found.certificate->proven)
      proven.row({Cell::zxid(range.first), Cell::zxid(range.last)});
  Table& restorable = report.table("restorable", {{"first", ""}, {"last", ""}});
  if (verdict.restorable)
    for (const restore::ZxidRange& range : *verdict.restorable)
      restorable.row({Cell::zxid(range.first), Cell::zxid(range.last)});
  Table& unproven = report.table("unproven", {{"first", ""}, {"last", ""}});
  for (const restore::ZxidRange& range : verdict.unproven)
    unproven.row({Cell::zxid(range.first), Cell::zxid(range.last)});
  findings_table(report, found.findings);
  if (found.base) report.remark("replayed " + escape_terminal(replay_text(found)));
  if (found.certificate)
    report.remark("certificate: " + certificate_text(*found.certificate, found.last_zxid));
  if (verdict.restorable) report.remark("restorable: " + restore::windows_text(*verdict.restorable));
  if (!verdict.unproven.empty())
    report.remark(fmt::format("not proven: {}; only restore --accept-unproven gives it",
                              restore::windows_text(verdict.unproven)));
  std::string summary =
      fmt::format("{}: {}", findings_text(found.findings), counted(found.files.size(), "file", "files"));
  if (verdict.depth != VerifyDepth::kQuick && sum_txns(found) != 0)
    summary += ", " + counted(sum_txns(found), "txn", "txns");
  report.remark(found.damaged() ? output.red(summary) : output.green(summary));
  const bool ways_out = found.damaged() && verdict.restorable && !verdict.restorable->empty();
  if (ways_out) {
    const std::string source = escape_terminal(verdict.source);
    report.remark(fmt::format("next: zkark restore {} --at zxid:{} --to DIR", source,
                              zxid_text(verdict.restorable->back().last)));
    report.remark(
        fmt::format("      zkark repair {} -O DIR: a copy that boots, without what is damaged", source));
    report.remark(fmt::format(
        "      zkark merge {} OTHER -O DIR: a copy with what another member still holds", source));
  }
  output.print(report);
}

void print_verdict(Output& output, const RepositoryVerdict& verdict) {
  const backup::CheckReport& found = verdict.report;
  const restore::Findings findings = all_findings(verdict);
  const bool damaged = restore::has_severity(findings, Severity::kGap);
  Report report("verify");
  report.field("repository", "", Cell::string(verdict.url));
  report.field("depth", "", Cell::string(verdict.read_percent == 0 ? "quick" : "read"));
  report.field("read_percent", "", Cell::integer(verdict.read_percent))
      .field("seed", "", Cell::hex(verdict.seed));
  report.field("damaged", "", Cell::boolean(damaged));
  report.field("backup_count", "", Cell::count(found.backups))
      .field("objects", "", Cell::count(found.objects));
  report.field("objects_read", "", Cell::count(found.objects_read));
  report.field("bytes_read", "", Cell::size(found.bytes_read));
  const std::uint64_t unread = add_backups(output, report, verdict);
  add_replayed(report, verdict);
  findings_table(report, findings);
  for (const ReplayedTimeline& one : verdict.replayed) {
    if (one.report.base)
      report.remark(fmt::format("cluster {}, timeline {}: replayed {}", escape_terminal(one.cluster),
                                escape_terminal(one.timeline.substr(0, 8)),
                                escape_terminal(replay_text(one.report))));
    if (one.report.certificate)
      report.remark("certificate: " + certificate_text(*one.report.certificate, one.report.last_zxid));
  }
  std::string outcome = findings_text(findings);
  if (unread != 0)
    outcome = fmt::format("{} could not be read again{}", counted(unread, "manifest", "manifests"),
                          findings.empty() ? std::string() : "; " + outcome);
  std::string summary = fmt::format("{}: {}, {}", outcome, counted(found.backups, "backup", "backups"),
                                    counted(found.objects, "object", "objects"));
  if (verdict.read_percent == 0)
    summary += "; names and sizes only";
  else
    summary += fmt::format("; {} read and hashed, {}", counted(found.objects_read, "object", "objects"),
                           human_size(found.bytes_read));
  report.remark(damaged || unread != 0 ? output.red(summary) : output.green(summary));
  const bool objects = std::any_of(findings.begin(), findings.end(), [](const Finding& finding) {
    return finding.id == ErrorId::kMissingObject || finding.id == ErrorId::kObjectDamaged;
  });
  if (objects)
    report.remark(
        "next: zkark backup SRC --type full puts back what the source still has; the other backups restore");
  output.print(report);
}

}  // namespace zkark::cli
