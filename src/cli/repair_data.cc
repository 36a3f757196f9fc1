#include "src/cli/repair_data.h"

#include <fmt/format.h>

#include <algorithm>

#include "formats/base/system.h"
#include "restore/repair.h"
#include "src/cli/copy_of_data.h"
#include "src/cli/empty_target.h"
#include "src/cli/findings_table.h"
#include "src/cli/places.h"
#include "src/cli/repository_arg.h"
#include "src/cli/show_findings.h"
#include "src/cli/source_arg.h"
#include "src/cli/text.h"

namespace zkark::cli {
namespace {

using restore::Fate;
using restore::Loss;
using restore::LossKind;
using restore::RepairedFile;

Cell zxid_or_null(const std::optional<std::int64_t>& zxid) { return zxid ? Cell::zxid(*zxid) : Cell(); }

/// One repair from its options to its last line.
class Repair {
 public:
  Repair(Context& context, const DataRepair& wanted)
      : context_(context), wanted_(wanted), report_("repair") {}
  Status run();

 private:
  Status open();
  Status examine_target();
  Status make_plan();
  Status write();
  void list_files();
  void tell_state();
  void tell_lost();
  void tell_next(std::optional<std::int64_t> point, std::optional<std::int64_t> dropped_to);

  Context& context_;
  const DataRepair& wanted_;
  Report report_;
  restore::RepairOptions options_;
  OpenedSource opened_;
  restore::SourceListing listing_;
  std::optional<restore::TargetDir> target_;
  std::string dir_;  // absolute
  restore::RepairPlan plan_;
  CopySurroundings around_;
  restore::Findings findings_;
  std::uint64_t left_out_ = 0;  // intact transactions
};

Status Repair::open() {
  if (!wanted_.to && !wanted_.dry_run)
    return fail(Error(ErrorId::kUsage, "where the copy shall go is missing")
                    .with_hint("--to DIR (-O DIR), or --dry-run; what is damaged is never changed in place"));
  const SourceRequest request{wanted_.sources, wanted_.log_dir.value_or(""), wanted_.zoo_cfg.value_or("")};
  ZK_TRY(opened_, open_source(context_, request));
  if (opened_.kind == SourceKind::kRepository)
    return fail(
        Error(ErrorId::kUsage, "a repository holds what its checksums vouch for")
            .at(opened_.source->description())
            .with_hint("`zkark restore` gives any point of it; without SRC, repair makes a new HEAD"));
  if (opened_.point.kind != restore::PointSpec::Kind::kLatest)
    return fail(
        Error(ErrorId::kUsage, "a repair takes all of a source").with_hint("--chop=ZXID ends it at a point"));
  findings_ = opened_.findings;
  options_.directory = opened_.kind != SourceKind::kFiles;
  options_.salvage = wanted_.salvage;
  options_.chop = wanted_.chop.given;
  options_.chop_at = wanted_.chop.value;
  if (!wanted_.to) return {};
  ZK_TRY(dir_, absolute_path(context_.fs, context_.variables, *wanted_.to));
  return keep_target_apart(context_, {dir_, "the target"}, opened_, request);
}

Status Repair::examine_target() {
  if (!wanted_.to) return {};
  ZK_TRY(restore::TargetDir examined, examine_empty_target(context_, dir_, options_.flat(), wanted_.owner));
  target_.emplace(std::move(examined));
  return {};
}

Status Repair::make_plan() {
  ZK_TRY(listing_, opened_.source->list());
  Result<restore::RepairPlan> plan =
      restore::plan_repair(*opened_.source, listing_, options_, findings_, context_.job);
  if (plan && plan->point) {
    ZK_TRY(around_, surroundings_of(listing_, *plan, dir_, findings_));
  }
  show_findings(context_.output, findings_, Stance::kJudging);
  if (!plan) return fail(std::move(plan).error());
  plan_ = *std::move(plan);
  return {};
}

void Repair::list_files() {
  Table& table = files_of_copy(report_);
  for (const RepairedFile& file : plan_.files)
    add_file(table, file, file.fate == Fate::kMade, fate_name(file.fate), file.reason);
}

/// The state that the copy boots to, and what vouches for it.
void Repair::tell_state() {
  if (!plan_.point) return;
  const restore::ReplayResult& replay = plan_.rebuilt->replay;
  const restore::Certificate& certificate = replay.certificate;
  const std::int64_t point = *plan_.point;
  const std::uint64_t digest = replay.state.tree.digest();
  const auto& section = replay.base_tail.digest;
  const bool by_section = section && section->zxid == point && section->version == kDigestVersion &&
                          static_cast<std::uint64_t>(section->digest) == digest;
  const bool by_record = std::any_of(
      certificate.proven.begin(), certificate.proven.end(),
      [&](const restore::ZxidRange& range) { return range.first <= point && point <= range.last; });
  const bool proven = (by_section || by_record) && !plan_.rebuilt->unproven;
  std::string proof = "no digest of the server's own to compare with";
  if (plan_.rebuilt->unproven)
    proof = "NOT PROVEN: the server's own digests differ";
  else if (proven)
    proof = "the server's own";
  else if (!certificate.proven.empty())
    proof = fmt::format("the server's own agree up to {}", zxid_text(certificate.proven_to()));
  report_.field("state", "state",
                Cell::string(fmt::format("{}: {}, {}, digest {} ({})", zxid_text(point),
                                         counted(replay.state.tree.size(), "znode", "znodes"),
                                         counted(replay.state.sessions.size(), "session", "sessions"),
                                         hex_text(digest), proof)));
  report_.field("zxid", "", Cell::zxid(point));
  report_.field("znodes", "", Cell::count(replay.state.tree.size()));
  report_.field("sessions", "", Cell::count(replay.state.sessions.size()));
  report_.field("digest", "", Cell::hex(digest));
  report_.field("proven", "", Cell::boolean(proven));
  report_.field("base", "", Cell::string_or_null(plan_.base));
  report_.field("dropped_to", "", zxid_or_null(plan_.dropped_to));
}

void Repair::tell_lost() {
  std::uint64_t damaged = 0, kept = 0, dropped = 0;
  bool unknown = false, torn = false;
  for (const Loss& loss : plan_.losses) {
    if (loss.kind == LossKind::kDamaged) damaged += loss.txns.value_or(0), unknown |= !loss.txns;
    if (loss.kind == LossKind::kLeftOut) left_out_ += loss.txns.value_or(0);
    torn |= loss.kind == LossKind::kTorn;
  }
  for (const RepairedFile& file : plan_.files) {
    kept += file.txns;
    dropped += !file.is_log && file.fate == Fate::kDropped ? 1 : 0;
  }
  report_.field("txns_kept", "", Cell::count(kept)).field("txns_left_out", "", Cell::count(left_out_));
  report_.field("txns_damaged_at_most", "", unknown ? Cell() : Cell::count(damaged));
  if (!plan_.changes()) {
    report_.remark(context_.output.green(
        fmt::format("nothing had to be repaired: {}", counted(kept, "transaction", "transactions"))));
    return;
  }
  std::vector<std::string> parts;
  if (unknown)
    parts.emplace_back("an unknown number of transactions in damaged bytes");
  else if (damaged != 0)
    parts.push_back(counted(damaged, "transaction", "transactions") + " in damaged bytes");
  if (left_out_ != 0)
    parts.push_back(counted(left_out_, "intact transaction", "intact transactions") + " left out");
  if (dropped != 0) parts.push_back(counted(dropped, "snapshot", "snapshots") + " dropped");
  if (torn) parts.emplace_back("a torn write broken off");
  const std::string lost =
      parts.empty() ? "nothing is lost" : fmt::format("lost: {}", fmt::join(parts, ", "));
  const bool grave = damaged + left_out_ + dropped != 0 || unknown;
  report_.remark(fmt::format("{}; kept: {}", grave ? context_.output.red(lost) : lost,
                             counted(kept, "transaction", "transactions")));
}

void Repair::tell_next(std::optional<std::int64_t> point, std::optional<std::int64_t> dropped_to) {
  std::vector<std::string> lines;
  const std::string dir = wanted_.to ? dir_ : "DIR";
  if (options_.salvage)
    lines.push_back(
        fmt::format("this is for reading, with its holes, and no data directory: zkark log {}", dir));
  else if (!options_.directory)
    lines.emplace_back("put them in the place of the damaged ones only while the server is stopped");
  else if (around_.has_config)
    lines.push_back(fmt::format("start with {}/conf/zoo.cfg (dataDir={})", dir, dir));
  else
    lines.push_back(fmt::format("start a server with dataDir={}", dir));
  if (dropped_to) {
    if (around_.voters > 1 || around_.extras.current_epoch)
      lines.push_back(fmt::format(
          "the data end at {} and went on to {}: start this member while the others are up, and it fetches "
          "the rest from the leader",
          zxid_text(*point), zxid_text(*dropped_to)));
    lines.push_back(fmt::format(
        "a server that stands alone issues zxids above {} again, for other writes, and clients that saw "
        "higher ones are refused: zkark restore {} --to DIR gives it a new epoch",
        zxid_text(*point), dir));
  }
  if (left_out_ != 0 && !options_.chop)
    lines.push_back(
        fmt::format("zkark repair {} --salvage -O DIR keeps what is intact and left out, for reading",
                    fmt::join(wanted_.sources, " ")));
  if (options_.directory && !options_.chop &&
      (left_out_ != 0 || restore::has_severity(findings_, restore::Severity::kGap)))
    lines.push_back(
        fmt::format("zkark merge {} OTHER -O DIR takes what is damaged or missing from another member",
                    fmt::join(wanted_.sources, " ")));
  for (std::size_t i = 0; i < lines.size(); ++i)
    report_.remark((i == 0 ? "next: " : "      ") + escape_terminal(lines[i]));
  report_.field("advice", "", Cell::list(std::move(lines)));
}

Status Repair::write() {
  if (wanted_.dry_run) {
    report_.field("written", "", Cell::boolean(false));
    report_.remark("dry run: nothing was written");
    return {};
  }
  ZK_TRY_STATUS(target_->claim(context_.system));
  ZK_TRY(const restore::RepairedCopy made,
         restore::write_repair(context_.fs, *std::move(target_), *opened_.source, std::move(plan_),
                               around_.extras, context_.job));
  report_.field("written", "", Cell::boolean(true)).field("bytes", "", Cell::size(made.bytes));
  report_.remark(fmt::format("wrote {} ({} copied, all of it read back{})", escape_terminal(dir_),
                             human_size(made.bytes), options_.flat() ? "" : ", replayed and equal"));
  return {};
}

Status Repair::run() {
  ZK_TRY_STATUS(open());
  ZK_TRY_STATUS(examine_target());
  // A live server may purge a file between listing and reading it.
  const restore::Findings at_first = findings_;
  Status planned = make_plan();
  for (int again = 0; !planned && planned.error().id() == ErrorId::kNoFile && again < 3; ++again) {
    findings_ = at_first;
    planned = make_plan();
  }
  ZK_TRY_STATUS(std::move(planned));
  report_.field("source", "source", Cell::string(opened_.source->description()));
  report_.field("mode", "",
                Cell::string(options_.salvage     ? "salvage"
                             : options_.directory ? "directory"
                                                  : "files"));
  report_.field("to", "", Cell::string_or_null(dir_)).field("dry_run", "", Cell::boolean(wanted_.dry_run));
  tell_state();
  list_files();
  list_losses(report_, plan_.losses);
  findings_table(report_, findings_);
  tell_lost();
  report_.field("changed", "", Cell::boolean(plan_.changes()));
  const std::optional<std::int64_t> point = plan_.point, dropped_to = plan_.dropped_to;
  ZK_TRY_STATUS(write());
  tell_next(point, dropped_to);
  context_.output.print(report_);
  return {};
}

}  // namespace

Status repair_data(Context& context, const DataRepair& wanted) { return Repair(context, wanted).run(); }

}  // namespace zkark::cli
