// `restore`: a directory that a server boots from, at any point.
#include <fmt/format.h>

#include "formats/base/system.h"
#include "restore/base_choice.h"
#include "restore/materialize.h"
#include "restore/target.h"
#include "src/cli/context.h"
#include "src/cli/point_in_time.h"
#include "src/cli/show_findings.h"
#include "src/cli/source_arg.h"
#include "src/cli/text.h"
#include "src/cli/verb.h"

namespace zkark::cli {
namespace {

using restore::Target;
using restore::TimeRule;

struct Options {
  std::vector<std::string> sources;
  std::optional<std::string> log_dir, zoo_cfg;
  std::optional<std::string> to, to_log_dir;
  std::optional<std::string> at;
  bool exclusive = false;
  TimeRule time_rule = TimeRule::kRefuse;
  Given<std::int64_t> bump_epoch;
  bool no_bump_epoch = false;
  bool keep_sessions = false, drop_ephemerals = false;
  std::optional<std::string> path;
  std::optional<std::int64_t> server_id;
  bool replace = false;
  std::optional<std::string> owner;
  bool dry_run = false;
};

/// 5 or 0x105.
Result<std::int64_t> parse_epoch(std::string_view text) {
  if (text.starts_with("0x") || text.starts_with("0X")) return parse_zxid(text);
  return parse_number(text, 1, restore::kMaxEpoch);
}

/// 20261121T053130Z.
std::string stamp_of(WallTime time) {
  std::string stamp;
  for (char c : rfc3339(time).substr(0, 19))
    if (c != '-' && c != ':') stamp += c;
  return stamp + "Z";
}

/// One restore from its options to its last line.
class Restore {
 public:
  Restore(Context& context, const Options& options)
      : context_(context), options_(options), report_("restore") {}
  Status run();

 private:
  Status find_target();
  Status plan();
  Status write();
  bool bumps() const { return !options_.no_bump_epoch; }
  bool keeps_sessions() const { return options_.keep_sessions || (!bumps() && !options_.drop_ephemerals); }
  restore::TargetDirOptions target_options() const;
  void say(std::string_view label, const std::string& text);
  void tell_dropped(const restore::Reshaped& reshaped);
  std::string proof_text(const restore::ReplayResult& replay) const;

