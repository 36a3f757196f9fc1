// `inspect`: what a file or directory holds, who wrote it, and whether it is sound.
#include <fmt/format.h>

#include <algorithm>

#include "restore/base_choice.h"
#include "restore/config_files.h"
#include "restore/settings.h"
#include "restore/survey.h"
#include "restore/verify.h"
#include "src/cli/context.h"
#include "src/cli/findings_table.h"
#include "src/cli/show_findings.h"
#include "src/cli/source_arg.h"
#include "src/cli/text.h"
#include "src/cli/verb.h"
#include "src/cli/verify_report.h"

namespace zkark::cli {
namespace {

using restore::LogFacts;
using restore::SnapshotShape;
using restore::Survey;

struct Options {
  std::vector<std::string> sources;
  std::optional<std::string> log_dir, zoo_cfg;
  bool no_replay = false;
};

Cell zxid_or_null(const std::optional<std::int64_t>& zxid) { return zxid ? Cell::zxid(*zxid) : Cell(); }
Cell time_or_null(const std::optional<std::int64_t>& ms) { return ms ? Cell::time(WallTime{*ms}) : Cell(); }

std::string from_to_text(std::int64_t first, std::int64_t last) {
  return fmt::format("{} to {}", zxid_text(first), zxid_text(last));
}
std::string plural(std::uint64_t count, std::string_view one, std::string_view many) {
  return fmt::format("{} {}", human_count(count), count == 1 ? one : many);
}

/// Everything about one source, gathered before anything is printed.
class Inspection {
 public:
  Inspection(Context& context, const Options& options)
      : context_(context), options_(options), report_("inspect") {}
  /// `source` as typed; empty: the repository of -r.
  Status gather(const std::string& source);
  Status print();
  /// One of several: what there is to say in one line.
  static Table& rows_of_sources(Report& report);
  void add_row(Table& table) const;
  const restore::Findings& findings() const { return verdict_.findings; }

 private:
  void describe();
  void describe_history();
  void describe_epochs();
  void describe_clock();
  void describe_proof();
  void list_logs();
  void list_snapshots();
  void list_types();
  void list_steps();
  void list_overlaps();
  void list_accidents();
  void list_settings();
  void list_remarks();
  void conclude();
  void name_accidents();
  std::string written_by() const;
  std::uint64_t count_of(restore::Severity severity) const;
  std::string_view end_of(const LogFacts& log) const;
  bool is_damaged(const std::string& path) const;

