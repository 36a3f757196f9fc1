// `inspect`: what a file or directory holds, who wrote it, and whether it is sound.
#include <fmt/format.h>

#include <algorithm>

#include "restore/base_choice.h"
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
  std::optional<std::string> source;
  std::optional<std::string> log_dir;
  bool no_replay = false;
};

Cell zxid_or_null(const std::optional<std::int64_t>& zxid) { return zxid ? Cell::zxid(*zxid) : Cell(); }
Cell time_or_null(const std::optional<std::int64_t>& ms) { return ms ? Cell::time(WallTime{*ms}) : Cell(); }

std::string range_text(std::int64_t first, std::int64_t last) {
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
  Status run();

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
  void conclude();
  std::string_view end_of(const LogFacts& log) const;
  bool is_damaged(const std::string& path) const;

  Context& context_;
  const Options& options_;
  Report report_;
  restore::SourceListing listing_;
  Survey survey_;
  restore::VerifyReport verdict_;
  std::vector<restore::ZxidRange> windows_;
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
    text = fmt::format("{}, {} in {}, {} to {}", range_text(*first, *last),
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

void Inspection::describe() {
  report_.field("source", "source", Cell::string(description_));
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
  report_.field("written_by", "written by",
                Cell::string(fmt::format("ZooKeeper {}", restore::release_text(newest))));
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

void Inspection::conclude() {
  std::uint64_t damage = 0, gaps = 0;
  for (const restore::Finding& finding : verdict_.findings) {
    if (finding.severity == restore::Severity::kDamage) ++damage;
    if (finding.severity == restore::Severity::kGap) ++gaps;
  }
  report_.field("damage", "", Cell::count(damage)).field("gaps", "", Cell::count(gaps));
  report_.field("sound", "", Cell::boolean(damage == 0 && gaps == 0));
  Output& output = context_.output;
  if (damage == 0 && gaps == 0) {
    report_.remark("");
    report_.remark(output.green(
        options_.no_replay ? "sound: every byte read, nothing damaged, nothing missing (not replayed)"
                           : "sound: nothing damaged, nothing missing"));
    return;
  }
  std::string text;
  if (damage != 0) text = fmt::format("{} damaged", plural(damage, "place is", "places are"));
  if (gaps != 0) text += fmt::format("{}{}", text.empty() ? "" : ", ", plural(gaps, "gap", "gaps"));
  report_.remark("");
  report_.remark(output.red(fmt::format("not sound: {}", text)));
}

Status Inspection::run() {
  ZK_TRY(const OpenedSource opened,
         open_source(context_, {options_.source ? std::vector<std::string>{*options_.source}
                                                : std::vector<std::string>(),
                                options_.log_dir.value_or(""), ""}));
  if (opened.point.kind != restore::PointSpec::Kind::kLatest)
    return fail(Error(ErrorId::kUsage, "inspect looks at all that a source holds, not at a point in it")
                    .with_hint("leave the @POINT out; `zkark ls SRC@POINT` looks into the tree at one"));
  restore::Source& source = *opened.source;
  description_ = source.description();
  ZK_TRY(listing_, source.list());
  context_.job.progress.phase = "looking";
  ZK_TRY(survey_, restore::survey(source, listing_, context_.job));
  context_.job.progress.phase = options_.no_replay ? "checking" : "replaying";
  ZK_TRY(verdict_,
         restore::verify(source,
                         options_.no_replay ? restore::VerifyDepth::kRead : restore::VerifyDepth::kReplayAll,
                         context_.executor, context_.job));
  verdict_.findings.insert(verdict_.findings.begin(), opened.findings.begin(), opened.findings.end());
  ZK_TRY(windows_, restore::restorable_windows(source, listing_, context_.job));
  describe();
  list_logs();
  list_snapshots();
  list_types();
  list_steps();
  conclude();
  findings_table(report_, verdict_.findings);
  context_.output.print(report_);
  show_findings(context_.output, verdict_.findings, Stance::kJudging);
  return {};
}

Status run(Context& context, const Options& options) { return Inspection(context, options).run(); }

}  // namespace

Verb inspect_verb() {
  VerbBuilder<Options> verb({
      .name = "inspect",
      .group = Group::kForensics,
      .summary = "tell what a file or directory holds, who wrote it and whether it is sound",
      .description = "Reads every byte and tells, file by file: the zxids, times and kinds of transactions, "
                     "how each log ends, what "
                     "each snapshot holds and from which zxid on it is exact, which releases can have "
                     "written it, where epochs "
                     "begin and clocks step back, what can be restored, and every finding with its place. "
                     "Replays everything "
                     "against the digests in it, unless told not to.",
      .examples = {{"zkark inspect /var/lib/zookeeper", "a data directory, its history replayed"},
                   {"zkark inspect log.30001a2f1 --no-replay", "one file, in little memory"}},
      .exit_codes = {5, 6},
      .uses = kUsesRepository | kUsesCache | kUsesProgress,
  });
  verb.argument("SRC", &Options::source, "what to read; the repository of -r if left out")
      .completes(Completes::kSource);
  verb.text("log-dir", "DIR", &Options::log_dir, "the dataLogDir, where it is apart from the dataDir")
      .completes(Completes::kDirectory);
  verb.flag("no-replay", &Options::no_replay, "only read and check the files, without building a tree");
  return std::move(verb).build(run);
}

}  // namespace zkark::cli