  Context& context_;
  const Options& options_;
  Report report_;
  OpenedSource opened_;
  restore::SourceListing listing_;
  Target target_;
  std::optional<restore::Rebuilt> rebuilt_;
  std::optional<restore::TargetDir> directory_;
  restore::Contents contents_;
  MonotonicTime started_;
};

/// "target   …": the label in a column of its own.
void Restore::say(std::string_view label, const std::string& text) {
  if (!context_.output.is_table()) return;
  context_.output.line(fmt::format("{:<9}{}", label, text));
}

restore::TargetDirOptions Restore::target_options() const {
  restore::TargetDirOptions target;
  target.dir = *options_.to;
  target.log_dir = options_.to_log_dir.value_or("");
  target.replace = options_.replace;
  target.stamp = stamp_of(context_.clock.wall());
  return target;
}

Cell note_cell(const std::optional<restore::RecordNote>& note) {
  if (!note) return Cell::null();
  std::vector<std::pair<std::string, std::string>> items = {{"zxid", zxid_text(note->zxid)},
                                                            {"time", rfc3339(WallTime{note->time_ms})},
                                                            {"type", std::string(txn_type_name(note->type))}};
  if (!note->path.empty()) items.emplace_back("path", note->path);
  return Cell::map(std::move(items));
}

Status Restore::find_target() {
  restore::TargetOptions wanted;
  if (options_.at) {
    ZK_TRY(wanted.point, parse_point(*options_.at, context_));
  }
  wanted.exclusive = options_.exclusive;
  wanted.time_rule = options_.time_rule;
  ZK_TRY(target_, restore::resolve_target(*opened_.source, listing_, wanted, context_.job));
  std::string text = target_.record
                         ? escape_terminal(restore::note_text(*target_.record))
                         : fmt::format("{} (no record of its own is stored)", zxid_text(target_.zxid));
  if (target_.next)
    text += fmt::format("   (next, not applied: {})", escape_terminal(restore::note_text(*target_.next)));
  else
    text += "   (nothing is stored after it)";
  say("target", text);
  report_.field("zxid", "", Cell::zxid(target_.zxid));
  report_.field("record", "", note_cell(target_.record));
  report_.field("previous", "", note_cell(target_.previous));
  report_.field("next", "", note_cell(target_.next));
  return {};
}

void Restore::tell_dropped(const restore::Reshaped& reshaped) {
  for (const auto& [session, path] : reshaped.ephemerals)
    context_.output.detail(fmt::format("dropped: {} of session {}", escape_terminal(path),
                                       hex_text(static_cast<std::uint64_t>(session))));
  report_.field("sessions_kept", "", Cell::boolean(keeps_sessions()));
  Table& sessions = report_.table("sessions_dropped", {{"session", ""}, {"timeout_ms", ""}});
  for (const auto& [id, timeout_ms] : reshaped.sessions)
    sessions.row({Cell::session(id), Cell::integer(timeout_ms)});
  Table& ephemerals = report_.table("ephemerals_dropped", {{"path", ""}, {"session", ""}});
  for (const auto& [session, path] : reshaped.ephemerals)
    ephemerals.row({Cell::string(path), Cell::session(session)});
}

/// What the digests prove about the point, in a few words.
std::string Restore::proof_text(const restore::ReplayResult& replay) const {
  const auto& proven = replay.certificate.proven;
  const std::uint64_t digest = replay.state.tree.digest();
  if (!proven.empty() && proven.back().first <= target_.zxid && proven.back().last >= target_.zxid)
    return fmt::format("digest {} matches the server's own at {}", hex_text(digest), zxid_text(target_.zxid));
  if (!proven.empty())
    return fmt::format("proven by the server's digests up to {}, not beyond", zxid_text(proven.back().last));
  return "no digest of the server's own covers it (before 3.6, or switched off)";
}

Status Restore::plan() {
  restore::Findings findings;
  context_.job.progress.phase = "replaying";
  ZK_TRY(rebuilt_, restore::rebuild(*opened_.source, listing_, target_.zxid, findings, context_.job));
  for (const restore::Finding& finding : findings) {
    if (finding.severity == restore::Severity::kNote)
      show_finding(context_.output, finding, Stance::kReading);
    else
      context_.output.warn(error_of(finding).to_string());
  }
  const restore::ReplayResult& replay = rebuilt_->replay;
  restore::State& state = rebuilt_->replay.state;
  state.last_zxid = target_.zxid;

  const std::string base =
      rebuilt_->base == nullptr ? "the built-in initial tree" : std::string(base_name(rebuilt_->base->path));
  report_.field("base", "", rebuilt_->base == nullptr ? Cell::null() : Cell::string(rebuilt_->base->path));
  report_.field("txns_replayed", "", Cell::count(replay.txns));
  report_.field("digest_at_point", "", Cell::hex(state.tree.digest()));
  report_.field("proof", "", Cell::string(restore::proof_grade_name(replay.certificate.grade)));
  report_.field(
      "proven_to", "",
      replay.certificate.proven.empty() ? Cell::null() : Cell::zxid(replay.certificate.proven_to()));
  report_.field("not_covered", "", Cell::string(restore::kNotCoveredByDigests));
  const std::string proof = proof_text(replay);

  ZK_TRY(const std::int64_t highest, restore::highest_zxid(*opened_.source, listing_, context_.job));
  std::string epoch_text = fmt::format("epoch {:#x} kept", zxid_epoch(target_.zxid));
  contents_.snapshot_zxid = target_.zxid;
  contents_.current_epoch =
      std::max<std::int64_t>(listing_.current_epoch.value_or(0), zxid_epoch(target_.zxid));
  contents_.accepted_epoch = std::max(listing_.accepted_epoch.value_or(0), contents_.current_epoch);
  if (bumps()) {
    ZK_TRY(const std::int64_t epoch,
           restore::choose_epoch(std::max(highest, target_.zxid), options_.bump_epoch.value));
    contents_.snapshot_zxid = make_zxid(static_cast<std::uint32_t>(epoch), 0);
    contents_.current_epoch = contents_.accepted_epoch = epoch;
    contents_.lineage.epoch = epoch;
    epoch_text = fmt::format("epoch {:#x} → {:#x}", zxid_epoch(target_.zxid), epoch);
  }
  restore::ReshapeOptions shape;
  shape.keep_sessions = keeps_sessions();
  shape.path = options_.path.value_or("");
  ZK_TRY(const restore::Reshaped reshaped, restore::reshape(state, shape));
  tell_dropped(reshaped);

  contents_.server_id = options_.server_id ? options_.server_id : listing_.myid;
  contents_.lineage.source = opened_.source->description();
  contents_.lineage.fork_zxid = target_.zxid;
  contents_.lineage.snapshot_zxid = contents_.snapshot_zxid;
  contents_.lineage.sessions_kept = keeps_sessions();
  contents_.lineage.path = shape.path;
  contents_.lineage.restored_ms = context_.clock.wall().ms;

  std::string text =
      fmt::format("{} + {} txns → {}; {}", base, human_count(replay.txns), *options_.to, epoch_text);
  if (!reshaped.sessions.empty() || !reshaped.ephemerals.empty())
    text += fmt::format("; {} ephemerals of {} sessions dropped (--keep-sessions to keep)",
                        human_count(reshaped.ephemerals.size()), human_count(reshaped.sessions.size()));
  say("plan", text);
  say("proof", proof);
  report_.field("epoch", "", Cell::integer(contents_.current_epoch));
  report_.field("bumped", "", Cell::boolean(bumps()));
  report_.field("snapshot_zxid", "", Cell::zxid(contents_.snapshot_zxid));
  return {};
}

Status Restore::write() {
  ZK_TRY(const restore::Materialized made,
         restore::materialize(context_.fs, *std::move(directory_), *options_.to,
                              std::move(rebuilt_->replay.state), contents_, context_.job));
  for (const std::string& path : made.moved_aside) say("moved", fmt::format("what was there is in {}", path));
  const double seconds = static_cast<double>(context_.clock.monotonic().ns - started_.ns) / 1e9;
  say("restored", fmt::format("{} znodes, {} sessions in {:.1f} s; {} written, read back, digest {} equal",
                              human_count(made.nodes), human_count(made.sessions), seconds,
                              human_size(made.bytes), hex_text(made.digest)));
  report_.field("snapshot", "", Cell::string(made.snapshot));
  report_.field("znodes", "", Cell::count(made.nodes));
  report_.field("sessions", "", Cell::count(made.sessions));
  report_.field("bytes", "", Cell::size(made.bytes));
  report_.field("digest", "", Cell::hex(made.digest));
  report_.field("moved_aside", "", Cell::list(made.moved_aside));
  say("next", fmt::format("Apache ZooKeeper: dataDir={}", *options_.to));
  return {};
}

Status Restore::run() {
  started_ = context_.clock.monotonic();
  if (!options_.to) return fail(Error(ErrorId::kUsage, "where to restore is missing").with_hint("--to DIR"));
  SourceRequest request{options_.sources, options_.log_dir.value_or(""), options_.zoo_cfg.value_or("")};
  ZK_TRY(opened_, open_source(context_, request));
  ZK_TRY(listing_, opened_.source->list());
  report_.field("source", "", Cell::string(opened_.source->description()));
  report_.field("target_dir", "", Cell::string(*options_.to));
  report_.field("dry_run", "", Cell::boolean(options_.dry_run));
  ZK_TRY_STATUS(find_target());
  ZK_TRY(directory_, restore::TargetDir::claim(context_.fs, context_.system, target_options()));
  ZK_TRY_STATUS(plan());
  if (!options_.dry_run) ZK_TRY_STATUS(write());
  if (!context_.output.is_table()) context_.output.print(report_);
  return {};
}

Status run(Context& context, const Options& options) { return Restore(context, options).run(); }

}  // namespace

Verb restore_verb() {
  VerbBuilder<Options> verb({
      .name = "restore",
      .group = Group::kRestore,
      .summary = "rebuild a data directory at any point",
      .description = "x",
      .exit_codes = {3, 5, 6, 7, 9},
      .uses = kUsesTime | kUsesProgress,
      .changes_state = true,
  });
  verb.argument("SRC", &Options::sources, "data directory, files, tarballs or zoo.cfg")
      .completes(Completes::kSource);
  verb.text("log-dir", "DIR", &Options::log_dir, "the dataLogDir of SRC").completes(Completes::kDirectory);
  verb.text("zoo-cfg", "FILE", &Options::zoo_cfg, "the configuration of SRC").completes(Completes::kFile);
  verb.text("to", "DIR", &Options::to, "the directory to make").completes(Completes::kDirectory);
  verb.text("to-log-dir", "DIR", &Options::to_log_dir, "a dataLogDir of its own")
      .completes(Completes::kDirectory);
  verb.text("at", "POINT", &Options::at, "the point; the end of what is there if left out")
      .completes(Completes::kPoint);
  verb.flag("exclusive", &Options::exclusive, "stop just before that point");
  verb.choice("time-rule", "RULE", &Options::time_rule,
              {{"refuse", TimeRule::kRefuse}, {"first", TimeRule::kFirst}, {"last", TimeRule::kLast}},
              "what a time means that names two points");
  verb.parsed("bump-epoch", "N", &Options::bump_epoch, parse_epoch, "the new epoch");
  verb.flag("no-bump-epoch", &Options::no_bump_epoch, "an exact copy").excludes({"bump-epoch"});
  verb.flag("keep-sessions", &Options::keep_sessions, "keep sessions");
  verb.flag("drop-ephemerals", &Options::drop_ephemerals, "drop sessions").excludes({"keep-sessions"});
  verb.text("path", "PATH", &Options::path, "only this node");
  verb.number("server-id", "N", &Options::server_id, 0, 255, "myid");
  verb.flag("replace", &Options::replace, "move aside");
  verb.text("owner", "USER:GROUP", &Options::owner, "owner");
  verb.flag("dry-run", &Options::dry_run, "only say what would be done");
  return std::move(verb).build(run);
}

}  // namespace zkark::cli