  Context& context_;
  const Options& options_;
  Report report_;
  restore::SourceListing listing_;
  Survey survey_;
  restore::VerifyReport verdict_;
  std::vector<restore::ZxidRange> windows_;
  std::vector<restore::LogOverlap> overlaps_;
  restore::CapturedConfig config_;
  std::vector<restore::Setting> settings_;
  std::string description_;
};

bool Inspection::is_damaged(const std::string& path) const {
  return std::any_of(verdict_.findings.begin(), verdict_.findings.end(),
                     [&](const restore::Finding& finding) {
                       return finding.severity == restore::Severity::kDamage && finding.file == path;
                     });
}

/// How a log ends: nothing behind the last record, zeros, a record that was cut short, or worse.
std::string_view Inspection::end_of(const LogFacts& log) const {
  if (is_damaged(log.file.path)) return "damaged";
  for (const restore::Finding& finding : verdict_.findings)
    if (finding.file == log.file.path && finding.id == ErrorId::kTruncated) return "torn";
  if (log.txns == 0) return "no records";
  return log.end_offset < log.file.size_bytes ? "padding" : "at a record";
}

void Inspection::describe_history() {
  std::optional<std::int64_t> first, last;
  for (const LogFacts& log : survey_.logs) {
    if (!log.first_zxid) continue;
    if (!first) first = log.first_zxid;
    last = std::max(last.value_or(*log.last_zxid), *log.last_zxid);
  }
  const bool any = first.has_value();
  std::string text = "no transactions";
  if (any)
    text = fmt::format("{}, {} in {}, {} to {}", from_to_text(*first, *last),
                       plural(survey_.txns, "transaction", "transactions"),
                       plural(survey_.logs.size(), "log", "logs"), human_time(WallTime{*survey_.earliest_ms}),
                       human_time(WallTime{*survey_.latest_ms}));
  report_.field("history", "history", Cell::string(text));
  report_.field("txns", "", Cell::count(survey_.txns));
  report_.field("first_zxid", "", zxid_or_null(first)).field("last_zxid", "", zxid_or_null(last));
  report_.field("first_time", "", time_or_null(survey_.earliest_ms));
  report_.field("last_time", "", time_or_null(survey_.latest_ms));
  std::string windows = restore::windows_text(windows_);
  report_.field("restorable", "restorable", Cell::string(windows));
}

void Inspection::describe_epochs() {
  std::string text;
  auto say = [&](std::string_view name, const std::optional<std::int64_t>& value) {
    if (value) text += fmt::format("{}{} {}", text.empty() ? "" : ", ", name, *value);
  };
  say("currentEpoch", listing_.current_epoch);
  say("acceptedEpoch", listing_.accepted_epoch);
  say("myid", listing_.myid);
  if (survey_.epoch_step_count != 0)
    text += fmt::format("{}{} in the logs", text.empty() ? "" : ", ",
                        plural(survey_.epoch_step_count, "change of epoch", "changes of epoch"));
  report_.field("epochs", text.empty() ? "" : "epochs", Cell::string_or_null(text));
  const auto number = [](const std::optional<std::int64_t>& value) {
    return value ? Cell::integer(*value) : Cell();
  };
  report_.field("current_epoch", "", number(listing_.current_epoch));
  report_.field("accepted_epoch", "", number(listing_.accepted_epoch));
  report_.field("myid", "", number(listing_.myid));
  report_.field("epoch_steps", "", Cell::count(survey_.epoch_step_count));
}

void Inspection::describe_clock() {
  const std::uint64_t steps = survey_.clock_step_count;
  std::string text;
  if (steps != 0)
    text = fmt::format(
        "the leader's clock stepped back {}, by {} at most, first at {}: a time there may name two points",
        steps == 1 ? "once" : fmt::format("{} times", human_count(steps)),
        human_duration_ms(survey_.largest_step_ms), zxid_text(survey_.clock_steps.front().zxid));
  report_.field("clock", steps == 0 ? "" : "clock", Cell::string_or_null(text));
  report_.field("clock_steps", "", Cell::count(steps));
  report_.field("largest_clock_step_ms", "", Cell::duration_ms(survey_.largest_step_ms));
}

void Inspection::describe_proof() {
  std::uint64_t digests = 0;
  for (const LogFacts& log : survey_.logs) digests += log.digests;
  std::string text = fmt::format("{} of {} carry one", human_count(digests),
                                 plural(survey_.txns, "transaction", "transactions"));
  if (verdict_.certificate)
    text = certificate_text(*verdict_.certificate);
  else if (options_.no_replay)
    text += "; not checked (--no-replay)";
  report_.field("digests", "digests", Cell::string(text));
  report_.field("txns_with_digest", "", Cell::count(digests));
  const auto& certificate = verdict_.certificate;
  report_.field("proof", "",
                certificate ? Cell::string(restore::proof_grade_name(certificate->grade)) : Cell());
  const bool proven = certificate && !certificate->proven.empty();
  report_.field("proven_to", "", proven ? Cell::zxid(certificate->proven_to()) : Cell());
  report_.field("not_covered", "", certificate ? Cell::string(restore::kNotCoveredByDigests) : Cell());
}

std::string Inspection::written_by() const {
  restore::Traits newest;
  if (!survey_.snapshots.empty() && survey_.snapshots.back().sound) newest = survey_.snapshots.back().traits;
  if (!survey_.logs.empty()) {
    const restore::Traits& log = survey_.logs.back().traits;
    newest.early_create |= log.early_create;
    newest.bare_close |= log.bare_close;
    newest.since_3_5 |= log.since_3_5;
    newest.since_3_5_3 |= log.since_3_5_3;
    newest.since_3_6 |= log.since_3_6;
    newest.since_3_8_2 |= log.since_3_8_2;
    newest.since_3_9 |= log.since_3_9;
    newest.without_digest |= log.without_digest;
  }
  return std::string(restore::release_text(newest));
}

std::uint64_t Inspection::count_of(restore::Severity severity) const {
  return static_cast<std::uint64_t>(
      std::count_if(verdict_.findings.begin(), verdict_.findings.end(),
                    [&](const restore::Finding& finding) { return finding.severity == severity; }));
}

void Inspection::describe() {
  report_.field("source", "source", Cell::string(description_));
  report_.field("written_by", "written by", Cell::string("ZooKeeper " + written_by()));
  describe_history();
  describe_epochs();
  describe_clock();
  describe_proof();
}

void Inspection::list_logs() {
  Table& table = report_.table("logs", {{"file", "LOG"},
                                        {"first_zxid", "FIRST"},
                                        {"last_zxid", "LAST"},
                                        {"txns", "TXNS"},
                                        {"ineffective", "FAILED"},
                                        {"first_time", "FROM"},
                                        {"last_time", "TO"},
                                        {"size_bytes", "SIZE"},
                                        {"end", "ENDS"},
                                        {"end_offset", ""},
                                        {"record_bytes", ""},
                                        {"digests", ""},
                                        {"written_by", "WRITTEN BY"}});
  for (const LogFacts& log : survey_.logs) {
    const bool any = log.first_zxid.has_value();
    table.row({Cell::string(log.file.path), zxid_or_null(log.first_zxid), zxid_or_null(log.last_zxid),
               Cell::count(log.txns), Cell::count(log.ineffective),
               any ? Cell::time(WallTime{log.first_time_ms}) : Cell(),
               any ? Cell::time(WallTime{log.last_time_ms}) : Cell(), Cell::size(log.file.size_bytes),
               Cell::string(end_of(log)), Cell::integer(static_cast<std::int64_t>(log.end_offset)),
               Cell::size(log.record_bytes), Cell::count(log.digests),
               any ? Cell::string(restore::release_text(log.traits)) : Cell()});
  }
}

void Inspection::list_snapshots() {
  Table& table = report_.table("snapshots", {{"file", "SNAPSHOT"},
                                             {"zxid", "ZXID"},
                                             {"exact_from", "EXACT FROM"},
                                             {"nodes", "ZNODES"},
                                             {"ephemerals", "EPHEMERAL"},
                                             {"sessions", "SESSIONS"},
                                             {"data_bytes", "DATA"},
                                             {"size_bytes", "SIZE"},
                                             {"codec", "CODEC"},
                                             {"state", "STATE"},
                                             {"containers", ""},
                                             {"ttl_nodes", ""},
                                             {"digest", ""},
                                             {"digest_zxid", ""},
                                             {"last_processed_zxid", ""},
                                             {"written_by", "WRITTEN BY"}});
  for (const SnapshotShape& shape : survey_.snapshots) {
    const SnapshotTail& tail = shape.facts.tail;
    const bool fuzzy = shape.fuzzy_end && *shape.fuzzy_end > shape.file.zxid;
    table.row({Cell::string(shape.file.path), Cell::zxid(shape.file.zxid), zxid_or_null(shape.fuzzy_end),
               Cell::count(shape.facts.nodes),
               Cell::count(shape.kinds[static_cast<std::size_t>(NodeKind::kEphemeral)]),
               Cell::count(shape.facts.sessions), Cell::size(shape.data_bytes),
               Cell::size(shape.file.size_bytes), Cell::string(snap_codec_name(shape.file.codec)),
               Cell::string(!shape.sound      ? "damaged"
                            : fuzzy           ? "fuzzy"
                            : shape.fuzzy_end ? "exact"
                                              : "says nothing"),
               Cell::count(shape.kinds[static_cast<std::size_t>(NodeKind::kContainer)]),
               Cell::count(shape.kinds[static_cast<std::size_t>(NodeKind::kTtl)]),
               tail.digest ? Cell::hex(static_cast<std::uint64_t>(tail.digest->digest)) : Cell(),
               tail.digest ? Cell::zxid(tail.digest->zxid) : Cell(), zxid_or_null(tail.last_processed_zxid),
               shape.sound ? Cell::string(restore::release_text(shape.traits)) : Cell()});
  }
}

void Inspection::list_types() {
  Table& table = report_.table(
      "types", {{"type", "TYPE"}, {"txns", "TXNS"}, {"parts", "IN MULTIS"}, {"bytes", "BYTES"}});
  for (const auto& [type, count] : survey_.types)
    table.row({Cell::string(txn_type_name(type)), Cell::count(count.txns), Cell::count(count.parts),
               Cell::size(count.bytes)});
}

void Inspection::list_steps() {
  Table& epochs =
      report_.table("epoch_changes", {{"from_zxid", "EPOCH ENDS AT"}, {"to_zxid", "NEXT BEGINS AT"}});
  for (const restore::EpochChange& step : survey_.epoch_steps)
    epochs.row({Cell::zxid(step.from), Cell::zxid(step.to)});
  Table& clock =
      report_.table("clock_changes", {{"zxid", "CLOCK STEPS BACK AT"}, {"from", "FROM"}, {"to", "TO"}});
  for (const restore::ClockChange& step : survey_.clock_steps)
    clock.row({Cell::zxid(step.zxid), Cell::time(WallTime{step.from_ms}), Cell::time(WallTime{step.to_ms})});
}

void Inspection::list_overlaps() {
  Table& table = report_.table("overlaps", {{"earlier", "LOG"},
                                            {"later", "OVERLAPS WITH"},
                                            {"first_zxid", "FROM"},
                                            {"last_zxid", "TO"},
                                            {"records", "TXNS"},
                                            {"agree", "AGREE"},
                                            {"first_difference", "DIFFER FROM"}});
  for (const restore::LogOverlap& one : overlaps_)
    table.row({Cell::string(one.earlier), Cell::string(one.later), Cell::zxid(one.first),
               Cell::zxid(one.last), Cell::count(one.records), Cell::boolean(!one.first_difference),
               zxid_or_null(one.first_difference)});
}

/// A single file is read whatever its name; in a directory Apache would read it, too.
void Inspection::name_accidents() {
  for (const auto* files : {&listing_.snapshots, &listing_.logs})
    for (const restore::SourceFile& file : *files) {
      const DataFileName name = parse_data_file_name(base_name(file.path));
      if (name.kind != DataFileKind::kAccidentalLog && name.kind != DataFileKind::kAccidentalSnapshot)
        continue;
      restore::Finding note;
      note.id = ErrorId::kBadFileName;
      note.message = fmt::format(
          "no server writes this name, but in a data directory Apache ZooKeeper would take it for {} {}",
          name.kind == DataFileKind::kAccidentalLog ? "log" : "snapshot", zxid_text(name.zxid));
      note.file = file.path;
      verdict_.findings.push_back(std::move(note));
    }
}

void Inspection::list_accidents() {
  Table& table =
      report_.table("by_accident", {{"file", "APACHE WOULD READ, TOO"}, {"kind", "AS"}, {"zxid", "ZXID"}});
  for (const restore::Finding& finding : verdict_.findings) {
    if (finding.id != ErrorId::kBadFileName) continue;
    const DataFileName name = parse_data_file_name(base_name(finding.file));
    if (name.kind == DataFileKind::kAccidentalLog || name.kind == DataFileKind::kAccidentalSnapshot)
      table.row({Cell::string(finding.file),
                 Cell::string(name.kind == DataFileKind::kAccidentalLog ? "log" : "snapshot"),
                 Cell::zxid(name.zxid)});
  }
}

void Inspection::list_settings() {
  Table& table = report_.table("settings", {{"key", "SETTING"},
                                            {"value", "VALUE"},
                                            {"origin", ""},
                                            {"from", "FROM"},
                                            {"file", ""},
                                            {"risk", ""},
                                            {"meaning", "FOR THESE DATA"}});
  for (const restore::Setting& one : settings_)
    table.row({Cell::string(one.key), Cell::string_or_null(one.value),
               Cell::string(setting_origin_name(one.origin)),
               one.origin == restore::SettingOrigin::kJava ? Cell::string(base_name(one.file))
                                                           : Cell::string(setting_origin_name(one.origin)),
               Cell::string_or_null(one.file), Cell::boolean(one.risk), Cell::string_or_null(one.meaning)});
}

/// What a server makes of the configuration itself.
void Inspection::list_remarks() {
  Table& table = report_.table("configuration", {{"file", ""},
                                                 {"line", "LINE"},
                                                 {"key", "KEY"},
                                                 {"kind", "KIND"},
                                                 {"message", "CONFIGURATION"},
                                                 {"hint", "HINT"}});
  const auto add = [&](const ZooCfg& cfg, bool is_dynamic) {
    for (const CfgRemark& remark : cfg.check(is_dynamic)) {
      if (remark.kind == CfgRemark::Kind::kNote) continue;
      table.row({Cell::string(cfg.file()), Cell::integer(remark.line), Cell::string_or_null(remark.key),
                 Cell::string(remark.kind == CfgRemark::Kind::kRefused ? "refused" : "warning"),
                 Cell::string(remark.message), Cell::string_or_null(remark.hint)});
    }
  };
  if (config_.cfg) add(*config_.cfg, false);
  if (config_.dynamic == nullptr) return;
  if (const auto dynamic = ZooCfg::parse(config_.dynamic->content, config_.dynamic->path))
    add(*dynamic, true);
}

void Inspection::conclude() {
  const std::uint64_t damage = count_of(restore::Severity::kDamage), gaps = count_of(restore::Severity::kGap);
  report_.field("damage", "", Cell::count(damage)).field("gaps", "", Cell::count(gaps));
  report_.field("sound", "", Cell::boolean(damage == 0 && gaps == 0));
  Output& output = context_.output;
  for (const restore::Setting& one : settings_)
    if (one.risk)
      report_.remark(output.yellow(
          fmt::format("risk: {}={}: {}", escape_terminal(one.key), escape_terminal(one.value), one.meaning)));
  report_.remark("");
  if (damage == 0 && gaps == 0) {
    report_.remark(output.green(
        options_.no_replay ? "sound: every byte read, nothing damaged, nothing missing (not replayed)"
                           : "sound: nothing damaged, nothing missing"));
    return;
  }
  std::string text;
  if (damage != 0) text = fmt::format("{} damaged", plural(damage, "place is", "places are"));
  if (gaps != 0) text += fmt::format("{}{}", text.empty() ? "" : ", ", plural(gaps, "gap", "gaps"));
  report_.remark(output.red(fmt::format("not sound: {}", text)));
}

Status Inspection::gather(const std::string& name) {
  SourceRequest request;
  if (!name.empty()) request.sources = {name};
  request.log_dir = options_.log_dir.value_or("");
  request.zoo_cfg = options_.zoo_cfg.value_or("");
  ZK_TRY(const OpenedSource opened, open_source(context_, request));
  if (opened.point.kind != restore::PointSpec::Kind::kLatest)
    return fail(Error(ErrorId::kUsage, "inspect looks at all that a source holds, not at a point in it")
                    .with_hint("leave the @POINT out; `zkark ls SRC@POINT` looks into the tree at one"));
  restore::Source& source = *opened.source;
  description_ = source.description();
  ZK_TRY(listing_, source.list());
  if (opened.kind == SourceKind::kRepository && options_.zoo_cfg)
    ZK_TRY_STATUS(replace_config(context_, *options_.zoo_cfg, listing_));
  ZK_TRY(config_, restore::captured_config(listing_));
  for (const restore::Finding& note : config_.notes)
    if (note.id == ErrorId::kBadZooCfg && options_.zoo_cfg) return fail(error_of(note));
  context_.job.progress.phase = "looking";
  ZK_TRY(survey_, restore::survey(source, listing_, context_.job));
  ZK_TRY(overlaps_, restore::log_overlaps(source, listing_, survey_, context_.job));
  const std::string& zoo_cfg = options_.zoo_cfg ? *options_.zoo_cfg : opened.zoo_cfg;
  restore::Findings unread;
  std::vector<restore::ExtraFile> java;
  if (!zoo_cfg.empty()) java = restore::java_flag_files(context_.fs, parent_path(zoo_cfg), unread);
  settings_ = restore::settings_that_matter(config_, survey_, restore::java_properties(java));
  context_.job.progress.phase = options_.no_replay ? "checking" : "replaying";
  ZK_TRY(verdict_,
         restore::verify(source,
                         options_.no_replay ? restore::VerifyDepth::kRead : restore::VerifyDepth::kReplayAll,
                         context_.executor, context_.job));
  verdict_.findings.insert(verdict_.findings.begin(), opened.findings.begin(), opened.findings.end());
  verdict_.findings.insert(verdict_.findings.end(), unread.begin(), unread.end());
  name_accidents();
  ZK_TRY(windows_, restore::restorable_windows(source, listing_, context_.job));
  return {};
}

Status Inspection::print() {
  describe();
  list_logs();
  list_snapshots();
  list_overlaps();
  list_types();
  list_steps();
  list_settings();
  list_remarks();
  list_accidents();
  conclude();
  findings_table(report_, verdict_.findings);
  context_.output.print(report_);
  show_findings(context_.output, verdict_.findings, Stance::kJudging);
  return {};
}

Table& Inspection::rows_of_sources(Report& report) {
  return report.table("sources", {{"source", "SOURCE"},
                                  {"written_by", "WRITTEN BY"},
                                  {"current_epoch", "EPOCH"},
                                  {"accepted_epoch", ""},
                                  {"myid", "MYID"},
                                  {"first_zxid", "FIRST"},
                                  {"last_zxid", "LAST"},
                                  {"txns", "TXNS"},
                                  {"snapshots", "SNAPSHOTS"},
                                  {"first_time", ""},
                                  {"last_time", "TO"},
                                  {"restorable", "RESTORABLE"},
                                  {"proof", "PROOF"},
                                  {"proven_to", ""},
                                  {"damage", "DAMAGE"},
                                  {"gaps", "GAPS"},
                                  {"overlaps", ""},
                                  {"by_accident", ""},
                                  {"risks", "RISKS"}});
}

void Inspection::add_row(Table& table) const {
  std::optional<std::int64_t> first, last;
  for (const LogFacts& log : survey_.logs) {
    if (!log.first_zxid) continue;
    first = std::min(first.value_or(*log.first_zxid), *log.first_zxid);
    last = std::max(last.value_or(*log.last_zxid), *log.last_zxid);
  }
  const auto number = [](const std::optional<std::int64_t>& value) {
    return value ? Cell::integer(*value) : Cell();
  };
  const auto accidents =
      std::count_if(verdict_.findings.begin(), verdict_.findings.end(), [](const restore::Finding& finding) {
        const DataFileKind kind = parse_data_file_name(base_name(finding.file)).kind;
        return finding.id == ErrorId::kBadFileName &&
               (kind == DataFileKind::kAccidentalLog || kind == DataFileKind::kAccidentalSnapshot);
      });
  std::vector<std::string> risks;
  for (const restore::Setting& one : settings_)
    if (one.risk) risks.push_back(fmt::format("{}={}", one.key, one.value));
  const auto& certificate = verdict_.certificate;
  const bool proven = certificate && !certificate->proven.empty();
  table.row({Cell::string(description_), Cell::string(written_by()), number(listing_.current_epoch),
             number(listing_.accepted_epoch), number(listing_.myid), zxid_or_null(first), zxid_or_null(last),
             Cell::count(survey_.txns), Cell::count(survey_.snapshots.size()),
             time_or_null(survey_.earliest_ms), time_or_null(survey_.latest_ms),
             Cell::string(restore::windows_text(windows_)),
             certificate ? Cell::string(restore::proof_grade_name(certificate->grade)) : Cell(),
             proven ? Cell::zxid(certificate->proven_to()) : Cell(),
             Cell::count(count_of(restore::Severity::kDamage)),
             Cell::count(count_of(restore::Severity::kGap)), Cell::count(overlaps_.size()),
             Cell::count(static_cast<std::uint64_t>(accidents)), Cell::list(std::move(risks))});
}

/// Several sources, each by itself: one row each.
Status inspect_each(Context& context, const Options& options) {
  if (options.log_dir || options.zoo_cfg)
    return fail(Error(ErrorId::kUsage, "--log-dir and --zoo-cfg belong to one source, and several are given")
                    .with_hint("give each member's zoo.cfg as SRC: it names both directories"));
  Report report("inspect");
  Table& table = Inspection::rows_of_sources(report.list_of_rows());
  restore::Findings all;
  for (const std::string& name : options.sources) {
    Inspection one(context, options);
    ZK_TRY_STATUS(one.gather(name));
    one.add_row(table);
    all.insert(all.end(), one.findings().begin(), one.findings().end());
  }
  findings_table(report, all);
  report.remark("");
  report.remark("each by itself: `zkark compare` tells whether they agree");
  context.output.print(report);
  show_findings(context.output, all, Stance::kJudging);
  return {};
}

Status run(Context& context, const Options& options) {
  if (options.sources.size() > 1) return inspect_each(context, options);
  Inspection inspection(context, options);
  ZK_TRY_STATUS(inspection.gather(options.sources.empty() ? std::string() : options.sources[0]));
  return inspection.print();
}

}  // namespace

Verb inspect_verb() {
  VerbBuilder<Options> verb({
      .name = "inspect",
      .group = Group::kForensics,
      .summary = "tell what a file or directory holds, who wrote it and whether it is sound",
      .description =
          "Reads every byte and tells, file by file: the zxids, times and kinds of transactions, how each "
          "log "
          "ends, what each snapshot holds and from which zxid on it is exact, which releases can have "
          "written "
          "it, where logs overlap, where epochs begin and clocks step back, what can be restored, and every "
          "finding with its place. Replays everything against the digests in it, unless told not to.\n\n"
          "The settings that decide what happens to the data come from the zoo.cfg beside them, or from the "
          "files themselves where there is none; system properties that java gets are seen as far as "
          "zookeeper-env.sh, java.env or environment beside the zoo.cfg tell (what starts the server may say "
          "otherwise). Files that "
          "ZooKeeper would replay by accident (log.1.bak) are listed.\n\n"
          "Several SRC, such as the directories of an ensemble's members, are inspected each by itself, one "
          "row each.",
      .examples = {{"zkark inspect /var/lib/zookeeper", "a data directory, its history replayed"},
                   {"zkark inspect log.30001a2f1 --no-replay", "one file, in little memory"},
                   {"zkark inspect zk1/zoo.cfg zk2/zoo.cfg zk3/zoo.cfg", "three members, one row each"}},
      .exit_codes = {5, 6},
      .uses = kUsesRepository | kUsesCache | kUsesProgress,
  });
  verb.argument("SRC", &Options::sources, "what to read; the repository of -r if left out")
      .completes(Completes::kSource);
  verb.text("log-dir", "DIR", &Options::log_dir, "the dataLogDir, where it is apart from the dataDir")
      .completes(Completes::kDirectory);
  verb.text("zoo-cfg", "FILE", &Options::zoo_cfg, "the configuration, where it does not lie beside the data")
      .completes(Completes::kFile);
  verb.flag("no-replay", &Options::no_replay, "only read and check the files, without building a tree");
  return std::move(verb).build(run);
}

}  // namespace zkark::cli
